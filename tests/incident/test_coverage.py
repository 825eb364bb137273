from __future__ import annotations

from brokenseal.events import Source
from brokenseal.events.reading import HOUR_MS
from brokenseal.incident.coverage import SourceCoverage, coverage, uncovered
from brokenseal.incident.hosts import Hosts


def source(
    number: int, hours: list[int], *, kind: str = "httpproxy", stream: str = "Owa", host: str = "EX01"
) -> Source:
    return Source(
        number,
        f"{host}/{kind}{number}.log",
        f"/{number}",
        "key",
        host,
        "",
        None,
        "part",
        kind=kind,
        events=len(hours),
        first_ms=hours[0] * HOUR_MS if hours else None,
        last_ms=hours[-1] * HOUR_MS if hours else None,
        hours=dict.fromkeys(hours, 1),
        hosts={host: len(hours)} if hours else {},
        streams={stream: len(hours)} if hours else {},
    )


def covered(sources: list[Source], window: tuple[int, int] | None = None) -> list[SourceCoverage]:
    return coverage(sources, Hosts(sources), window)["EX01"]


def test_a_lost_day_is_a_gap_and_its_bounds_are_the_silent_hours() -> None:
    [entry] = covered([source(1, [*range(0, 48), *range(72, 100)])])
    assert entry.gaps == [(48 * HOUR_MS, 72 * HOUR_MS)]


def test_quiet_nights_of_a_source_are_no_gaps() -> None:
    office = [day * 24 + hour for day in range(20) for hour in range(8, 18)]
    [entry] = covered([source(1, office)])
    assert entry.gaps == []


def test_a_source_that_writes_rarely_has_no_gap_between_its_events() -> None:
    [entry] = covered([source(1, [day * 24 + 3 for day in range(30)], kind="oab_generator", stream="")])
    assert entry.gaps == []


def test_a_few_lines_over_years_cover_nothing_between_them() -> None:
    [entry] = covered([source(1, [0, 9_000, 20_000, 31_000], kind="iis", stream="front end")])
    assert len(entry.gaps) == 3
    assert uncovered((10_000 * HOUR_MS, 12_000 * HOUR_MS), [entry]) == [(10_000 * HOUR_MS, 12_000 * HOUR_MS)]


def test_files_of_one_source_are_put_together() -> None:
    [entry] = covered([source(1, list(range(24))), source(2, list(range(24, 48)))])
    assert (entry.files, entry.events, entry.gaps) == (2, 48, [])


def test_protocols_and_sites_are_sources_of_their_own() -> None:
    entries = covered(
        [source(1, [1, 2]), source(2, [1, 2], stream="Ecp"), source(3, [1], kind="iis", stream="front end")]
    )
    assert [entry.source for entry in entries] == ["httpproxy/Ecp", "httpproxy/Owa", "iis/front end"]


def test_the_time_asked_for_bounds_what_is_counted() -> None:
    [entry] = covered([source(1, list(range(100)))], window=(10 * HOUR_MS, 20 * HOUR_MS))
    assert (entry.events, entry.first_ms, entry.last_ms) == (10, 10 * HOUR_MS, 20 * HOUR_MS)


def test_a_window_that_is_not_reached_at_its_end_is_uncovered() -> None:
    entries = covered([source(1, list(range(0, 240)))])
    window = (0, 480 * HOUR_MS)
    assert uncovered(window, entries) == [(239 * HOUR_MS, 480 * HOUR_MS)]


def test_nothing_covers_a_window_without_sources() -> None:
    assert uncovered((0, 480 * HOUR_MS), []) == [(0, 480 * HOUR_MS)]


def test_one_source_fills_the_gap_of_another() -> None:
    proxied = source(1, [*range(0, 48), *range(96, 240)])
    web = source(2, list(range(0, 240)), kind="iis", stream="front end")
    assert uncovered((0, 239 * HOUR_MS), covered([proxied, web])) == []
    assert uncovered((0, 239 * HOUR_MS), covered([proxied])) == [(48 * HOUR_MS, 96 * HOUR_MS)]


def test_a_deleted_day_in_the_middle_is_uncovered_although_a_day_at_the_edge_would_not_be() -> None:
    entries = covered([source(1, [*range(12, 120), *range(144, 240)])])
    assert uncovered((0, 239 * HOUR_MS), entries) == [(120 * HOUR_MS, 144 * HOUR_MS)]
