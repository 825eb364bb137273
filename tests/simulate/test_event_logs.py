from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from evtx import PyEvtxParser

from brokenseal.simulate import windows_events
from brokenseal.simulate.clock import DAY
from brokenseal.simulate.evidence_tree import EvidenceTree
from brokenseal.simulate.evtx_file import Event
from brokenseal.simulate.organisation import found

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


def test_records_are_in_order_of_time_and_numbered_without_gaps(simulation: Simulation) -> None:
    made = simulation("hafnium", days=5, users=4)
    for path in made.event_files():
        rows = sorted(made.events(part=path.name), key=lambda row: row.record)
        assert [row.record for row in rows] == list(range(rows[0].record, rows[0].record + len(rows)))
        assert [row.time for row in rows] == sorted(row.time for row in rows)
        assert {row.computer for row in rows} == {"EX01.corp.example"}


def test_each_channel_is_in_the_file_of_its_name(simulation: Simulation) -> None:
    for row in simulation("hafnium", servers=2).events():
        assert row.file.removesuffix(".evtx").replace("%4", "/") == row.channel


def test_events_of_missing_sources_and_of_other_times_are_not_written(tmp_path: Path) -> None:
    organisation = found(1, 1, 1, None)
    (server,) = organisation.servers
    tree = EvidenceTree(
        tmp_path, organisation, start=DAY, end=2 * DAY, sources={"system_events"}, not_before={"system_events": DAY + 5}
    )
    for ms in (2 * DAY, 2 * DAY - 1, DAY + 5, DAY + 4, DAY - 1):
        tree.add_event(server, Event(ms, windows_events.EVENT_LOG_STARTED, "EX01", ("",)))
        tree.add_event(server, Event(ms, windows_events.SHADOW_COPY_IDLE, "EX01", ("",)))
    for day in range(3):
        tree.flush(day)
    tree.close()
    path = "EX01/C/Windows/System32/winevt/Logs/System.evtx"
    assert tree.counts == {path: 2}
    assert [file.name for file in tmp_path.rglob("*.evtx")] == ["System.evtx"]
    times = [
        json.loads(record["data"])["Event"]["System"]["TimeCreated"]["#attributes"]["SystemTime"]
        for record in PyEvtxParser(str(tmp_path / path)).records_json()
        if record is not None
    ]
    assert times == ["1970-01-02T00:00:00.005000Z", "1970-01-02T23:59:59.999000Z"]
