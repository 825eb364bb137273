"""Rows of the table from what exporters wrote."""

from __future__ import annotations

import json
from collections import Counter

import duckdb
import pyarrow as pa

from brokenseal.parsers.columns import UTC_MS
from brokenseal.parsers.windows_event import WindowsEventParser
from brokenseal.parsers.winevent_table import bisected, event_table, header_columns, with_cmdlets


def texts(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_the_log_is_known_by_the_provider_where_it_is_not_named() -> None:
    table = pa.table({"Channel": ["Own", None, None], "Provider_Name": ["X", "Microsoft-Windows-Sysmon", "X"]})
    assert header_columns(table, Counter())["Channel"].to_pylist() == [
        "Own",
        "Microsoft-Windows-Sysmon/Operational",
        None,
    ]
    assert (
        header_columns(table.drop(["Channel"]), Counter())["Channel"].to_pylist()[1]
        == "Microsoft-Windows-Sysmon/Operational"
    )


def test_an_event_id_that_is_no_number_is_counted() -> None:
    warnings: Counter[str] = Counter()
    made = header_columns(pa.table({"EventID": ["1", "x"], "Task": ["Logon", "2"]}), warnings)
    assert (made["EventID"].to_pylist(), made["Task"].to_pylist()) == ([1, None], [None, 2])
    assert warnings == {"EventID is not a number (kept as empty)": 1}


def test_cmdlets_get_their_names_from_items_or_message_or_joined_text() -> None:
    items = json.dumps({"Data#0": "Get-X", "Data#1": "-A", "Data#2": "anna", "Data#12": "no right"})
    made = {
        "Provider_Name": texts("MSExchange CmdletLogs", "MSExchange CmdletLogs", "other", None),
        "EventID": pa.chunked_array([pa.array([6, 1, 1, 1])]),
        "Message": texts(None, "Cmdlet suceeded. Cmdlet Get-Y, parameters -B.", None, None),
    }
    found = with_cmdlets(texts(items, None, items, None), made)
    first, second = json.loads(found[0].as_py()), json.loads(found[1].as_py())
    assert (first["Cmdlet"], first["Parameters"], first["User"], first["Outcome"], first["Exception"]) == (
        "Get-X",
        "-A",
        "anna",
        "failed",
        "no right",
    )
    assert second == {"Cmdlet": "Get-Y", "Parameters": "-B", "Outcome": "succeeded"}
    assert found.to_pylist()[2:] == [items, None]

    joined = json.dumps({"Data": "Get-Z, -A a, b, anna, S-1-5-21-1, S-1-5-21-1, EMS, 1 w3wp, x"})
    fields = json.loads(with_cmdlets(texts(joined, *[None] * 3), made, joined=True)[0].as_py())
    assert (fields["Cmdlet"], fields["Parameters"], fields["User"], fields["Process"]) == (
        "Get-Z",
        "-A a, b",
        "anna",
        "1 w3wp",
    )


def test_what_the_engine_cannot_take_is_found_by_halving() -> None:
    def run(rows: pa.ChunkedArray) -> pa.Table:
        if "bad" in rows.to_pylist():
            raise duckdb.OutOfMemoryException("too much")
        return pa.table({"x": rows})

    table, failed = bisected(texts("a", "bad", "b", "c", "bad"), run)
    assert table is not None
    assert (table.column("x").to_pylist(), failed.tolist()) == (["a", "b", "c"], [1, 4])
    assert bisected(texts(), run)[0] is None
    assert bisected(texts("bad"), run)[0] is None


def test_columns_that_were_not_made_are_null() -> None:
    made = {"time": pa.chunked_array([pa.array([0], UTC_MS)]), "line": pa.chunked_array([pa.array([1])])}
    table = event_table(WindowsEventParser.schema(), made)
    assert table.to_pylist()[0]["line"] == 1
    assert table.to_pylist()[0]["Data"] is None
