"""Rows that do not fit: what is certain stays, what is not is left empty, what fits nowhere is refused."""

from __future__ import annotations

import re

import pytest

from brokenseal.parsers.csv_repair import BROKEN_QUOTES, FEWER, SURPLUS, fit_cells
from brokenseal.parsers.delimited import Fitted

FIELDS = ("time", "name", "number", "text", "other", "last")
NUMBER = re.compile("[0-9]*")
SHAPES = [re.compile("[0-9:]+"), None, NUMBER, None, None, NUMBER]
HINTS = [re.compile("[0-9:]+"), re.compile("[a-z]+"), re.compile("[0-9]+"), None, re.compile("[a-z]*"), NUMBER]


@pytest.mark.parametrize(
    ("text", "cells", "warning"),
    [
        # quotes that are part of a value
        ('1:00,a"b,2,t,o,3', ["1:00", 'a"b', "2", "t", "o", "3"], BROKEN_QUOTES),
        ('1:00,a,2,"t,o,3', ["1:00", "a", "2", '"t', "o", "3"], BROKEN_QUOTES),
        # a comma that can only belong to one column
        ("1:00,a,b,2,t,o,3", ["1:00", "a,b", "2", "t", "o", "3"], "commas inside name"),
        # one that may belong to two: the first keeps what is certain
        ("1:00,a,2,t,u,o,3", ["1:00", "a", "2", "t,u", "o", "3"], "commas inside text"),
        ("1:00,a,2,t,U,O,3", ["1:00", "a", "2", "t", "", "3"], SURPLUS),
        # cells missing at the end
        ("1:00,a,2", ["1:00", "a", "2", "", "", ""], FEWER),
        ('1:00,a,2,"t,o', ["1:00", "a", "2", '"t,o', "", ""], FEWER),
    ],
)
def test_fitted(text: str, cells: list[str], warning: str) -> None:
    assert fit_cells(FIELDS, SHAPES, HINTS, text) == Fitted(cells, warning, short=warning == FEWER)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1:00," + "a," * 40, "more than 12"),
        ("", 1),
        ("1:00", 1),
        ("x,a,2,t,o,3", 6),
        ("1:00,a,b", 3),
        ("1:00,a,x,t,o,3,4", 7),
        ("1:00,a,2,t,o,3,x", 7),
    ],
)
def test_refused(text: str, count: int | str) -> None:
    reason = f"row has {count} cells, its header 6, and the values do not fit the columns"
    assert fit_cells(FIELDS, SHAPES, HINTS, text) == reason
