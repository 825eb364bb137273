"""Objects in lines: one a line, pretty-printed, in an array; damaged ones end where they can no longer go on."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.blocks import Block, Tally, read_blocks
from brokenseal.parsers.json_records import CUT_OFF, MOST_INDENTS, NOT_AN_OBJECT, TOO_LONG, JsonRecords


def block(text: str) -> Block:
    (made,) = read_blocks(io.BytesIO(text.encode()), Tally())
    return made


def found(text: str, *, last: bool = True, max_bytes: int = 1000) -> tuple[list[str], list[tuple[int, str]], int]:
    made = block(text)
    result = JsonRecords().find(made, last=last, max_bytes=max_bytes)
    return [text.strip() for text in result.texts(made.data).to_pylist()], result.rejected, result.taken


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ('{"a":1}\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']),
        ('\n  \n{"a":1}  \n\t{"b":2}\n', ['{"a":1}', '{"b":2}']),
        ('[\n{"a":1},\n{"b":2}\n]\n', ['{"a":1}', '{"b":2}']),
        ('[{"a":1},\n {"b":2}]\n', ['{"a":1}', '{"b":2}']),
        ('{\n "a": 1\n}\n{\n "b": [\n {\n }\n ]\n}\n', ['{\n "a": 1\n}', '{\n "b": [\n {\n }\n ]\n}']),
        ('[\n  {\n   "a": 1\n  },\n  {\n   "b": 2\n  }\n]\n', ['{\n   "a": 1\n  }', '{\n   "b": 2\n  }']),
        ('[{\n  "a": 1\n}]\n', ['{\n  "a": 1\n}']),
        ('Record 1\n{\n "a": 1\n}\nRecord 22\n{\n}\n', ['{\n "a": 1\n}', "{\n}"]),
        ('{"a":1}\n{\n "b": 2\n}\n{"c":3}\n', ['{"a":1}', '{\n "b": 2\n}', '{"c":3}']),
        (
            '  {\n    "a": 1\n  }\n{\n "b": 2\n}\n    {\n     "c": 3\n    }\n',
            ['{\n    "a": 1\n  }', '{\n "b": 2\n}', '{\n     "c": 3\n    }'],
        ),
    ],
)
def test_objects_are_found_however_they_are_laid_out(text: str, objects: list[str]) -> None:
    assert found(text) == (objects, [], text.count("\n"))


@pytest.mark.parametrize(
    ("text", "objects", "rejected"),
    [
        ('{\n "a": 1\n{"b":2}\n', ['{"b":2}'], [(0, CUT_OFF)]),
        ('{\n "a": 1\n{\n "b": 2\n}\n', ['{\n "b": 2\n}'], [(0, CUT_OFF)]),
        ('{\n "a": 1\nRecord 2\n{\n}\n', ["{\n}"], [(0, CUT_OFF)]),
        ('{\n "a": 1\n', [], [(0, CUT_OFF)]),
        ('"a": 1\n}\n{"b":2}\n', ['{"b":2}'], [(0, NOT_AN_OBJECT), (1, NOT_AN_OBJECT)]),
        (
            "x\n{}\n[1,2]\nRecord x\n{\n}\n",
            ["{}", "{\n}"],
            [(0, NOT_AN_OBJECT), (2, NOT_AN_OBJECT), (3, NOT_AN_OBJECT)],
        ),
        ('{\n "a": "' + "x" * 1000 + '"\n}\n{"b":2}\n', ['{"b":2}'], [(0, TOO_LONG)]),
        ('{\n "a": "' + "x" * 1000 + '"\n{"b":2}\n', ['{"b":2}'], [(0, TOO_LONG)]),
    ],
)
def test_what_is_no_object_is_named_and_swallows_nothing(
    text: str, objects: list[str], rejected: list[tuple[int, str]]
) -> None:
    assert found(text)[:2] == (objects, rejected)


def test_an_object_that_is_not_finished_is_left_for_later() -> None:
    assert found('{"a":1}\n{\n "b": 2\n', last=False) == (['{"a":1}'], [], 1)
    assert found('{"a":1}\n{\n "b": "' + "x" * 1000 + '"\n', last=False) == (['{"a":1}'], [(1, TOO_LONG)], 3)


def test_the_rest_of_a_rejected_object_is_part_of_it() -> None:
    records = JsonRecords()
    assert records.find(block(' {\n  "a": "' + "x" * 1000 + '",\n'), last=False, max_bytes=1000).rejected == [
        (0, TOO_LONG)
    ]
    middle = records.find(block('  "b": {\n  },\n  "c": 3\n'), last=False)
    assert (len(middle.lines), middle.rejected, middle.taken) == (0, [], 3)
    end = block('  "d": 4\n },\n {"e": 5}\n')
    after = records.find(end, last=True)
    assert (after.texts(end.data).to_pylist(), after.rejected) == (['{"e": 5}'], [])


def test_an_indentation_that_changes_all_the_time_costs_no_more_than_its_lines() -> None:
    text = "".join(" " * (number % 50) + "{\n" + " " * (number % 50) + "}\n" for number in range(5_000))
    objects, rejected, taken = found(text)
    assert len(objects) == MOST_INDENTS
    assert len(objects) * 2 + len(rejected) == taken == 10_000
