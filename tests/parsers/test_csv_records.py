"""Records of CSV whose cells span lines, and how reading goes on after damage."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.blocks import Block, Tally, read_blocks
from brokenseal.parsers.csv_records import BROKEN, CUT_OFF, LOOK_AHEAD, TOO_LONG, find_records, read_records
from brokenseal.parsers.whole_records import joined

Records = tuple[list[str], list[tuple[int, str]], int]


def block(text: str) -> Block:
    first, *others = read_blocks(io.BytesIO(text.encode()), Tally())
    for each in others:
        first = joined(first, each)
    return first


def records(
    text: str, *, quoted: bool = True, last: bool = True, max_bytes: int = 1 << 20, delimiter: str = ","
) -> Records:
    made = block(text)
    found = find_records(made, delimiter, quoted=quoted, last=last, max_bytes=max_bytes)
    ranges = list(zip(found.firsts.tolist(), found.afters.tolist(), strict=True))
    assert found.lines().tolist() == [line for first, after in ranges for line in range(first, after)]
    texts = [made.data[made.starts[first] : made.ends[after - 1]].decode().rstrip("\r") for first, after in ranges]
    return texts, found.rejected, found.taken


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"a","b"\n"c","d"\n', ['"a","b"', '"c","d"']),
        ('"a\n\n,b"\r\n"c"\r\n', ['"a\n\n,b"', '"c"']),
        ('"say ""x""\ny"\n"""z"""\n""\n', ['"say ""x""\ny"', '"""z"""', '""']),
        (',"a"\n\n"b",\n#TYPE x\n', [',"a"', '"b",', "#TYPE x"]),
        ('"a"', ['"a"']),
    ],
)
def test_records_in_order(text: str, wanted: list[str]) -> None:
    assert records(text) == (wanted, [], len(block(text)))


def test_other_delimiters_and_cells_without_marks() -> None:
    assert records('a;"b\nc"\nd;e\n', quoted=False, delimiter=";")[0] == ['a;"b\nc"', "d;e"]
    assert records('a\tb\n"c\nd"\t\n', quoted=False, delimiter="\t")[0] == ["a\tb", '"c\nd"\t']


@pytest.mark.parametrize(
    ("text", "wanted", "rejected"),
    [
        ('"a\n"b"\n"c"\n', ['"b"', '"c"'], [(0, BROKEN)]),
        ('"a" x\n"b"\n', ['"b"'], [(0, BROKEN)]),
        ('"a"\n"b"c"\n"d\ne"\n"f"\n', ['"a"', '"d\ne"', '"f"'], [(1, BROKEN)]),
        ('"a"\nb\n"c"\n', ['"a"', '"c"'], [(1, BROKEN)]),
        ('"a"\n"b\nc\n', ['"a"'], [(1, CUT_OFF)]),
        ('"a"\n"b\n' + "x\n" * 100 + '"\n"c"\n', ['"a"', '"c"'], [(1, TOO_LONG)]),
    ],
)
def test_damage_ends_where_a_record_can_begin(text: str, wanted: list[str], rejected: list[tuple[int, str]]) -> None:
    assert records(text, max_bytes=150)[:2] == (wanted, rejected)


def test_what_is_not_finished_or_cannot_be_told_yet_is_left_for_later() -> None:
    assert records('"a"\n"b\nc\n', last=False) == (['"a"'], [], 1)
    assert records('"a"\n"b" x\n"c"\n', last=False) == (['"a"'], [], 1)
    after = '"c"\n' * (LOOK_AHEAD // 4 + 10)
    texts, rejected, taken = records('"a"\n"b" x\n' + after, last=False)
    assert (texts[:2], rejected, taken) == (['"a"', '"c"'], [(1, BROKEN)], after.count("\n") + 2)


CELL = st.text(st.sampled_from('ab",;\n \t#é'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read(rows: list[list[str]], end: str) -> None:
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + end for row in rows)
    texts, rejected, _ = records(text)
    assert (len(texts), rejected) == (len(rows), [])
    table, invalid = read_records(text.encode(), len(rows), ("x", "y"), ("x", "y"), ",")
    assert not len(invalid)
    assert [list(row.values()) for row in table.to_pylist()] == [[cell or None for cell in row] for row in rows]


def test_records_of_another_length_are_named() -> None:
    table, invalid = read_records(b'"a","b"\n"c"\n"d","e\nf"\n', 3, ("x", "y"), ("y",), ",")
    assert (table.to_pylist(), invalid.tolist()) == ([{"y": "b"}, {"y": "e\nf"}], [1])


def test_where_the_fast_reader_fails_records_are_read_one_by_one() -> None:
    table, invalid = read_records(b'a,b\nc\n"d ""x",e\n', 4, ("x", "y"), ("x",), ",")
    assert (table.to_pylist(), invalid.tolist()) == ([{"x": "a"}, {"x": 'd "x'}], [1])
