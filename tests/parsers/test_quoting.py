"""Broken quotes: found line by line, so that none reaches the next line; what a damaged line still says."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import quoting
from brokenseal.parsers.quoting import broken_quote_lines, tolerant_cells

LINES = st.lists(st.text('",ab ', max_size=12), min_size=1, max_size=8)


def well_formed(line: str) -> bool:
    """RFC 4180, one character after the other."""
    state = "start"
    for character in line:
        if state == "start":
            state = "quoted" if character == '"' else "start" if character == "," else "bare"
        elif state == "bare":
            if character == '"':
                return False
            state = "start" if character == "," else "bare"
        elif state == "quoted":
            state = "closing" if character == '"' else "quoted"
        elif character == '"':
            state = "quoted"
        elif character == ",":
            state = "start"
        else:
            return False
    return state != "quoted"


def broken(lines: list[str], end: str) -> list[int]:
    data = "".join(line + end for line in lines).encode()
    starts = np.cumsum([0, *(len(line) + len(end) for line in lines[:-1])]).astype(np.int64)
    return [int(at) for at in broken_quote_lines(data, starts)]


@settings(max_examples=200, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_exactly_the_lines_that_are_not_csv_are_found(lines: list[str], end: str) -> None:
    assert broken(lines, end) == [at for at, line in enumerate(lines) if not well_formed(line)]


@settings(max_examples=60, deadline=None)
@given(LINES, st.integers(1, 30))
def test_the_portions_do_not_matter(lines: list[str], portion: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "_PORTION_BYTES", portion)
        assert broken(lines, "\n") == [at for at, line in enumerate(lines) if not well_formed(line)]


def test_a_last_line_without_line_end_is_judged_too() -> None:
    for last in ('"a"', '"a', 'a"', '""', '"'):
        data = f'x\n"y",z\n{last}'.encode()
        assert broken_quote_lines(data, np.array([0, 2, 8], dtype=np.int64)).tolist() == (
            [] if well_formed(last) else [2]
        )


@settings(max_examples=200, deadline=None)
@given(st.text('",ab ', max_size=16))
def test_tolerant_cells_reads_good_lines_as_csv_does(line: str) -> None:
    cells = tolerant_cells(line, 100)
    if well_formed(line) and line:
        assert cells == next(csv.reader(io.StringIO(line), strict=True))
    assert sum(map(len, cells)) <= len(line)


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("", [""]),
        (",", ["", ""]),
        ('a,"never closed, b', ["a", '"never closed, b']),
        ('a,"say "x" now",b', ["a", 'say "x" now', "b"]),
        ('a,b "c" d,e', ["a", 'b "c" d', "e"]),
        ('"a""', ['"a"']),
        ('"', ['"']),
    ],
)
def test_tolerant_cells_of_damaged_lines(line: str, cells: list[str]) -> None:
    assert tolerant_cells(line, 10) == cells


def test_after_the_most_cells_the_rest_is_one() -> None:
    assert tolerant_cells('a,"b,c",d,"e,f', 2) == ["a", "b,c", 'd,"e,f']
    assert tolerant_cells("a,b", 2) == ["a", "b"]
    assert tolerant_cells("a,b,", 2) == ["a", "b", ""]
