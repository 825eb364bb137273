"""The ATT&CK Navigator layer, against its format 4.5."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from brokenseal.report.shape import IncidentDocument


def layer(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)
    return found


def test_the_layer_has_what_the_format_asks_for(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    found = layer(exported(sample, "navigator"))
    assert found["name"]
    assert found["domain"] == "enterprise-attack"
    assert found["versions"]["layer"] == "4.5"
    assert tuple(map(int, found["versions"]["navigator"].split("."))) >= (4, 9, 0)
    assert len(found["gradient"]["colors"]) >= 2
    assert found["gradient"]["maxValue"] > found["gradient"]["minValue"]
    for technique in found["techniques"]:
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique["techniqueID"])
        assert 1 <= technique["score"] <= found["gradient"]["maxValue"]
        assert all(set(pair) == {"name", "value"} and pair["value"] for pair in technique["metadata"])


def test_a_score_is_the_number_of_findings(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    document = json.loads(json.dumps(sample))
    for finding in document["findings"]:
        finding["tags"] = ["attack.t1190"]
    document["findings"][0]["tags"].append("attack.T1505.003")
    scores = {one["techniqueID"]: one["score"] for one in layer(exported(document, "navigator"))["techniques"]}
    assert scores["T1190"] == len(document["findings"])
    assert scores["T1505.003"] == 1
    comments = {one["techniqueID"]: one["comment"] for one in layer(exported(document, "navigator"))["techniques"]}
    assert comments["T1505.003"] == f"{document['findings'][0]['id']}: {document['findings'][0]['title']}"
