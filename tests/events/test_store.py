from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from brokenseal.events import Case, EventStore, ingest
from brokenseal.events.engine import DuckEngine, sql_name, sql_text
from brokenseal.events.sources import rfc3339
from brokenseal.evidence import collect
from brokenseal.parsers import Settings
from brokenseal.parsers.blocks import Positions

LOG = """#Software: Microsoft Internet Information Services 10.0
#Fields: date time cs-method cs-uri-stem s-port c-ip sc-status
2021-03-01 00:00:01 GET /owa/ 443 198.51.100.7 200
2021-03-01 00:00:02 GET /owa/needle 443 198.51.100.7 200
2021-03-02 00:00:03 GET /owa/ 443 198.51.100.7 200
this row is no row
"""


class Needle:
    """A prefilter that finds one literal."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def match(self, kind: str, block: bytes, newline_positions: Positions) -> Positions:
        lines = block.split(b"\n")
        return np.array([at for at, line in enumerate(lines) if b"needle" in line], dtype=np.int64)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "u_ex210301.log").write_text(LOG, "ascii")
    with Case(tmp_path / "case") as opened:
        ingest(opened, collect([tmp_path / "u_ex210301.log"]).files, Settings(), Needle("first"), jobs=1)
        yield opened


def count(store: EventStore, relation: str | None) -> int:
    assert relation is not None
    number: int = store.engine.query(f"SELECT count(*) AS n FROM {relation}")["n"][0].as_py()
    return number


def test_candidates_are_the_lines_that_hold_a_literal(case: Case) -> None:
    store = EventStore(case, threads=1)
    rows = store.engine.query(f"SELECT line FROM {store.candidates('iis', 'first')}")
    assert rows["line"].to_pylist() == [4]


def test_with_other_rules_than_when_it_was_read_every_event_is_a_candidate(case: Case) -> None:
    store = EventStore(case, threads=1)
    assert count(store, store.candidates("iis", "second")) == 3


def test_the_time_asked_for_bounds_the_rows(case: Case) -> None:
    store = EventStore(case, threads=1, since=datetime(2021, 3, 2, tzinfo=UTC))
    assert count(store, store.events("iis")) == 1
    store = EventStore(case, threads=1, until=datetime(2021, 3, 2, tzinfo=UTC))
    assert count(store, store.events("iis")) == 2


def test_rows_in_are_events_and_rejects_and_the_reject_is_kept_with_its_reason(case: Case) -> None:
    [source] = case.sources.values()
    assert (source.events, source.rejects) == (3, 1)
    [part] = list((case.directory / "rejects").rglob("*.parquet"))
    with DuckEngine(threads=1) as engine:
        row = engine.query(f"SELECT * FROM read_parquet({sql_text(part.as_posix())})").to_pylist()[0]
    assert (row["line"], row["text"]) == (6, "this row is no row")
    assert row["reason"] in source.reject_reasons


def test_a_kind_without_rows_has_no_relation(case: Case) -> None:
    store = EventStore(case, threads=1)
    assert store.events("ews") is None
    assert store.candidates("ews", "first") is None


def test_what_a_source_remembers_of_its_events(case: Case) -> None:
    [source] = case.sources.values()
    assert (rfc3339(source.first_ms or 0), rfc3339(source.last_ms or 0)) == (
        "2021-03-01T00:00:01.000Z",
        "2021-03-02T00:00:03.000Z",
    )
    assert source.stream == "front end"
    assert sorted(source.hours.values()) == [1, 2]


def test_names_and_texts_cannot_leave_their_quotes() -> None:
    with DuckEngine(threads=1) as engine:
        hostile = "a'; DROP TABLE x; --\"\u202e"
        assert engine.query(f"SELECT {sql_text(hostile)} AS {sql_name(hostile)}").to_pylist() == [{hostile: hostile}]


def test_what_a_damaged_archive_gives_before_its_damage_is_read(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "u_ex210301.log.gz").write_bytes(gzip.compress(LOG.encode())[:-4])
    with Case(tmp_path / "case") as opened:
        ingest(opened, collect([tmp_path / "u_ex210301.log.gz"]).files, Settings(), None, jobs=1)
        [source] = opened.sources.values()
    assert (source.kind, source.events) == ("iis", 3)
    assert source.damage
