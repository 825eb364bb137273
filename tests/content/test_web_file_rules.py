"""Each rule on files of web folders: rows that it must match, and rows that it must not (``web_file_rule_cases.yml``)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.matching import match_rules
from brokenseal.detections.rules import load_rules
from brokenseal.detections.taxonomy import FieldType, event_kind
from brokenseal.detections.web_file_kind import FIELD_NAMES
from brokenseal.events.engine import DuckEngine
from brokenseal.events.sources import WEB_FILE

CASES = Path(__file__).parent / "web_file_rule_cases.yml"
Case = tuple[str, dict[str, object]]


@cache
def all_cases() -> list[Case]:
    loaded = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    return [(rule, case) for rule, listed in sorted(loaded.items()) for case in listed]


def web_file_rules() -> list[str]:
    content = files("brokenseal") / "content"
    assert isinstance(content, Path)
    paths = sorted(content.glob("*/rules/*.yml"))
    return [
        path.stem
        for path in paths
        if yaml.safe_load(path.read_text("utf-8")).get("logsource", {}).get("service") == "web-file"
    ]


@cache
def matched() -> dict[str, set[int]]:
    """Rule name → the numbers of the cases (of any rule) it is true of."""
    rule_set = load_rules([campaign.rules_folder for campaign in load_campaigns()])
    assert not rule_set.problems
    kind = event_kind(WEB_FILE)
    types: dict[str, pa.DataType] = {"source_id": pa.int32(), "line": pa.int64()}
    for name in FIELD_NAMES:
        field = kind.field(name)
        assert field is not None
        types[name] = pa.int64() if field.type is FieldType.INTEGER else pa.string()
    rows = []
    for number, (_, case) in enumerate(all_cases()):
        row = case["row"]
        assert isinstance(row, dict)
        assert row.keys() <= types.keys(), row
        rows.append({"source_id": number, "line": 1, **row})
    with DuckEngine(threads=1) as engine:
        engine.register("rows", pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))))
        found = match_rules(engine, WEB_FILE, "rows", rule_set.rules)
    assert not found.failures
    names = {rule.id: Path(rule.path).stem for rule in rule_set.rules}
    hits: dict[str, set[int]] = {name: set() for name in names.values()}
    for row in found.table.to_pylist():
        hits[names[row["rule"]]].add(row["source_id"])
    return hits


@pytest.mark.parametrize("number", range(len(all_cases())), ids=lambda number: f"{all_cases()[number][0]}-{number}")
def test_a_case(number: int) -> None:
    rule, case = all_cases()[number]
    assert (number in matched()[rule]) is case["match"]


@pytest.mark.parametrize("rule", web_file_rules())
def test_a_rule_has_a_row_that_it_matches_and_one_that_it_does_not(rule: str) -> None:
    assert {case["match"] for name, case in all_cases() if name == rule} == {True, False}


def test_every_case_names_a_rule() -> None:
    assert {rule for rule, _ in all_cases()} <= set(web_file_rules())
