"""The MISP event: its own checks, and those of pymisp where it is installed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal.report.shape import IncidentDocument

CATEGORIES = {
    "ip-src": "Network activity",
    "uri": "Network activity",
    "vulnerability": "External analysis",
    "target-machine": "Targeting data",
    "target-email": "Targeting data",
    "target-user": "Targeting data",
}


def event(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)["Event"]
    return found


def test_the_event_has_what_misp_asks_for(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    found = event(exported(sample, "misp"))
    assert (found["threat_level_id"], found["analysis"], found["distribution"]) == ("1", "2", "0")
    assert found["published"] is False
    assert {"name": "tlp:amber"} in found["Tag"]
    assert {"name": 'misp-galaxy:mitre-attack-pattern="Web Shell - T1505.003"'} in found["Tag"]
    ids = [found["uuid"], *(one["uuid"] for one in [*found["Attribute"], *found["Object"]])]
    ids += [one["uuid"] for part in found["Object"] for one in part["Attribute"]]
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(one).version for one in ids} == {5}
    for attribute in found["Attribute"]:
        assert attribute["category"] == CATEGORIES[attribute["type"]]
        assert attribute["value"]


def test_only_what_means_something_elsewhere_is_for_detection(
    sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    document = json.loads(json.dumps(sample))
    document["intrusions"][0]["source_ips"] = ["203.0.113.7", "10.1.2.3", "no address"]
    found = event(exported(document, "misp"))
    addresses = {one["value"]: one["to_ids"] for one in found["Attribute"] if one["type"] == "ip-src"}
    assert addresses == {"203.0.113.7": True, "10.1.2.3": False}
    assert not any(one["to_ids"] for one in found["Attribute"] if one["type"].startswith("target-"))


def test_the_web_shell_is_a_file_object(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    (shell,) = [one for one in event(exported(sample, "misp"))["Object"] if one["name"] == "file"]
    values = {one["object_relation"]: one["value"] for one in shell["Attribute"]}
    assert values["filename"] == "Qx7pLm2a.aspx"
    assert values["sha256"] == sample["intrusions"][0]["webshells"][0].get("sha256")
    assert values["fullpath"].startswith("C:\\inetpub")


def test_pymisp_reads_it(sample: IncidentDocument, exported: Callable[..., bytes], tmp_path: Path) -> None:
    pymisp = pytest.importorskip("pymisp", reason="pymisp is not installed")
    path = tmp_path / "event.json"
    path.write_bytes(exported(sample, "misp"))
    loaded = pymisp.MISPEvent()
    loaded.load_file(str(path))
    ours = event(path.read_bytes())
    assert (len(loaded.attributes), len(loaded.objects)) == (len(ours["Attribute"]), len(ours["Object"]))
    described = loaded.describe_types["category_type_mappings"]
    attributes = [*loaded.attributes, *(one for part in loaded.objects for one in part.attributes)]
    assert [one for one in attributes if one.type not in described[one.category]] == []
    for part in loaded.objects:
        template = pymisp.MISPObject(part.name, strict=True)
        assert (template.template_uuid, template["meta-category"]) == (part.template_uuid, part["meta-category"])
        for one in part.attributes:
            assert one.type == template._definition["attributes"][one.object_relation]["misp-attribute"]
