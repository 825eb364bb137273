"""Running rules on events: what is found, what fails, and what many rules at once give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from brokenseal.detections.criteria import FieldTest, PatternTest
from brokenseal.detections.matching import MATCH_SCHEMA, match_rules
from brokenseal.detections.prefilter import literals_by_kind
from brokenseal.detections.rules import RuleSet, load_rules
from brokenseal.events.engine import DuckEngine

Write = Callable[[Mapping[str, str]], Path]
TableOf = Callable[..., pa.Table]

IDS = [f"22222222-0000-4000-8000-00000000000{n}" for n in range(1, 6)]


def rules_of(write_rules: Write, *selections: str) -> RuleSet:
    files = {
        f"{number}.yml": f"title: t{number}\nid: {IDS[number]}\nlogsource: {{product: exchange, service: httpproxy}}\n"
        f"detection: {{sel: {selection}, condition: sel}}\n"
        for number, selection in enumerate(selections)
    }
    return load_rules([write_rules(files)])


ROWS: list[dict[str, object]] = [
    {"UrlStem": "/ecp/x.js", "HttpStatus": 200, "ClientIpAddress": "192.0.2.1"},
    {"UrlStem": "/ECP/Y.JS", "HttpStatus": 500, "ClientIpAddress": "198.51.100.1"},
    {"UrlStem": "/owa/", "HttpStatus": 200, "source_id": 2},
]


@pytest.mark.parametrize("materialise", [True, False])
def test_matches_of_several_rules(engine: DuckEngine, table_of: TableOf, write_rules: Write, materialise: bool) -> None:
    loaded = rules_of(
        write_rules, "{UrlStem|startswith: /ecp}", "{HttpStatus: 200}", "{ClientIpAddress|cidr: 192.0.2.0/24}", "[owa]"
    )
    engine.register("candidates", table_of("httpproxy", ROWS))
    found = match_rules(engine, "httpproxy", "candidates", loaded.rules, materialise=materialise)
    assert found.failures == ()
    assert found.table.schema == MATCH_SCHEMA
    assert [tuple(row.values()) for row in found.table.to_pylist()] == [
        (IDS[0], 1, 1),
        (IDS[0], 1, 2),
        (IDS[1], 1, 1),
        (IDS[1], 2, 3),
        (IDS[2], 1, 1),
        (IDS[3], 2, 3),
    ]
    assert match_rules(engine, "ews", "candidates", loaded.rules).table.num_rows == 0


def test_a_relation_can_be_a_query(engine: DuckEngine, table_of: TableOf, write_rules: Write) -> None:
    loaded = rules_of(write_rules, "{HttpStatus: 200}")
    engine.register("candidates", table_of("httpproxy", ROWS))
    found = match_rules(engine, "httpproxy", "(SELECT * FROM candidates WHERE source_id = 2)", loaded.rules)
    assert found.table.column("line").to_pylist() == [3]


def test_nothing_is_left_behind_in_the_engine(engine: DuckEngine, table_of: TableOf, write_rules: Write) -> None:
    loaded = rules_of(write_rules, "{HttpStatus: 200}")
    engine.register("candidates", table_of("httpproxy", ROWS))
    before = engine.query("SELECT table_name FROM duckdb_tables() ORDER BY 1")
    match_rules(engine, "httpproxy", "candidates", loaded.rules)
    assert engine.query("SELECT table_name FROM duckdb_tables() ORDER BY 1") == before


@pytest.mark.parametrize("materialise", [True, False])
def test_a_rule_that_fails_is_named_and_the_others_run(
    engine: DuckEngine, table_of: TableOf, write_rules: Write, materialise: bool
) -> None:
    loaded = rules_of(write_rules, "{UrlStem|re: x}", "{HttpStatus: 200}")
    first = loaded.rules[0]
    # The rule reader would refuse this expression; here it stands for anything only the engine refuses.
    broken = replace(first, criterion=FieldTest("UrlStem", PatternTest("(?=x)")))
    engine.register("candidates", table_of("httpproxy", ROWS))
    found = match_rules(engine, "httpproxy", "candidates", [broken, loaded.rules[1]], materialise=materialise)
    assert [failure.rule for failure in found.failures] == [IDS[0]]
    assert "perl operator" in found.failures[0].error
    assert found.table.column("line").to_pylist() == [1, 3]


def test_no_rules_and_no_events(engine: DuckEngine, table_of: TableOf, write_rules: Write) -> None:
    engine.register("candidates", table_of("httpproxy", []))
    assert match_rules(engine, "httpproxy", "candidates", []).table.schema == MATCH_SCHEMA
    loaded = rules_of(write_rules, "{HttpStatus: 200}")
    assert match_rules(engine, "httpproxy", "candidates", loaded.rules).table.schema == MATCH_SCHEMA


def test_literals_of_all_rules_of_a_kind(write_rules: Write) -> None:
    loaded = rules_of(write_rules, "{UrlStem: /x.js}", "{UrlStem: [/y.js, /x.js]}", "{HttpStatus: 200}")
    assert literals_by_kind(loaded.rules) == {"httpproxy": {"/x.js", "/y.js"}}
    assert [rule.id for rule in loaded.rules if rule.literals("httpproxy") is None] == [IDS[2]]
