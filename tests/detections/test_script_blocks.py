"""Script blocks that PowerShell logged in parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sigma.rule import SigmaRule

from brokenseal.detections.criteria_reading import criterion_of
from brokenseal.detections.regex_engine import POLICY
from brokenseal.detections.rules import Rule
from brokenseal.detections.script_blocks import IS_PART, joined_blocks_sql
from brokenseal.detections.taxonomy import kinds_of_logsource
from brokenseal.detections.windows_matching import BATCH_COLUMNS, WindowsRules
from brokenseal.events.engine import DuckEngine, sql_name
from brokenseal.parsers.base import parser_of_table

CHANNEL = "Microsoft-Windows-PowerShell/Operational"
Row = Mapping[str, object]


def part(number: object, total: object, text: str | None, block: object = "b1", **more: object) -> Row:
    data = {
        "MessageNumber": number,
        "MessageTotal": total,
        "ScriptBlockText": text,
        "ScriptBlockId": block,
        "Path": "p",
    }
    return {"Channel": CHANNEL, "EventID": 4104, "host": "EX01", "data": data, **more}


def judged(engine: DuckEngine, *rows: Row) -> pa.Table:
    """The events as they are given to rules: single ones, and whole blocks. Of copies, that of source 2 counts."""
    schema = parser_of_table("windows_event").schema()
    filled = [
        {
            **{"source_id": 1, "line": line, "time": datetime(2021, 3, 3, tzinfo=UTC), "offset": 0},
            **{name: value for name, value in row.items() if name != "data"},
            "Data": json.dumps(row["data"]) if row["data"] is not None else None,
        }
        for line, row in enumerate(rows, start=1)
    ]
    engine.register("given", pa.Table.from_pylist(filled, schema=schema))
    engine.register("source_ranks", pa.table({"source_id": pa.array([2, 1], pa.int32()), "rank": [0, 1]}))
    columns = ", ".join(sql_name(name) for name in BATCH_COLUMNS)
    single = f"SELECT {columns} FROM given WHERE NOT {IS_PART}"
    return engine.query(
        f"SELECT {columns} FROM ({single} UNION ALL SELECT * FROM ({joined_blocks_sql('given')})) ORDER BY source_id, line"
    )


def scripts(engine: DuckEngine, *rows: Row) -> list[tuple[int, int, str | None]]:
    return [
        (row["source_id"], row["line"], json.loads(row["Data"] or "{}").get("ScriptBlockText"))
        for row in judged(engine, *rows).to_pylist()
    ]


def test_parts_in_any_order_become_the_event_of_the_first(engine: DuckEngine) -> None:
    rows = [part(3, 3, "c"), part(1, 3, "a"), part(2, 3, "b")]
    assert scripts(engine, *rows) == [(1, 2, "abc")]
    [event] = judged(engine, *rows).to_pylist()
    assert (event["Channel"], event["EventID"], event["host"]) == (CHANNEL, 4104, "EX01")
    expected = {"MessageNumber": 1, "MessageTotal": 3, "ScriptBlockText": "abc", "ScriptBlockId": "b1", "Path": "p"}
    assert json.loads(event["Data"]) == expected


def test_parts_beyond_nine_are_in_the_order_of_their_numbers(engine: DuckEngine) -> None:
    rows = [part(str(number), "12", f"{number} ") for number in range(12, 0, -1)]
    assert scripts(engine, *rows) == [(1, 12, "1 2 3 4 5 6 7 8 9 10 11 12 ")]


def test_parts_in_two_files(engine: DuckEngine) -> None:
    assert scripts(engine, part(2, 2, "b", source_id=2), part(1, 2, "a")) == [(1, 2, "ab")]


def test_without_a_part_the_others_are_joined(engine: DuckEngine) -> None:
    assert scripts(engine, part(3, 3, "c"), part(2, 3, "b")) == [(1, 2, "bc")]
    assert scripts(engine, part(2, 3, "b")) == [(1, 1, "b")]


def test_a_copy_of_a_part_counts_once_and_the_better_file_has_it(engine: DuckEngine) -> None:
    rows = [part(1, 2, "a"), part(2, 2, "b"), part(1, 2, "a", source_id=2), part(2, 2, "b", source_id=2)]
    assert scripts(engine, *rows) == [(2, 3, "ab")]
    assert scripts(engine, part(1, 2, "a"), part(1, 2, "a"), part(2, 2, "b")) == [(1, 1, "ab")]


def test_blocks_are_told_apart_by_id_and_host(engine: DuckEngine) -> None:
    rows = [
        part(1, 2, "a"),
        part(1, 2, "x", "b2"),
        part(2, 2, "y", "b2"),
        part(2, 2, "b"),
        part(1, 2, "z", host="EX02"),
    ]
    assert scripts(engine, *rows) == [(1, 1, "ab"), (1, 2, "xy"), (1, 5, "z")]


def test_the_same_host_and_id_in_another_case_is_the_same_block(engine: DuckEngine) -> None:
    assert scripts(engine, part(1, 2, "a", "B1", host="ex01"), part(2, 2, "b", "b1")) == [(1, 1, "ab")]


@pytest.mark.parametrize(
    "row",
    [
        part(1, 1, "whole"),
        part("1", "1", "whole"),
        part(None, None, "whole"),
        part(1, 2, "whole", EventID=4103),
        # Said to be a part, but of what, or which one?
        part(1, 2, "whole", None),
        part(1, 2, "whole", ""),
        part(None, 2, "whole"),
        part("one", 2, "whole"),
        part(1, "two", "whole"),
    ],
)
def test_an_event_that_is_no_part_is_left_as_it_is(engine: DuckEngine, row: Row) -> None:
    assert scripts(engine, row, row) == [(1, 1, "whole"), (1, 2, "whole")]


def test_events_without_data_and_parts_without_text(engine: DuckEngine) -> None:
    assert scripts(engine, {"Channel": CHANNEL, "EventID": 4104, "data": None}) == [(1, 1, None)]
    assert scripts(engine, part(1, 2, None), part(2, 2, "b")) == [(1, 1, "b")]
    assert scripts(engine, part(1, 2, None), part(2, 2, None)) == [(1, 1, None)]


def test_text_with_quotes_and_line_ends_is_joined_as_it_is(engine: DuckEngine) -> None:
    first, second = 'Write-Host "a\\b"\r\n', "'ü🦆' # \u0001\n"
    assert scripts(engine, part(1, 2, first), part(2, 2, second)) == [(1, 1, first + second)]


def rule(number: int, condition: str, **selections: object) -> Rule:
    source = {"product": "windows", "category": "ps_script"}
    data = {"title": "r", "logsource": source, "detection": {**selections, "condition": condition}}
    return Rule(
        id=f"00000000-0000-4000-8000-{number:012}",
        title="r",
        level="high",
        path="r.yml",
        line=1,
        file="r.yml",
        kinds=kinds_of_logsource("ps_script", "windows", None),
        criterion=criterion_of(SigmaRule.from_dict(data, policy=POLICY)),
    )


def test_rules_judge_the_whole_block_and_no_part(engine: DuckEngine) -> None:
    both = rule(1, "sel", sel={"ScriptBlockText|contains|all": ["Alpha-Part", "Omega-Part"]})
    # Cut apart: the text itself lies over the end of a part.
    across = rule(2, "sel", sel={"ScriptBlockText|contains": "Middle-Word"})
    # False of the whole block; it would be true of the first part.
    negated = rule(
        3,
        "sel and not filter",
        sel={"ScriptBlockText|contains": "Alpha-Part"},
        filter={"ScriptBlockText|contains": "Omega-Part"},
    )
    rows = [part(2, 2, "Word; Omega-Part"), part(1, 2, "Alpha-Part; Middle-"), part(1, 1, "Alpha-Part", "b2")]
    found = WindowsRules([both, across, negated]).match(engine, judged(engine, *rows))
    assert not found.failures
    hits = sorted((row["rule"][-1], row["line"]) for row in found.table.to_pylist())
    assert hits == [("1", 2), ("2", 2), ("3", 3)]
