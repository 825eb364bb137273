"""The engine's side of taking records apart: stages, and objects made of lists."""

from __future__ import annotations

import json

import pyarrow as pa

from brokenseal.parsers.windows_event import query
from brokenseal.parsers.winevent_sql import staged


def value(sql: str) -> object:
    return query(pa.array(["x"]), f"SELECT {sql} AS v FROM records").column("v")[0].as_py()


def test_each_stage_sees_the_columns_of_those_before() -> None:
    relation = staged("records", ({"a": "j || 'a'"}, {"b": "a || 'b'", "c": "a || 'c'"}, {"d": "b || c"}))
    assert query(pa.array(["x", "y"]), f"SELECT d FROM {relation}").column("d").to_pylist() == ["xabxac", "yabyac"]
    assert staged("records", ()) == "records"


def test_objects_of_lists_are_json_whatever_they_hold() -> None:
    text = value("""CAST(object_of(['a"', 'b', 'a"'], ['1' || chr(10), NULL, '\\']) AS VARCHAR)""")
    assert isinstance(text, str)
    assert json.loads(text, object_pairs_hook=list) == [('a"', "1\n"), ("b", None), ('a"', "\\")]
    assert value("CAST(object_of([], []) AS VARCHAR)") == "{}"


def test_items_are_joined_and_numbered() -> None:
    text = value("CAST(numbered_texts(['x', '', 'y']) AS VARCHAR)")
    assert isinstance(text, str)
    assert json.loads(text) == {"Data": "x\n\ny", "Data#0": "x", "Data#1": "", "Data#2": "y"}


def test_xml_is_read_by_its_names() -> None:
    items = (
        '<Data Name="A">1 &lt; 2</Data>',
        "<Data Name=''B''>x &amp;amp; y</Data>",
        '<Data Name="C" /><Data>no</Data>',
    )
    xml = f"'<EventData>{''.join(items)}</EventData>'"
    assert value(f"xml_data({xml}, 1)") == ["A", "B", "C"]
    names_and_values = value(f"xml_data({xml}, 2)")
    assert isinstance(names_and_values, list)
    assert names_and_values[:2] == ["1 < 2", "x &amp; y"]


def test_items_without_end_do_not_multiply() -> None:
    text = value("CAST(numbered_texts(list_transform(range(5000), lambda i: 'x')) AS VARCHAR)")
    assert isinstance(text, str)
    fields = json.loads(text)
    assert (len(fields), fields["Data"].count("x")) == (1001, 5000)
