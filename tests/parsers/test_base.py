"""What all parsers share: they register by being defined, say what their tables hold, and know a file by its content."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokenseal.parsers import Parser, Settings, identify, kinds, parser_for, tables
from brokenseal.parsers.base import HEAD_LINES, looks_binary, parser_of_table
from brokenseal.parsers.columns import EVENT_COLUMNS


def test_the_kinds() -> None:
    assert kinds() == (
        "cmdlet",
        "dir_listing",
        "ecp_server",
        "evtx",
        "ews",
        "file_listing_csv",
        "file_listing_json",
        "httpproxy",
        "iis",
        "ldif",
        "mailbox_audit_csv",
        "mailbox_audit_xml",
        "mailbox_list_csv",
        "mapi",
        "message_tracking",
        "mft",
        "mftecmd_csv",
        "oab_generator",
        "unified_audit_csv",
        "unified_audit_json",
        "winevent_csv",
        "winevent_json",
    )


def test_formats_of_the_same_events_share_a_table() -> None:
    formats = {table: {kind for kind in kinds() if parser_for(kind).table == table} for table in tables()}
    assert formats["windows_event"] == {"evtx", "winevent_csv", "winevent_json"}
    assert formats["file_listing"] == {"dir_listing", "file_listing_csv", "file_listing_json", "mft", "mftecmd_csv"}
    assert formats["mail_audit"] == {
        "mailbox_audit_csv",
        "mailbox_audit_xml",
        "unified_audit_csv",
        "unified_audit_json",
    }
    assert formats["directory"] == {"ldif", "mailbox_list_csv"}
    for table, shared in formats.items():
        assert len({parser_for(kind).schema() for kind in shared}) == 1
        assert parser_of_table(table).kind in shared
    with pytest.raises(KeyError):
        parser_of_table("evtx")


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


def test_bytes_go_before_text_and_a_format_that_is_no_text_is_known_by_its_name_as_well() -> None:
    before = dict(Parser.registered)
    try:

        class Invented(Parser):
            """A format that is no text."""

            kind = "a_binary_one"
            binary = True
            columns = ()

            @classmethod
            def recognise_bytes(cls, head: bytes) -> bool:
                return head.startswith(b"\x7fBIN")

            @classmethod
            def recognise_content(cls, head: str) -> bool:
                return False

            @classmethod
            def recognise_name(cls, name: str) -> bool:
                return name.endswith(".bin")

        text = b"#Software: Microsoft Internet Information Services 10.0\r\n"
        noise = bytes(range(1, 32)) * 40
        assert identify(b"\x7fBIN" + text, "x.log") is Invented
        assert identify(noise, "x.bin") is Invented
        assert identify(b"no words of its own\n", "x.bin") is Invented
        assert identify(text, "x.bin") is parser_for("iis")
        assert identify(b"#Fields: of something else\r\n" + noise, "x.bin") is None
        assert identify(noise, "W3SVC1/u_ex210303.log") is None
    finally:
        Parser.registered.clear()
        Parser.registered.update(before)


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
