"""Local clocks put right: by the events' own UTC time, by arrival, or not at all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from brokenseal.parsers import winevent_clock
from brokenseal.parsers.winevent_clock import PUT_RIGHT, PUT_RIGHT_BY_ARRIVAL, TAKEN_AS_UTC, Clocks, Written

HOUR = 3_600_000
Row = tuple[str | None, int, bool, int | None, int | None]


def run(clocks: Clocks, *rows: Row) -> tuple[list[int], dict[str, int]]:
    """Rows are (host, time as written, zoned, own UTC time, arrival); gives the times in UTC and the warnings."""
    hosts, moments, zoned, utc, arrived = zip(*rows, strict=True)
    written = Written(
        np.array(moments),
        np.array(zoned),
        np.array([each or 0 for each in utc]),
        np.array([each is not None for each in utc]),
        np.array([each or 0 for each in arrived]),
        np.array([each is not None for each in arrived]),
    )
    times, warnings = clocks.to_utc(written, pa.chunked_array([pa.array(hosts, pa.string())]))
    return times.tolist(), dict(warnings)


def test_the_shift_holds_from_the_event_that_told_it_on_and_for_its_machine_alone() -> None:
    clocks = Clocks()
    rows: list[Row] = [
        ("A", 10 * HOUR, False, None, None),
        ("A", 11 * HOUR + 2000, True, 6 * HOUR, None),
        ("B", 11 * HOUR, False, None, None),
        ("A", 12 * HOUR, True, None, None),
    ]
    times, warnings = run(clocks, *rows)
    assert times == [10 * HOUR, 6 * HOUR + 2000, 11 * HOUR, 7 * HOUR]
    assert warnings == {TAKEN_AS_UTC: 2, PUT_RIGHT: 2}
    assert run(clocks, ("A", 13 * HOUR, False, None, None)) == ([8 * HOUR], {PUT_RIGHT: 1})
    assert run(clocks, ("A", 14 * HOUR, False, 12 * HOUR, None), ("A", 15 * HOUR, False, None, None))[0] == [
        12 * HOUR,
        13 * HOUR,
    ]


def test_zones_of_quarters_of_an_hour_and_events_written_down_late() -> None:
    east = 5 * HOUR + 45 * 60_000
    assert run(Clocks(), (None, 20 * HOUR + east, False, 20 * HOUR, None))[0] == [20 * HOUR]
    assert run(Clocks(), (None, 20 * HOUR + 299_000, False, 20 * HOUR, None)) == ([20 * HOUR + 299_000], {})
    assert run(Clocks(), (None, 20 * HOUR - 59_000, False, 20 * HOUR, None)) == ([20 * HOUR - 59_000], {})


def test_what_cannot_be_a_zone_tells_nothing() -> None:
    for written in (20 * HOUR + 15 * HOUR, 20 * HOUR - 13 * HOUR, 20 * HOUR + 400_000):
        assert run(Clocks(), (None, written, True, 20 * HOUR, None)) == ([written], {})


def test_arrival_helps_only_a_time_without_a_zone_that_nothing_else_tells() -> None:
    assert run(Clocks(), ("A", 6 * HOUR, False, None, 5 * HOUR)) == ([5 * HOUR], {PUT_RIGHT_BY_ARRIVAL: 1})
    assert run(Clocks(), ("A", 6 * HOUR, True, None, 5 * HOUR)) == ([6 * HOUR], {})
    assert run(Clocks(), ("A", 6 * HOUR, False, None, 60 * HOUR)) == ([6 * HOUR], {TAKEN_AS_UTC: 1})
    clocks = Clocks()
    run(clocks, ("A", 6 * HOUR, False, 4 * HOUR, None))
    assert run(clocks, ("A", 6 * HOUR, False, None, 5 * HOUR)) == ([4 * HOUR], {PUT_RIGHT: 1})


def test_the_memory_of_machines_is_bounded() -> None:
    clocks = Clocks()
    rows: list[Row] = [
        (f"H{number}", 6 * HOUR, False, 5 * HOUR, None) for number in range(winevent_clock.MOST_HOSTS + 5)
    ]
    run(clocks, *rows)
    assert len(clocks._shifts) == winevent_clock.MOST_HOSTS
