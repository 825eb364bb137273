"""Event logs for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from brokenseal.simulate.binary_xml import ValueType
from brokenseal.simulate.evtx_file import Event, EventKind, EvtxWriter

LOGOFF = EventKind(
    "Security",
    "Microsoft-Windows-Security-Auditing",
    4634,
    "54849625-5478-4994-a5ba-3e3b0328c30d",
    (("TargetUserName", ValueType.TEXT),),
    level=0,
    task=12545,
    keywords=0x8020000000000000,
)
#: 2021-03-03T05:00:00Z.
FIRST = 1_614_747_600_000


@pytest.fixture
def event_log(tmp_path: Path) -> Callable[..., bytes]:
    """``event_log(events, first=1, padding=0)``: a log with so many events, one a second, numbered from *first*.

    Event *i* names 'user<i>', made longer by *padding* characters.
    """

    def make(events: int, first: int = 1, padding: int = 0) -> bytes:
        path = tmp_path / "made.evtx"
        writer = EvtxWriter(path, first)
        for number in range(events):
            name = f"user{number}" + "x" * padding
            writer.add(Event(FIRST + 1000 * number, LOGOFF, "EX01.example.test", [name], 612, 700))
        writer.close()
        return path.read_bytes()

    return make
