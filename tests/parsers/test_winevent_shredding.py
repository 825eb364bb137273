"""Records taken apart: whatever their fields are, one flat object comes of them."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from brokenseal.parsers import winevent_shapes as shapes
from brokenseal.parsers.winevent_shredding import (
    NOT_JSON,
    UNKNOWN,
    WRAPPED,
    all_alike,
    classified,
    payload_fields,
    taken_apart,
    unwrapped,
)


def data(shape: shapes.JsonShape, record: dict[str, Any]) -> Any:
    text = taken_apart(pa.array([json.dumps(record)]), shape).column("Data")[0].as_py()
    return None if text is None else json.loads(text)


@pytest.mark.parametrize(
    ("event_data", "fields"),
    [
        ({"a": 1, "b": "x", "c": True, "d": {"e": [1]}}, {"a": 1, "b": "x", "c": True, "d": {"e": [1]}}),
        ({"#attributes": {"Name": "x"}, "a": 1}, {"a": 1}),
        ({"Data": "x"}, {"Data": "x", "Data#0": "x"}),
        ({"Data": ["x", "", "y"]}, {"Data": "x\n\ny", "Data#0": "x", "Data#1": "", "Data#2": "y"}),
        ({"Data": ["x", None, 5]}, {"Data": "x\n\n5", "Data#0": "x", "Data#1": "", "Data#2": "5"}),
        (
            {"Data": {"#text": ["x", "y"]}, "Binary": "00"},
            {"Data": "x\ny", "Data#0": "x", "Data#1": "y", "Binary": "00"},
        ),
        ({"Data": {"#text": "x", "#attributes": {}}}, {"Data": "x", "Data#0": "x"}),
        ({"Data": {"Value": "x"}}, {"Data": "x", "Data#0": "x"}),
        ({"Data": [{"#text": "x"}, {"Value": "y"}]}, {"Data": "x\ny", "Data#0": "x", "Data#1": "y"}),
        ({"Data": {"@Name": "a", "#text": "x"}}, {"a": "x"}),
        ({"Data": [{"@Name": "a", "#text": "x"}, {"@Name": "b"}]}, {"a": "x"}),
        ({"Data": [{"@Name": "a", "#text": "x"}, "y"]}, {"a": "x", "Data": "y", "Data#0": "y"}),
        ({"Data": {"param1": "x", "param2": "y"}}, {"param1": "x", "param2": "y"}),
        ({"Data": None}, None),
        ({"Data": []}, None),
        ({}, None),
        (None, None),
        ("text", {"Data": "text", "Data#0": "text"}),
        (["x", "y"], {"Data": "x\ny", "Data#0": "x", "Data#1": "y"}),
    ],
)
def test_event_data_becomes_one_flat_object(event_data: object, fields: object) -> None:
    assert data(shapes.EVENT, {"Event": {"System": {"EventID": 1}, "EventData": event_data}}) == fields


def test_a_name_that_comes_twice_is_one_field() -> None:
    twice = {"Data": [{"@Name": "a", "#text": "x"}, {"@Name": "a", "#text": "y"}]}
    assert data(shapes.EVENT, {"Event": {"System": {"EventID": 1}, "EventData": twice}}).keys() == {"a"}


def test_user_data_is_what_is_inside_its_one_element() -> None:
    inner = {"#attributes": {"xmlns": "x"}, "SubjectUserName": "anna"}
    assert data(shapes.EVENT, {"Event": {"System": {}, "UserData": {"LogFileCleared": inner}}}) == {
        "SubjectUserName": "anna"
    }
    assert data(shapes.VELOCIRAPTOR, {"System": {}, "EventData": {}, "UserData": {"A": inner}}) == {
        "SubjectUserName": "anna"
    }


def test_winlogbeats_params_are_items_unless_there_are_others() -> None:
    params = {f"param{number}": f"v{number}" for number in (1, 10, 2, 3, 4, 5, 6, 7, 8, 9)}
    found = data(shapes.ECS, {"winlog": {"event_id": 1, "event_data": params}})
    assert found["Data"] == "\n".join(f"v{number}" for number in range(1, 11))
    assert found["Data#9"] == "v10"
    assert data(shapes.WINLOGBEAT_6, {"event_id": 1, "event_data": {"param1": "x", "Binary": "00"}})["Data#0"] == "x"


def test_what_elastics_modules_moved_is_put_back() -> None:
    record: dict[str, Any] = {
        "winlog": {
            "provider_name": "Microsoft-Windows-Sysmon",
            "event_id": 1,
            "event_data": {"IntegrityLevel": "System", "Image": "own"},
        },
        "process": {
            "entity_id": "{1}",
            "executable": "moved",
            "args": ["cmd.exe", "/c", "x"],
            "hash": {"md5": "aa", "sha256": "bb"},
            "pe": {"imphash": "cc", "original_file_name": "Cmd.Exe"},
            "parent": {"executable": "w3wp.exe", "command_line": "w3wp.exe -ap x"},
        },
        "user": {"name": "anna", "domain": "CORP"},
        "file": {"path": "not of this event"},
    }
    assert data(shapes.ECS, record) == {
        "ProcessGuid": "{1}",
        "Image": "own",
        "CommandLine": "cmd.exe /c x",
        "OriginalFileName": "Cmd.Exe",
        "ParentImage": "w3wp.exe",
        "ParentCommandLine": "w3wp.exe -ap x",
        "User": "CORP\\anna",
        "Hashes": "MD5=AA,SHA256=BB,IMPHASH=CC",
        "IntegrityLevel": "System",
    }
    record["winlog"]["event_id"] = 11
    assert data(shapes.ECS, record)["TargetFilename"] == "not of this event"
    record["winlog"]["provider_name"] = "X"
    assert data(shapes.ECS, record) == {"IntegrityLevel": "System", "Image": "own"}


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ('{"EventData":{"Data":[{"@Name":"a","#text":"x"}]}}', {"a": "x"}),
        ('{"UserData":{"X":{"@xmlns":"u","a":"x"}}}', {"a": "x"}),
        ('{"EventData":{"Data":"a, b","Binary":""}}', {"Data": "a, b", "Data#0": "a, b", "Binary": ""}),
        (r'{"EventData":{"Data":{"@Name":"a","#text":"C:\Users\w"}}}', {"a": r"C:\Users\w"}),
        ("no json", {"Payload": "no json"}),
        ("{}", None),
        (None, None),
    ],
)
def test_payloads_of_evtxecmd(payload: str | None, fields: object) -> None:
    text = payload_fields(pa.chunked_array([pa.array([payload], pa.string())]))[0].as_py()
    assert (None if text is None else json.loads(text)) == fields


def test_classes_of_what_has_no_shape_of_its_own() -> None:
    records = pa.array(["x", "[]", "1", '{"a":1}', '{"_source":{"winlog":{}}}', "{", ""])
    assert classified(records).to_pylist() == [NOT_JSON, NOT_JSON, NOT_JSON, UNKNOWN, WRAPPED, NOT_JSON, NOT_JSON]
    assert unwrapped(records.slice(4, 1)).to_pylist() == ['{"winlog":{}}']


def test_the_first_path_that_has_a_value_counts() -> None:
    records = [
        {"EventID": 1, "Hostname": "", "Computer": "EX01", "Channel": "x"},
        {"EventID": 2, "Hostname": "EX02", "Computer": "no"},
    ]
    table = taken_apart(pa.array([json.dumps(each) for each in records]), shapes.FLAT)
    assert table.column("host").to_pylist() == ["EX01", "EX02"]
    assert table.column("Channel").to_pylist() == ["x", None]


OTHERS: list[Any] = [
    {"winlog": {"event_id": 1}, "EventID": 1, "Channel": "x"},
    {"EventID": 1, "Channel": "x", "EventData": {}},
    {"EventID": 1},
    {"_source": {"EventID": 1, "Channel": "x"}},
    [1],
    "not json",
]


@pytest.mark.parametrize("other", OTHERS)
def test_records_are_taken_as_all_alike_only_if_they_are(other: object) -> None:
    flat = [json.dumps({"EventID": number, "Channel": "x", "EventData": None, "winlog": None}) for number in range(3)]
    records = pa.array(flat)
    alike = all_alike(records, shapes.FLAT)
    assert alike is not None
    assert alike.to_pylist() == taken_apart(records, shapes.FLAT).to_pylist()
    assert [shapes.SHAPES[number] for number in classified(records).to_pylist()] == [shapes.FLAT] * 3
    assert all_alike(pa.array([*flat, other if other == "not json" else json.dumps(other)]), shapes.FLAT) is None


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.name.split()[0])
def test_every_shape_takes_its_own_or_looks_twice(shape: shapes.JsonShape) -> None:
    record: dict[str, Any] = {}
    for group in shape.keys:
        holder = record
        *outer, last = group[0].removeprefix("$.").split(".")
        for name in outer:
            holder = holder.setdefault(name, {})
        holder[last] = {} if group[0] in shape.parts else "1"
    records = pa.array([json.dumps(record)])
    assert shapes.SHAPES[classified(records)[0].as_py()] is shape
    alike = all_alike(records, shape)
    assert alike is None or alike.to_pylist() == taken_apart(records, shape).to_pylist()
    assert alike is not None or not set(shape.parts).isdisjoint(path for group in shape.keys for path in group)
