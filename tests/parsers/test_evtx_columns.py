"""What becomes of the JSON of a record: columns as they are declared, the event's own data flat."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from brokenseal.parsers.evtx_columns import columns_of

SYSTEM: dict[str, Any] = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"}},
    "EventID": 1,
    "Level": 4,
    "Task": 1,
    "Opcode": 0,
    "Keywords": "0x8000000000000000",
    "TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T05:00:00.123456Z"}},
    "EventRecordID": 17,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Computer": "EX01.example.test",
    "Security": {"#attributes": {"UserID": "S-1-5-18"}},
}


def columns(*events: dict[str, Any] | str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    texts = [each if isinstance(each, str) else json.dumps({"Event": each}, separators=(",", ":")) for each in events]
    found, warnings = columns_of(pa.array(texts))
    return pa.table(found).to_pylist(), dict(warnings)


def data(event: dict[str, Any], **system: Any) -> Any:
    ((row,), _) = columns({"System": SYSTEM | system, **event})
    return None if row["Data"] is None else json.loads(row["Data"])


def test_the_columns_of_an_event() -> None:
    ((row,), warnings) = columns({"System": SYSTEM, "EventData": {"Image": "C:\\x.exe", "ProcessId": 12}})
    assert row.pop("time").isoformat() == "2021-03-03T05:00:00.123000+00:00"
    assert row == {
        "host": "EX01.example.test",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "Keywords": "0x8000000000000000",
        "UserID": "S-1-5-18",
        "Message": None,
        "EventRecordID": 17,
        "EventID": 1,
        "Level": 4,
        "Task": 1,
        "Opcode": 0,
        "Data": '{"Image":"C:\\\\x.exe","ProcessId":12}',
    }
    assert warnings == {}


def test_what_a_record_lacks_is_null() -> None:
    rows, warnings = columns({}, {"System": None}, {"System": {"Channel": "", "Level": None, "Security": None}}, "{}")
    assert all(value is None for row in rows for value in row.values())
    assert warnings == {}


def test_texts_with_escapes_and_rendered_messages() -> None:
    ((row,), _) = columns({"System": SYSTEM | {"Channel": 'a\\b"c'}, "RenderingInfo": {"Message": "one\r\ntwo\tÜ"}})
    assert (row["Channel"], row["Message"]) == ('a\\b"c', "one\r\ntwo\tÜ")


def test_numbers_may_be_texts_and_what_is_none_is_said() -> None:
    rows, warnings = columns(
        {"System": SYSTEM | {"EventID": "4688", "Level": "x"}},
        {"System": SYSTEM | {"Level": 2**40}},
        {"System": SYSTEM},
    )
    assert [row["EventID"] for row in rows] == [4688, 1, 1]
    assert [row["Level"] for row in rows] == [None, None, 4]
    assert warnings == {"Level is not a number (kept as empty)": 2}


def test_the_text_of_an_element_with_attributes_is_its_value() -> None:
    qualified = {"#attributes": {"Qualifiers": 16384}, "#text": 7036}
    marked = {"#attributes": {"x": "y"}, "#text": "EX02.example.test"}
    rows, warnings = columns(
        {"System": SYSTEM | {"EventID": qualified}},
        {"System": SYSTEM},
        {"System": SYSTEM | {"Computer": marked, "Channel": {"#attributes": {"x": "y"}}}},
    )
    assert [row["EventID"] for row in rows] == [7036, 1, 1]
    assert [row["host"] for row in rows] == ["EX01.example.test", "EX01.example.test", "EX02.example.test"]
    assert (rows[2]["Channel"], warnings) == (None, {})


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2020-12-11T12:28:44.3178756Z", "2020-12-11T12:28:44.317000+00:00"),
        ("2020-12-31T23:59:59.9999999Z", "2020-12-31T23:59:59.999000+00:00"),
        ("2020-12-11T12:28:44Z", "2020-12-11T12:28:44+00:00"),
        ("1601-01-01T00:00:00.000000Z", "1601-01-01T00:00:00+00:00"),
        ("yesterday", None),
        ("2021-02-31T00:00:00Z", None),
    ],
)
def test_times_are_cut_to_milliseconds(text: str, time: str | None) -> None:
    ((row,), _) = columns({"System": SYSTEM | {"TimeCreated": {"#attributes": {"SystemTime": text}}}})
    assert (row["time"] and row["time"].isoformat()) == time


@pytest.mark.parametrize(
    ("event_data", "flat"),
    [
        ({"A": "1", "B": None, "C": {"D": ["x"]}}, {"A": "1", "B": None, "C": {"D": ["x"]}}),
        ({"Data": {"#text": ["a", None, "c"]}}, {"Data": "a\n\nc", "Data#0": "a", "Data#1": "", "Data#2": "c"}),
        ({"Data": {"#text": "a"}, "Binary": "00FF"}, {"Binary": "00FF", "Data": "a", "Data#0": "a"}),
        ({"Data": ["a", 5, True]}, {"Data": "a\n5\ntrue", "Data#0": "a", "Data#1": "5", "Data#2": "true"}),
        ({"Data": "a"}, {"Data": "a", "Data#0": "a"}),
        ({"Data": None}, {"Data": "", "Data#0": ""}),
        ({"Data": []}, {"Data": ""}),
        ({"Text": 'say "Data": no'}, {"Text": 'say "Data": no'}),
        ("only text", {"Data": "only text", "Data#0": "only text"}),
        ({"#attributes": {"Name": "x"}, "A": "1"}, {"A": "1"}),
        ({"#attributes": {"Name": "x"}}, None),
        ({"#attributes": {"Name": "x"}, "#text": "a"}, {"Data": "a", "Data#0": "a"}),
        (
            {"A": {"#attributes": {"b": "c"}, "#text": "1"}, "D": {"#attributes": {"b": "c"}}, "E": [{"F": "2"}]},
            {"A_attributes": {"b": "c"}, "A": "1", "D_attributes": {"b": "c"}, "E": [{"F": "2"}]},
        ),
        (
            {"A": {"#attributes": {"b": "c"}, "G": {"#attributes": {"h": "i"}, "J": "3"}}},
            {"A_attributes": {"b": "c"}, "A": {"G_attributes": {"h": "i"}, "G": {"J": "3"}}},
        ),
        ({"Text": 'say "#attributes": no'}, {"Text": 'say "#attributes": no'}),
        ('{"not": "an object', {"Data": '{"not": "an object', "Data#0": '{"not": "an object'}),
        ({}, {}),
        (None, None),
    ],
)
def test_the_events_own_data(event_data: Any, flat: Any) -> None:
    assert data({"EventData": event_data}) == flat


def test_user_data_is_what_its_element_holds() -> None:
    inner = {"Reason": "x", "Param": {"Sub": "1"}}
    assert data({"UserData": {"EventXML": {"#attributes": {"xmlns": "y"}, **inner}}}) == inner
    assert (
        data({"UserData": {"#attributes": {"a": "b"}, "EventXML": {"#attributes": {"xmlns": "y"}, **inner}}}) == inner
    )
    assert data({"UserData": {"LogFileCleared": {"SubjectUserName": "a"}}}) == {"SubjectUserName": "a"}
    assert data({"UserData": {"Text": "a"}}) == {"Data": "a", "Data#0": "a"}
    assert data({"UserData": {"EventData": {"Data": ["a"]}}}) == {"Data": "a", "Data#0": "a"}
    assert data({"UserData": None}) is None
    assert data({"UserData": "text"}) is None
    assert data({"EventData": {"A": "1"}, "UserData": {"X": {"B": "2"}}}) == {"A": "1"}


def cmdlet(event: int, *items: str) -> Any:
    provider = {"Provider": {"#attributes": {"Name": "MSExchange CmdletLogs"}}, "EventID": event}
    return data({"EventData": {"Data": {"#text": list(items)}}}, **provider)


def test_the_items_of_a_cmdlet_have_names() -> None:
    items = [
        "New-Mailbox",
        "-Name a",
        "u",
        "S-1-5-21-1",
        "S-1-5-21-1",
        "shell",
        "12 w3wp",
        "",
        "",
        "",
        "",
        "",
        "It failed.",
    ]
    named = {
        "Cmdlet": "New-Mailbox",
        "Parameters": "-Name a",
        "User": "u",
        "UserSid": "S-1-5-21-1",
        "HostApplication": "shell",
        "Process": "12 w3wp",
    }
    numbered = {"Data": "\n".join(items), **{f"Data#{number}": item for number, item in enumerate(items)}}
    assert cmdlet(1, *items) == numbered | named | {"Outcome": "succeeded"}
    assert cmdlet(6, *items) == numbered | named | {"Outcome": "failed", "Exception": "It failed."}
    assert cmdlet(8, *items[:2]) == {
        "Data": "New-Mailbox\n-Name a",
        "Data#0": "New-Mailbox",
        "Data#1": "-Name a",
        "Cmdlet": "New-Mailbox",
        "Parameters": "-Name a",
        "Outcome": "failed",
    }
    assert "Outcome" not in cmdlet(5, *items)


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(duckdb.Error):
        columns_of(pa.array(['{"Event":']))
