"""The fields of the simulated events are those of real ones, and in their order."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from brokenseal.simulate import windows_events
from brokenseal.simulate.evtx_file import EventKind

LAB = Path(__file__).parents[3] / "shared" / "evidence" / "otrf-proxylogon" / "proxylogon_ssrf_rce_poc.zip"
KINDS = {
    "process created": windows_events.PROCESS_CREATED,
    "file created": windows_events.FILE_CREATED,
    "file deleted": windows_events.FILE_DELETED,
    "logged on": windows_events.LOGGED_ON,
    "logged off": windows_events.LOGGED_OFF,
    "special privileges": windows_events.SPECIAL_PRIVILEGES,
    "process audited": windows_events.PROCESS_AUDITED,
    "service state": windows_events.SERVICE_STATE,
}


@pytest.fixture(scope="module")
def lab() -> dict[tuple[str, int], dict[str, Any]]:
    """One event of each channel and number of a real lab run."""
    if not LAB.is_file():
        pytest.skip("the lab run's events (../shared/evidence/otrf-proxylogon) are not here")
    events: dict[tuple[str, int], dict[str, Any]] = {}
    with zipfile.ZipFile(LAB) as archive, archive.open(archive.namelist()[0]) as lines:
        for line in lines:
            event = json.loads(line)
            events.setdefault((event["Channel"], event["EventID"]), event)
    return events


@pytest.mark.parametrize("name", KINDS)
def test_fields_and_header_are_those_of_the_lab_run(lab: dict[tuple[str, int], dict[str, Any]], name: str) -> None:
    kind: EventKind = KINDS[name]
    real = lab[kind.channel, kind.event_id]
    names = [field for field, _ in kind.fields or ()]
    assert [field for field in real if field in names] == names
    assert set(real) - set(names) <= {
        "SourceName", "ProviderGuid", "Level", "Keywords", "Channel", "Hostname", "TimeCreated", "@timestamp", "EventID",
        "Message", "Task",
    }  # fmt: skip
    assert real["SourceName"] == kind.provider
    assert real["ProviderGuid"].strip("{}").lower() == kind.guid
    assert (real["Level"], real["Task"]) == (str(kind.level), str(kind.task))
    assert int(real["Keywords"], 16) == kind.keywords


def test_classic_kinds_have_qualifiers_and_data_without_names() -> None:
    kinds = [value for value in vars(windows_events).values() if isinstance(value, EventKind)]
    classic = [kind for kind in kinds if not kind.guid]
    assert windows_events.CMDLET_SUCCEEDED in classic
    for kind in classic:
        assert kind.fields is None
        assert kind.qualifiers is not None
        assert kind.keywords == 0x80000000000000
