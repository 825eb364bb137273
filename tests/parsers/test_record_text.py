from __future__ import annotations

import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.parsers import kinds, parser_for
from brokenseal.parsers.blocks import Tally, read_blocks
from brokenseal.parsers.record_text import Form, RecordLayout, RecordText, read_record
from brokenseal.parsers.whole_file import read_log
from brokenseal.parsers.winevent_json import WineventJson

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def read(
    data: bytes, offset: int = 0, layout: RecordLayout = RecordLayout.LINE, encoding: str = "utf-8", most: int = 2000
) -> RecordText | None:
    return read_record(lambda at, size: data[at : at + size], offset, encoding, layout, most)


# Without what makes the file one of another encoding.
ANY_LINE = st.binary(max_size=60).map(lambda line: line.translate(None, b"\n\0\xfe\xff"))


@given(st.lists(ANY_LINE, max_size=30), st.booleans())
def test_every_line_of_any_bytes_is_the_line_that_stands_there(lines: list[bytes], crlf: bool) -> None:
    data = b"".join(line + (b"\r\n" if crlf else b"\n") for line in lines)
    offsets = [int(offset) for block in read_blocks(io.BytesIO(data), Tally()) for offset in block.offsets]
    for offset, line in zip(offsets, lines, strict=True):
        found = read(data, offset)
        whole = line.rstrip(b"\r")
        text = whole.decode("utf-8", "backslashreplace")
        assert found == RecordText(text.removeprefix("\ufeff") if not offset else text, len(whole), False, Form.LINE)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(lines=st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"])), min_size=1))
def test_lines_of_each_encoding(encoding: str, lines: list[str]) -> None:
    data = "".join(f"{line}\r\n" for line in lines).encode(encoding)
    offset = 0
    for line in lines:
        found = read(data, offset, encoding=encoding)
        assert found == RecordText(line[:2000], len(line.encode(encoding)), len(line) > 2000, Form.LINE)
        offset += len(f"{line}\r\n".encode(encoding))


def test_a_byte_order_mark_is_no_text() -> None:
    assert read(b"\xef\xbb\xbfabc\ndef\n") == RecordText("abc", 6, False, Form.LINE)
    assert read("\ufeffabc\n".encode("utf-16-le"), encoding="utf-16-le") == RecordText("abc", 8, False, Form.LINE)


def test_what_would_act_stays_as_it_is() -> None:
    line = "a\x1b[2J\u202eb\0c\rd\u2028e"
    assert read(f"{line}\n".encode()) == RecordText(line, len(line.encode()), False, Form.LINE)


def test_bytes_that_are_no_text_are_written_out() -> None:
    assert read(b"a\xff\xfe\xe2\x82b\n") == RecordText("a\\xff\\xfe\\xe2\\x82b", 6, False, Form.LINE)


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f512"])
def test_a_line_of_a_megabyte_is_cut_and_its_size_told(letter: str) -> None:
    size = len(letter.encode())
    data = (letter * (1 << 20) + "\nnext\n").encode()
    found = read(b"head\n" + data, 5)
    assert found == RecordText(letter * 2000, size << 20, True, Form.LINE)
    assert read((letter * 2000 + "\n").encode()) == RecordText(letter * 2000, 2000 * size, False, Form.LINE)


def test_the_last_line_may_have_no_end_and_behind_it_is_nothing() -> None:
    assert read(b"a\nbc", 2) == RecordText("bc", 2, False, Form.LINE)
    assert read(b"a\nbc", 4) is None


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("layout", "record", "after"),
    [
        (RecordLayout.CSV, '"1","two\r\nlines, ""quoted""\n","3"', '\r\n"4","5"\r\n'),
        (RecordLayout.JSON, '{\n  "a": "}\\"{",\n  "b": {"c": []}\n}', ',\n{\n "a": 1\n}\n]'),
        (RecordLayout.JSON, '{"a": "é"}', ', {"b": 2}]\n'),
        (RecordLayout.XML, '<Event A="1">\n <B>x</B>\n</Event>', "\n<Event A='2'></Event>\n"),
        (RecordLayout.XML, '<Event A="1"/>', '<Event A="2"/>'),
    ],
)
def test_a_record_of_several_lines_ends_where_the_format_says(
    encoding: str, layout: RecordLayout, record: str, after: str
) -> None:
    before = "header\n"
    data = (before + record + after).encode(encoding)
    found = read(data, len(before.encode(encoding)), layout, encoding)
    assert found == RecordText(record, len(record.encode(encoding)), False, Form.RECORD)


