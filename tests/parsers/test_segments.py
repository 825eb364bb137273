"""Names of columns, dates that stand over rows, and lines put together again."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.blocks import Block, Tally, read_blocks
from brokenseal.parsers.segments import DateMarks, Header, blank_lines, first_bytes, lines_joined, merged, unique_names


def block_of(data: bytes) -> Block:
    (block,) = read_blocks(io.BytesIO(data), Tally())
    return block


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["a", "A", "b", "a__2", "A__3", "a__2__2", ""]), max_size=8))
def test_names_are_unique_and_stay_in_their_place(fields: list[str]) -> None:
    names = unique_names(tuple(fields))
    assert len(names) == len(fields)
    assert len({name.lower() for name in names}) == len(names)
    for name, field in zip(names, fields, strict=True):
        assert name.startswith(field)
    first_places = {field.lower(): at for at, field in reversed(list(enumerate(fields)))}
    for at in first_places.values():
        assert names[at] == fields[at]


def test_dates_hold_from_their_line_to_the_next() -> None:
    marks = DateMarks()
    marks.note(3, " 2021-03-03 22:00:00")
    marks.note(6, " soon")
    marks.note(8, " 2021-03-04")
    lines = np.array([1, 3, 4, 7, 9], dtype=np.int64)
    at, moments, known = marks.before(lines)
    assert at.tolist() == [0, 3, 3, 6, 8]
    assert known.tolist() == [False, True, True, False, True]
    assert moments[known].tolist() == [1614808800000, 1614808800000, 1614816000000]
    marks.forget_before(7)
    assert [each.tolist() for each in marks.before(lines[3:])] == [each[3:].tolist() for each in (at, moments, known)]


def test_blank_lines_and_first_bytes() -> None:
    block = block_of(b"a\n\n\r\n b\r\n#c\n\xef\xbb\xbf\n")
    first = first_bytes(block)
    assert blank_lines(block, first).tolist() == [False, True, True, False, False, True]
    assert [chr(byte) for byte in first[:5]] == ["a", "\n", "\r", " ", "#"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"one", b"two", b"", b"three"]), min_size=1, max_size=9), st.data())
def test_lines_joined(lines: list[bytes], data: st.DataObject) -> None:
    block = block_of(b"\r\n".join(lines) + b"\r\n")
    chosen = sorted(data.draw(st.sets(st.sampled_from(range(len(block))))))
    expected = [block.text(at) for at in chosen]
    joined = lines_joined(block, np.array(chosen, dtype=np.int64))
    assert joined.splitlines() == [text.rstrip(b"\r") for text in expected]


@pytest.mark.parametrize("same", [True, False])
def test_neighbours_under_the_same_header_become_one(same: bool) -> None:
    block = block_of(b"1\n#\n2\n\n3\n#\n4\n")
    one, other = Header(("a",)), Header(("a",), build=None if same else "15.1.2.3")
    blank = blank_lines(block, first_bytes(block))
    gathered = merged(block, [(one, 0, 1), (other, 2, 5), (one, 6, 7)], blank)
    assert [rows.data for rows in gathered] == ([b"1\n2\n3\n4\n"] if same else [b"1\n", b"2\n3\n", b"4\n"])
    assert [rows.indexes.tolist() for rows in gathered] == ([[0, 2, 4, 6]] if same else [[0], [2, 4], [6]])
