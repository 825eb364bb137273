"""Each shipped rule on Windows events has cases in ``host_rule_cases.yml`` (its form stands there)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.rules import load_rules
from brokenseal.detections.windows_matching import BATCH_COLUMNS, WindowsRules
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers.base import parser_of_table
from brokenseal.parsers.windows_event import TABLE

CASES = Path(__file__).parent / "host_rule_cases.yml"
#: The campaign whose rules are on Windows events, but for those on the web server; other campaigns have some.
HOST_CAMPAIGN = "exchange-intrusion"


@cache
def cases() -> dict[str, list[dict[str, object]]]:
    loaded = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def host_rules() -> list[Path]:
    content = files("brokenseal") / "content"
    assert isinstance(content, Path)
    return [path for path in sorted(content.glob("*/rules/*.yml")) if is_host_rule(path)]


def is_host_rule(path: Path) -> bool:
    logsource = yaml.safe_load(path.read_text(encoding="utf-8")).get("logsource", {})  # a correlation has none
    if logsource.get("service") == "web-file" or logsource.get("category") == "webserver":
        return False
    return path.parent.parent.name == HOST_CAMPAIGN or logsource.get("product") == "windows"


@pytest.mark.parametrize("path", host_rules(), ids=lambda path: path.stem)
def test_a_rule_has_an_event_that_it_matches_and_one_that_it_does_not(path: Path) -> None:
    assert {case["match"] for case in cases().get(path.stem, [])} == {True, False}


def test_every_case_names_a_rule() -> None:
    assert set(cases()) <= {path.stem for path in host_rules()}


Case = tuple[str, dict[str, object]]


def all_cases() -> list[Case]:
    return [(rule, case) for rule, listed in sorted(cases().items()) for case in listed]


@cache
def matched() -> dict[str, set[int]]:
    """Rule name → the numbers of the cases (of any rule) it is true of: all rules at once on all cases at once."""
    rule_set = load_rules([campaign.rules_folder for campaign in load_campaigns()])
    schema = pa.schema([parser_of_table(TABLE).schema().field(name) for name in BATCH_COLUMNS])
    table = pa.Table.from_pylist([row(number, case) for number, (_, case) in enumerate(all_cases())], schema=schema)
    with DuckEngine(threads=1) as engine:
        found = WindowsRules(rule_set.rules).match(engine, table)
    assert not found.failures
    names = {rule.id: Path(rule.path).stem for rule in rule_set.rules}
    hits: dict[str, set[int]] = {name: set() for name in names.values()}
    for match in found.table.to_pylist():
        hits[names[match["rule"]]].add(match["line"])
    return hits


def row(number: int, case: dict[str, object]) -> dict[str, object]:
    log = case["log"]
    assert isinstance(log, dict)
    return {
        "source_id": 1,
        "line": number,
        "host": "EX01",
        "time": datetime(2021, 3, 3, 2, 0, tzinfo=UTC),
        "Channel": log["channel"],
        "EventID": log["event_id"],
        "Provider_Name": log["provider"],
        "Level": log.get("level"),
        "Message": case.get("message"),
        "Data": json.dumps(case.get("data") or {}, ensure_ascii=False),
    }


@pytest.mark.parametrize("rule", sorted(cases()))
def test_a_rule_is_true_of_its_events_and_of_no_look_alike(rule: str) -> None:
    mine = [(number, case) for number, (name, case) in enumerate(all_cases()) if name == rule]
    wrong = [case["why"] for number, case in mine if (number in matched()[rule]) is not case["match"]]
    assert not wrong