@pytest.mark.parametrize(
    ("layout", "record"),
    [(RecordLayout.CSV, '"1","2"'), (RecordLayout.JSON, '{"a": 1}'), (RecordLayout.XML, '<Event A="1"></Event>')],
)
def test_a_record_that_is_a_line_is_called_one(layout: RecordLayout, record: str) -> None:
    for end in ("\n", "\r\n", " \nx\n", ""):
        found = read((record + end).encode(), 0, layout)
        assert found is not None
        assert (found.text.rstrip(), found.form) == (record, Form.LINE)


@pytest.mark.parametrize(
    ("layout", "data"),
    [
        (RecordLayout.CSV, '"1","never closed\nmore\n'),
        (RecordLayout.JSON, '{"a": {\n "b": 1\n'),
        (RecordLayout.JSON, '{"a": "never closed\n}\n'),
        (RecordLayout.JSON, "Record 7\n{}\n"),
        (RecordLayout.XML, "<Event A='1'\nB='2'\n"),
        (RecordLayout.XML, "no element\nat all\n"),
    ],
)
def test_of_a_record_without_an_end_the_first_line_is_given_and_called_so(layout: RecordLayout, data: str) -> None:
    first = data.split("\n", maxsplit=1)[0]
    assert read(data.encode(), 0, layout) == RecordText(first, len(first), False, Form.FIRST_LINE)


@pytest.mark.parametrize("size", [4090, 4095, 4096, 4097, 32768, 300_000])
def test_records_longer_than_what_is_read_at_once(size: int) -> None:
    record = json.dumps({"a": "x" * (size - 9)})
    assert len(record) == size
    found = read(f"{record}\n{record}\n".encode(), 0, RecordLayout.JSON)
    assert found == RecordText(record[:2000], size, True, Form.LINE)
    csv = f'"{"x" * (size // 2)}\n{"x" * (size // 2)}"'
    assert read(f"{csv}\n1,2\n".encode(), 0, RecordLayout.CSV) == RecordText(csv[:2000], len(csv), True, Form.RECORD)


@given(st.binary(max_size=300), st.integers(0, 40), st.sampled_from(RecordLayout), st.sampled_from(ENCODINGS))
def test_any_bytes_give_what_stands_there(data: bytes, offset: int, layout: RecordLayout, encoding: str) -> None:
    offset -= offset % (1 if encoding == "utf-8" else 2)
    found = read(data, offset, layout, encoding)
    if offset >= len(data):
        assert found is None
    elif found is not None:
        text = data[offset : offset + found.size].decode(encoding, "backslashreplace")
        assert found.text == (text.removeprefix("\ufeff") if offset == 0 else text)


def test_each_of_several_objects_in_a_line_is_found_where_the_parser_says() -> None:
    events = [
        {"EventID": 4688, "Channel": "Security", "EventTime": f"2021-03-03 06:00:0{n}", "SourceName": f"s{n}"}
        for n in range(3)
    ]
    texts = [json.dumps(event) for event in events]
    for line in ("[" + ",".join(texts) + "]", "  [" + " , ".join(texts) + "]", "".join(texts)):
        for encoding, mark in itertools.product(("utf-8", "utf-16-le"), ("", "\ufeff")):
            for end in ("", "\n", "\n\n"):
                data = (mark + line + end).encode(encoding)
                reading = read_log(io.BytesIO(data), WineventJson)
                offsets = reading.events.column("offset").to_pylist()
                found = [read(data, offset, RecordLayout.JSON, encoding) for offset in sorted(offsets)]
                assert [one.text for one in found if one is not None] == texts


def test_the_layouts_of_all_formats() -> None:
    by_layout: dict[str, set[str]] = {}
    for kind in kinds():
        by_layout.setdefault(parser_for(kind).record_layout.value, set()).add(kind)
    assert by_layout["csv"] == {
        *("file_listing_csv", "mailbox_audit_csv", "mailbox_list_csv", "mftecmd_csv", "unified_audit_csv"),
        "winevent_csv",
    }
    assert by_layout["json"] == {"file_listing_json", "unified_audit_json", "winevent_json"}
    assert by_layout["xml"] == {"mailbox_audit_xml"}
