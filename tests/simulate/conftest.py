"""Small simulations made once a session, and an independent reader of what they wrote."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser

from brokenseal.simulate import Truth, simulate

Row = dict[str, str]
ATTACK_DATE = date(2021, 2, 27)


@dataclass(frozen=True)
class EventRow:
    """One record of an event log; ``data`` holds named values, ``items`` the texts of events without names."""

    server: str
    file: str
    time: str
    computer: str
    channel: str
    event_id: int
    record: int
    data: dict[str, Any]
    items: list[str]


@dataclass(frozen=True)
class Simulated:
    """One simulation's folder, with readers that know nothing of the writer: they go by each file's header."""

    output: Path
    truth: Truth

    @property
    def evidence(self) -> Path:
        return self.output / "evidence"

    def files(self, part: str = "") -> list[Path]:
        return [path for path in sorted(self.evidence.rglob("*.[lL][oO][gG]")) if part in path.as_posix()]

    def table(self, path: Path) -> tuple[list[str], list[list[str]]]:
        """Column names and cells of one file."""
        text = path.read_bytes().decode("utf-8-sig")
        assert text.endswith("\r\n")
        lines = text.removesuffix("\r\n").split("\r\n")
        header = next(line for line in lines if line.startswith("#Fields: ")).removeprefix("#Fields: ")
        iis = path.name.startswith("u_ex")
        names = header.split(" ") if iis else header.split(",")
        data = [line for line in lines if not line.startswith("#") and line != header]
        return names, [line.split(" ") for line in data] if iis else list(csv.reader(data, strict=True))

    def rows(self, part: str, server: str = "") -> Iterator[Row]:
        """Rows of all files whose path holds ``part``, on one server or on all."""
        for path in self.files(part):
            if server in path.relative_to(self.evidence).parts[0]:
                names, rows = self.table(path)
                for cells in rows:
                    yield dict(zip(names, cells, strict=True))

    def event_files(self) -> list[Path]:
        return sorted(self.evidence.rglob("*.evtx"))

    def events(self, *event_ids: int, part: str = "", server: str = "") -> list[EventRow]:
        """Records of all event logs whose file name holds ``part``, in order of time; of all kinds if none is said."""
        rows = []
        for path in self.event_files():
            name = path.relative_to(self.evidence).parts[0]
            if part in path.name and server in name:
                for record in PyEvtxParser(str(path), validate_checksums=True).records_json():
                    assert record is not None
                    row = _event_row(name, path.name, json.loads(record["data"])["Event"])
                    if not event_ids or row.event_id in event_ids:
                        rows.append(row)
        return sorted(rows, key=lambda row: row.time)


def _event_row(server: str, file: str, event: dict[str, Any]) -> EventRow:
    system, data = event["System"], event.get("EventData") or {}
    number = system["EventID"]
    items = data["Data"]["#text"] if "Data" in data else []
    return EventRow(
        server=server,
        file=file,
        time=system["TimeCreated"]["#attributes"]["SystemTime"].replace("000Z", "Z"),
        computer=system["Computer"],
        channel=system["Channel"],
        event_id=number if isinstance(number, int) else number["#text"],
        record=system["EventRecordID"],
        data={} if "Data" in data else data,
        items=[items] if isinstance(items, str) else items,
    )


Simulation = Callable[..., Simulated]


@pytest.fixture(scope="session")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Make (once) the simulation of some arguments: two users, two days at the end of February 2021 if not said."""
    made: dict[tuple[object, ...], Simulated] = {}

    def make(
        scenario: str, *, users: int = 2, start: date = ATTACK_DATE, days: int = 2, servers: int = 1, seed: int = 7
    ) -> Simulated:
        key = (scenario, users, start, days, servers, seed)
        if key not in made:
            output = tmp_path_factory.mktemp("simulated") / "set"
            truth = simulate(output, scenario, seed=seed, users=users, start=start, days=days, servers=servers)
            made[key] = Simulated(output, truth)
        return made[key]

    return make
