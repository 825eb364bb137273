"""DFIR-IRIS: what its importer checks, checked here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime

from brokenseal.report.shape import IncidentDocument

HEADER = (
    "event_date,event_tz,event_title,event_category,event_content,event_raw,event_source,event_assets,event_iocs,"
    "event_tags"
)


def rows(data: bytes) -> list[dict[str, str]]:
    # IRIS splits the text into lines before it reads it as CSV.
    return list(csv.DictReader(data.decode("utf-8").splitlines()))


def test_the_importer_takes_every_row(
    sample: IncidentDocument, exported: Callable[..., bytes], changed_texts: Callable[..., IncidentDocument]
) -> None:
    hostile = changed_texts(sample, lambda text: text + '\n"\u2028;|,x')
    for document in (sample, hostile):
        data = exported(document, "iris", "timeline")
        assert data.decode().splitlines()[0] == HEADER
        assets = {row["asset_name"] for row in rows(exported(document, "iris", "assets"))}
        iocs = {row["ioc_value"] for row in rows(exported(document, "iris", "iocs"))}
        for row in rows(data):
            assert row["event_title"]
            datetime.strptime(row["event_date"] + row["event_tz"], "%Y-%m-%dT%H:%M:%S.%f%z")
            assert {name for name in row["event_assets"].split(";") if name} <= assets
            assert {name for name in row["event_iocs"].split("|") if name} <= iocs
            assert None not in row


def test_what_the_events_name_can_be_imported_first(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    assets = exported(sample, "iris", "assets").decode()
    assert assets.startswith("asset_name,asset_type_name,asset_description,asset_ip,asset_domain,asset_tags\n")
    assert "exch01.corp.example,Windows - Server," in assets
    iocs = rows(exported(sample, "iris", "iocs", "green"))
    assert {(row["ioc_value"], row["ioc_type"], row["ioc_tlp"]) for row in iocs} == {
        ("198.51.100.23", "ip-src", "green"),
        ("203.0.113.7", "ip-src", "green"),
        (sample["intrusions"][0]["webshells"][0].get("sha256"), "sha256", "green"),
        ("/aspnet_client/system_web/Qx7pLm2a.aspx", "uri", "green"),
    }


def test_the_raw_text_of_a_line_is_the_raw_event(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    by_place = {f"{line['file']}:{line['line']}": line["text"] for line in sample["cited"]["lines"]}
    texts = {row["event_raw"] for row in rows(exported(sample, "iris", "timeline")) if row["event_source"] in by_place}
    assert by_place[f"{sample['findings'][0]['evidence'][0]['file']}:412"] in texts


def test_a_tactic_of_the_rule_is_the_category(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    document = json.loads(json.dumps(sample))
    document["findings"][0]["tags"] = ["attack.initial-access", "attack.t1190"]
    title = document["findings"][0]["title"]
    found = [row for row in rows(exported(document, "iris", "timeline")) if row["event_title"].startswith(title)]
    assert found[0]["event_category"] == "Initial Access"
    assert found[0]["event_tags"].split("|")[-2:] == ["attack.initial-access", "attack.t1190"]
