"""The STIX bundle, as the library of the standard reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import stix2  # type: ignore[import-untyped]

from brokenseal.report.shape import IncidentDocument


def bundle(data: bytes) -> Any:
    return stix2.parse(data.decode(), allow_custom=False, version="2.1")


def of_kind(parsed: Any, kind: str) -> list[Any]:
    return [one for one in parsed.objects if one.type == kind]


def test_every_kind_is_there_and_every_reference_leads_to_something(
    sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    data = exported(sample, "stix")
    parsed = bundle(data)
    kinds = Counter(one.type for one in parsed.objects)
    assert {
        "identity",
        "observed-data",
        "indicator",
        "attack-pattern",
        "vulnerability",
        "intrusion-set",
        "malware",
        "relationship",
        "sighting",
        "report",
        "marking-definition",
        "ipv4-addr",
        "file",
        "url",
        "process",
        "email-addr",
    } <= set(kinds)
    ids = {one.id for one in parsed.objects}
    assert len(ids) == len(parsed.objects)
    named: set[str] = set()

    def collect(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                collect(item, name)
        elif isinstance(value, list):
            for item in value:
                collect(item, key)
        elif isinstance(value, str) and key.endswith(("_ref", "_refs")):
            named.add(value)

    collect(json.loads(data))
    assert named <= ids


def test_indicators_are_what_others_can_search_for(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    patterns = {one.pattern for one in of_kind(bundle(exported(sample, "stix")), "indicator")}
    shell = sample["intrusions"][0]["webshells"][0]
    assert patterns == {
        "[ipv4-addr:value = '198.51.100.23']",
        "[ipv4-addr:value = '203.0.113.7']",
        f"[file:hashes.'SHA-256' = '{shell['sha256']}']",
        "[url:value MATCHES '/aspnet_client/system_web/Qx7pLm2a\\\\.aspx']",
    }


def test_local_addresses_and_pages_that_never_answered_are_no_indicators(
    sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    document = json.loads(json.dumps(sample))
    document["intrusions"][0]["source_ips"] = ["10.1.2.3", "::1", "fe80::1%eth0", "not an address", "192.168.0.9"]
    document["intrusions"][0]["webshells"][0]["state"] = "never_answered"
    assert of_kind(bundle(exported(document, "stix")), "indicator") == []


def test_times_come_from_the_evidence(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    parsed = bundle(exported(sample, "stix"))
    (intrusion,) = of_kind(parsed, "intrusion-set")
    assert str(intrusion.first_seen) == "2021-03-03 04:10:55.203000+00:00"
    assert 0 < intrusion.confidence <= 100
    (report,) = of_kind(parsed, "report")
    last = max(*(one["last_seen"] for one in sample["intrusions"]), *(one["last"] for one in sample["mailboxes"]))
    assert report.published.isoformat(timespec="milliseconds").replace("+00:00", "Z") >= last


def test_techniques_have_attacks_own_ids(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    techniques = of_kind(bundle(exported(sample, "stix")), "attack-pattern")
    expected = {one["id"] for one in sample["intrusions"][0]["techniques"]}
    assert {one.external_references[0].external_id for one in techniques} == expected
    assert all(one.external_references[0].source_name == "mitre-attack" for one in techniques)


def test_common_objects_have_the_same_id_in_another_incident(
    sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    other = json.loads(json.dumps(sample))
    other["intrusions"][0]["last_seen"] = "2021-03-09T00:00:00.000Z"
    other["summary"] = "Another one."
    first, second = bundle(exported(sample, "stix")), bundle(exported(other, "stix"))
    assert first.id != second.id
    for kind in ("attack-pattern", "vulnerability", "ipv4-addr", "email-addr"):
        assert {one.id for one in of_kind(first, kind)} == {one.id for one in of_kind(second, kind)}
    assert of_kind(first, "report")[0].id != of_kind(second, "report")[0].id


@pytest.mark.parametrize(("tlp", "mark"), [("clear", "TLP_WHITE"), ("amber", "TLP_AMBER"), ("red", "TLP_RED")])
def test_everything_of_the_incident_is_marked(
    tlp: str, mark: str, sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    parsed = bundle(exported(sample, "stix", tlp=tlp))
    expected = getattr(stix2.v21, mark).id
    public = {"marking-definition", "attack-pattern", "vulnerability"}
    for one in parsed.objects:
        if one.type not in public and one.get("name") != "brokenseal":
            assert one.object_marking_refs == [expected], one.type
