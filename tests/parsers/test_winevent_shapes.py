"""The shapes as data: each record goes to one, the first whose keys it has."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from brokenseal.parsers import winevent_shapes as shapes
from brokenseal.parsers.columns import Column
from brokenseal.parsers.windows_event import WindowsEventParser
from brokenseal.parsers.winevent_shredding import classified

TEXTS = {"time", "payload", "utc", "arrived", "severity", "kind", "host"}


def test_columns_are_the_tables_and_paths_are_paths() -> None:
    columns: tuple[Column, ...] = WindowsEventParser.columns
    known = {column.name for column in columns} | TEXTS
    for shape in shapes.SHAPES:
        assert set(shape.columns) <= known, shape.name
        assert {"host", "time", "Channel", "Provider_Name", "EventID"} <= set(shape.columns), shape.name
        assert shape.stages[-1].keys() == {"d"}, shape.name
        paths = (*shape.paths, *shape.parts, *(path for group in shape.keys for path in group))
        assert all(path.startswith("$.") for path in paths), shape.name
        assert len(set(shape.paths)) == len(shape.paths), shape.name


@pytest.mark.parametrize(
    ("record", "shape"),
    [
        ({"Event": {"System": {"Channel": "y"}}, "EventID": 1, "Channel": "x"}, shapes.EVENT),
        ({"winlog": {"channel": "y"}, "event_id": 1, "log_name": "x", "EventID": 1, "Channel": "x"}, shapes.ECS),
        ({"System": {"EventID": 1}, "EventData": {}, "EventID": 1, "Channel": "x"}, shapes.VELOCIRAPTOR),
        ({"event_id": 1, "source_name": "x"}, shapes.WINLOGBEAT_6),
        ({"EventId": 1, "Payload": "{}", "EventID": 1, "Channel": "x"}, shapes.EVTXECMD),
        ({"TimeGenerated": "x", "EventID": 1, "Computer": "x", "EventData": "x", "Channel": "x"}, shapes.SENTINEL),
        ({"EventID": 1, "Channel": "x", "EventData": {}, "TimeCreated": "x"}, shapes.VELOCIRAPTOR_ROWS),
        ({"Id": 1, "LogName": "x", "ProviderName": "x"}, shapes.POWERSHELL),
        ({"EventID": 1, "SourceName": "x"}, shapes.FLAT),
        ({"EventID": 1, "Channel": "x"}, shapes.FLAT),
    ],
)
def test_the_first_shape_whose_keys_are_there(record: dict[str, Any], shape: shapes.JsonShape) -> None:
    found = classified(pa.array([json.dumps(record)]))
    assert shapes.SHAPES[found[0].as_py()] is shape


def test_shapes_have_names_of_their_own() -> None:
    assert len({shape.name for shape in shapes.SHAPES}) == len(shapes.SHAPES)
