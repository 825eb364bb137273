"""What all parsers share: they register by being defined, say what their tables hold, and know a file by its content."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokenseal.parsers import Parser, Settings, identify, kinds, parser_for
from brokenseal.parsers.base import HEAD_LINES, looks_binary
from brokenseal.parsers.columns import EVENT_COLUMNS


def test_the_kinds() -> None:
    assert kinds() == (
        "cmdlet",
        "ecp_server",
        "ews",
        "httpproxy",
        "iis",
        "mapi",
        "message_tracking",
        "oab_generator",
    )


@pytest.mark.parametrize("kind", kinds())
def test_a_schema_begins_with_the_common_columns_and_explains_every_one(kind: str) -> None:
    parser = parser_for(kind)
    schema = parser.schema()
    assert schema.names[:5] == [name for name, _, _ in EVENT_COLUMNS] == ["host", "time", "source_id", "line", "offset"]
    assert schema.field("time").type == pa.timestamp("ms", "UTC")
    assert len(set(schema.names)) == len(schema.names)
    for field in schema:
        assert field.metadata[b"meaning"].strip()
    names = [name.lower() for column in parser.columns for name in column.log_fields]
    assert len(set(names)) == len(names)
    assert parser.title().endswith((".", "."))


@pytest.mark.parametrize("kind", kinds())
def test_an_instance_keeps_its_state_to_itself(kind: str) -> None:
    first, second = (parser_for(kind)("x", Settings()) for _ in range(2))
    assert vars(first).keys() == vars(second).keys()
    for name, value in vars(first).items():
        if isinstance(value, dict | list | set):
            assert value is not vars(second)[name]


def test_a_parser_registers_by_being_defined() -> None:
    before = dict(Parser.registered)
    try:

        class Invented(Parser):
            """A kind of its own."""

            kind = "invented"
            columns = ()

        assert parser_for("invented") is Invented

        class Base(Invented):
            """No kind of its own, so nothing new."""

        assert Parser.registered.keys() == before.keys() | {"invented"}
        assert parser_for("invented") is Invented
    finally:
        Parser.registered.clear()
        Parser.registered.update(before)


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        parser_for("nonsense")


def test_content_goes_before_name() -> None:
    head = b"#Software: Microsoft Internet Information Services 10.0\r\n"
    parser = identify(head, "Logging/HttpProxy/Owa/HttpProxy_2021030304-1.LOG")
    assert parser is not None
    assert parser.kind == "iis"


def test_content_far_down_or_inside_a_row_says_nothing() -> None:
    line = b"#Log-type: HttpProxy Logs\r\n"
    assert identify(b"x\r\n" * HEAD_LINES + line, "x.txt") is None
    assert identify(b"x\r\n" * (HEAD_LINES - 1) + line, "x.txt") is not None
    assert identify(b"row " + line, "x.txt") is None
    assert identify("a\u2028".encode() + line, "x.txt") is None


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        (b"", False),
        (b"2021-03-03 row\r\n\ttab\r\n", False),
        ("#Fields: date time".encode("utf-16"), False),
        (b"\x7fELF\x02\x01\x01" + b"\x01\x02\x03\x04" * 40, True),
        (b"\0" * 50 + b"2021-03-03 a row after a crash", False),
        (b"\x1b[31m" + b"text" * 40, False),
    ],
)
def test_looks_binary(head: bytes, binary: bool) -> None:
    assert looks_binary(head) is binary
