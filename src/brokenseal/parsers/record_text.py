"""The text of one record as it stands in its file, from the byte at which a parser says that it begins.

A line is a record in most logs. Cells of exported CSV, JSON objects and XML elements may reach over lines: how each ends
says the format's parser (``record_layout``). Nothing is made readable here: bytes that are no text become ``\\xNN``, all
else is what the file holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from brokenseal.parsers.blocks import MAX_LINE

#: What a parser reads as one record is no longer than MAX_LINE in UTF-8; in UTF-16 that may be twice as many bytes.
MOST_BYTES = 2 * MAX_LINE + (64 << 10)
_FIRST_BYTES = 4 << 10
_GROWTH = 8

_BEFORE_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?[\s,\[]*(?=\{)")
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+("?)|[{}]', re.DOTALL)
_START_TAG = re.compile(rb"(?:\xef\xbb\xbf)?\s*<([A-Za-z][A-Za-z0-9_.-]*)(?=[\s/>])")
_BLANK_REST = re.compile(rb"[ \t\r]*(\n|\Z)")

#: Bytes from an offset on, fewer than asked for only at the end of what can be read.
ReadAt = Callable[[int, int], bytes]


class RecordLayout(StrEnum):
    """How the records of a format are laid out in its files."""

    LINE = "line"
    CSV = "csv"
    JSON = "json"
    XML = "xml"


class Form(StrEnum):
    """What a text is. ``RECORD``: of several lines, or a part of one. ``FIRST_LINE``: where the record ends is not known."""

    LINE = "line"
    RECORD = "record"
    FIRST_LINE = "first_line"


@dataclass(frozen=True, slots=True)
class RecordText:
    """``text`` as in the file, without its last line end; ``size`` in bytes of all of it, ``cut`` if ``text`` is less."""

    text: str
    size: int
    cut: bool
    form: Form


def read_record(read_at: ReadAt, offset: int, encoding: str, layout: RecordLayout, most: int) -> RecordText | None:
    """The record that begins at *offset*, its first *most* characters; None where the file ends before.

    *encoding* as :func:`brokenseal.parsers.decoding.encoding_of` names it.
    """
    width = 1 if encoding == "utf-8" else 2
    asked, line_end = _FIRST_BYTES, None
    while True:
        data = read_at(offset, asked)
        ended = len(data) < asked or asked >= MOST_BYTES
        letters = _letters(data, encoding)
        if line_end is None:
            line_end = _found(letters, b"\n", ended=ended)
        end = line_end if layout is RecordLayout.LINE else _END_OF[layout](letters, ended)
        if ended or (end is not None and not _at_edge(letters, end)):
            break
        asked = min(asked * _GROWTH, MOST_BYTES)
    if not data:
        return None
    form = Form.FIRST_LINE
    if end is not None:
        form = Form.LINE if layout is RecordLayout.LINE else _form(letters, end)
    stop = (end if end is not None and form is not Form.LINE else line_end) or 0
    record = data[: stop * width]
    return _text(record, offset, encoding, form, most)


def _text(record: bytes, offset: int, encoding: str, form: Form, most: int) -> RecordText:
    cr = "\r".encode(encoding)
    while record.endswith(cr) and (len(record) - len(cr)) % len(cr) == 0:
        record = record[: -len(cr)]
    # Each byte gives a character or is one of at most four: so many hold all characters that are kept, and one more.
    some = record[: 4 * (most + 2)]
    text = some.decode(encoding, "backslashreplace")
    if offset == 0:
        text = text.removeprefix("\ufeff")
    return RecordText(text[:most], len(record), len(some) < len(record) or len(text) > most, form)


def _letters(data: bytes, encoding: str) -> bytes:
    """A byte a unit: what marks the end of records is ASCII, and stays what it is; other units of UTF-16 are 0xFF."""
    if encoding == "utf-8":
        return data
    units = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2" if encoding.endswith("le") else ">u2")
    return np.where(units < 128, units, 255).astype(np.uint8).tobytes()


def _at_edge(letters: bytes, end: int) -> bool:
    """Whether what was read does not tell yet if anything stands behind the record in its line."""
    rest = _BLANK_REST.match(letters, end)
    return rest is not None and not rest[1]


def _form(letters: bytes, end: int) -> Form:
    alone = b"\n" not in letters[:end] and _BLANK_REST.match(letters, end) is not None
    return Form.LINE if alone else Form.RECORD


def _found(letters: bytes, mark: bytes, *, ended: bool) -> int | None:
    at = letters.find(mark)
    return at if at >= 0 else len(letters) if ended else None


def _csv_end(letters: bytes, ended: bool) -> int | None:
    """The first line end with as many quotation marks before it as close each other."""
    at = quotes = 0
    while (end := letters.find(b"\n", at)) >= 0:
        quotes += letters.count(b'"', at, end)
        if quotes % 2 == 0:
            return end
        at = end + 1
    quotes += letters.count(b'"', at)
    return len(letters) if ended and quotes % 2 == 0 else None


def _json_end(letters: bytes, _ended: bool) -> int | None:
    """Behind the brace that closes the first object."""
    before = _BEFORE_OBJECT.match(letters)
    depth = 0
    for token in _JSON_TOKEN.finditer(letters, before.end()) if before is not None else ():
        mark = token[0]
        if mark == b"{":
            depth += 1
        elif mark == b"}":
            depth -= 1
            if not depth:
                return token.end()
        elif not token[1]:
            return None
    return None


def _xml_end(letters: bytes, ended: bool) -> int | None:
    """Behind the end tag of the first element; of one without, before the next one of its name."""
    start = _START_TAG.match(letters)
    if start is None:
        return None
    closed = letters.find(b"</" + start[1] + b">", start.end())
    following = re.compile(b"<" + re.escape(start[1]) + rb"[\s/>]").search(letters, start.end())
    if closed >= 0 and (following is None or closed < following.start()):
        return closed + len(start[1]) + 3
    if following is None and not (ended and closed < 0):
        return None
    empty = letters.rfind(b"/>", start.end(), following.start() if following is not None else len(letters))
    return empty + 2 if empty >= 0 else None


_END_OF: dict[RecordLayout, Callable[[bytes, bool], int | None]] = {
    RecordLayout.CSV: _csv_end,
    RecordLayout.JSON: _json_end,
    RecordLayout.XML: _xml_end,
}
