"""Events and rules as small Python values, for the tests of detections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from sigma.rule import SigmaRule

from brokenseal.detections.criteria import Criterion
from brokenseal.detections.criteria_reading import criterion_of
from brokenseal.detections.regex_engine import POLICY
from brokenseal.detections.rules import RuleSet, load_rules
from brokenseal.detections.shadows import shadow_columns, with_shadows
from brokenseal.detections.sigma_sql import condition_sql
from brokenseal.detections.taxonomy import event_kind
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers.base import parser_of_table

START = dt.datetime(2021, 3, 3, 4, 5, 6, 789000, tzinfo=dt.UTC)

#: The public rules, where they lie beside the repository (they are not part of it).
SIGMAHQ = Path(__file__).resolve().parents[3] / "shared" / "sigmahq"

Row = Mapping[str, object]


@pytest.fixture(scope="session")
def sigmahq_folders() -> list[Path]:
    if not SIGMAHQ.is_dir():
        pytest.skip("the public rules are not beside the repository")
    return [SIGMAHQ / name for name in ("rules", "rules-emerging-threats", "rules-threat-hunting")]


@pytest.fixture(scope="session")
def sigmahq(sigmahq_folders: list[Path]) -> RuleSet:
    """All public rules, read once a run."""
    return load_rules(sigmahq_folders)


@pytest.fixture(scope="session")
def engine() -> Iterator[DuckEngine]:
    with DuckEngine(threads=1) as opened:
        yield opened


@pytest.fixture(scope="session")
def table_of() -> Callable[[str, Sequence[Row]], pa.Table]:
    """Events of a kind from rows that name some columns; ``line`` counts from 1, the rest is null."""

    def build(kind: str, rows: Sequence[Row]) -> pa.Table:
        filled = [{"source_id": 1, "line": n, "offset": 0, "time": START, **row} for n, row in enumerate(rows, start=1)]
        schema = parser_of_table(kind).schema()
        assert not {name for row in rows for name in row} - set(schema.names)
        return pa.Table.from_pylist(filled, schema=schema)

    return build


@pytest.fixture(scope="session")
def criterion() -> Callable[..., Criterion]:
    """What a rule with this ``detection`` asks; with no condition given, 'selection'."""

    def build(detection: Mapping[str, object]) -> Criterion:
        data = {
            "title": "a rule",
            "logsource": {"product": "exchange", "service": "httpproxy"},
            "detection": {"condition": "selection", **detection},
        }
        return criterion_of(SigmaRule.from_dict(data, policy=POLICY))

    return build


@pytest.fixture(scope="session")
def matching(
    engine: DuckEngine, table_of: Callable[[str, Sequence[Row]], pa.Table], criterion: Callable[..., Criterion]
) -> Callable[..., list[int]]:
    """The rows (from 0) on which a detection is true, found with and without shadow columns."""

    def run(detection: Mapping[str, object], rows: Sequence[Row], kind: str = "httpproxy") -> list[int]:
        tree, events = criterion(detection), event_kind(kind)
        engine.register("events_given", table_of(kind, rows))
        plain = f"SELECT line FROM events_given WHERE {condition_sql(tree, events)} ORDER BY line"
        shadows = shadow_columns([tree], events)
        condition = condition_sql(tree, events, [shadow.name for shadow in shadows])
        shadowed = f"SELECT line FROM ({with_shadows('events_given', shadows)}) WHERE {condition} ORDER BY line"
        found = engine.query(plain).column("line").to_pylist()
        assert engine.query(shadowed).column("line").to_pylist() == found
        return [line - 1 for line in found]

    return run


@pytest.fixture
def write_rules(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A folder with files of this text; returns the folder."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "rules"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        return folder

    return write
