"""IIS rows with too many or too few cells."""

from __future__ import annotations

import pytest

from brokenseal.parsers.delimited import Fitted
from brokenseal.parsers.iis import DEFAULT_FIELDS
from brokenseal.parsers.iis_repair import FEWER, fit_cells, looks_default

FIELDS = (
    "date",
    "time",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "s-port",
    "cs-username",
    "c-ip",
    "cs(User-Agent)",
    "sc-status",
)
START = "2021-03-03 05:00:00 192.0.2.10 GET /owa/ 443"


@pytest.mark.parametrize(
    ("rest", "cells", "warning"),
    [
        ("- 198.51.100.7 UA 200", ["-", "198.51.100.7", "UA", "200"], ""),
        (" - 198.51.100.7 UA 200", ["-", "198.51.100.7", "UA", "200"], "double space between cells"),
        ("a b 198.51.100.7 UA 200", ["a b", "198.51.100.7", "UA", "200"], "spaces inside cs-username"),
        ("- 198.51.100.7 UA (x; y) 200", ["-", "198.51.100.7", "UA (x; y)", "200"], "spaces inside cs(user-agent)"),
        ("- 198.51.100.7 UA", ["-", "198.51.100.7", "UA", "-"], FEWER),
        ("-", ["-", "-", "-", "-"], FEWER),
    ],
)
def test_fitted(rest: str, cells: list[str], warning: str) -> None:
    fitted = fit_cells(FIELDS, f"{START} {rest}")
    assert fitted == Fitted([*START.split(" "), *cells], warning, short=warning == FEWER)


@pytest.mark.parametrize(
    "row",
    [
        "",
        "2021-03-03",
        "one two",
        f"{START} - UA 198.51.100.7",
        f"{START} a b UA 198.51.100.7 x y 200",
        "05:00:00 2021-03-03 192.0.2.10 GET",
        f"{START} - 198.51.100.7 UA 2oo x",
    ],
)
def test_refused(row: str) -> None:
    count = len(row.split(" "))
    assert fit_cells(FIELDS, row) == f"row has {count} cells, its header 10, and the values do not fit the columns"


@pytest.mark.parametrize("address", ["192.0.2.1", "::1", "2001:db8::1", "fe80::1%12", "-", "::ffff:192.0.2.1"])
def test_addresses_hold_the_cells_in_place(address: str) -> None:
    fitted = fit_cells(FIELDS, f"{START} two words {address} UA 200")
    assert isinstance(fitted, Fitted)
    assert fitted.cells[6:8] == ["two words", address]


def test_looks_default() -> None:
    row = "2021-03-03 05:00:00 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 UA - 200 0 0 31"
    assert looks_default(row, DEFAULT_FIELDS)
    for old, new in [
        ("/owa/", "owa"),
        ("200", "0"),
        ("200", "-"),
        ("GET", "get"),
        (" 31", " -"),
        (" 31", ""),
        ("192.0.2.10", "W3SVC1"),
    ]:
        assert not looks_default(row.replace(old, new), DEFAULT_FIELDS)
