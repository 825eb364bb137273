"""Directory export as LDIF: ldifde, ldapsearch and other directory tools.

Each entry (an object with its `dn`) is a row; folded lines and base64 values are read, SIDs and GUIDs turned from their
binary form into text. Change records are rejected: they are no states. What ldapsearch writes of itself is no row. `line`
is the line of the `dn`. `time` is 1970-01-01T00:00:00Z: these are states, no events.

References:
    https://www.rfc-editor.org/rfc/rfc2849
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-ada3/
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from brokenseal.parsers.base import Batch, Parsed, Settings, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, MAX_LINE, Block, Readable, Tally, read_blocks
from brokenseal.parsers.decoding import CR, Mask
from brokenseal.parsers.directory import DirectoryParser, guid_text, sid_text
from brokenseal.parsers.directory_rows import ALL_NAMES, Row, columns_of_rows, row_of
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.whole_records import whole_records
from brokenseal.parsers.winevent_table import event_table, note_odd_lines

NO_DN = "entry has no dn"
CHANGE = "entry is a change, no state"
TOO_LONG = "entry is too long"
NOT_BASE64 = "value is not base64 (kept as empty)"

_RECOGNISED = re.compile(r"\ufeff?(?:(?:(?:#|version:|[ \t])[^\n]*|\r?)\n)*dn::?[ \t]*[^\s:<]")
_FOLD = re.compile(rb"\r?\n ")
#: Attributes of what ldapsearch writes of itself, and of the file.
_OWN = {"version", "search", "result", "control", "ref", "matcheddn", "text"}
_BINARY: dict[str, Callable[[bytes], str | None]] = {
    "objectsid": sid_text,
    "objectguid": guid_text,
    "msexchmailboxguid": guid_text,
}
_HASH, _SPACE = b"# "

Entry = dict[str, list[str]]


class Ldif(DirectoryParser):
    __doc__ = __doc__
    kind = "ldif"

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        #: Whether the next lines belong to an entry that was rejected already.
        self._skipping = False

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return _RECOGNISED.match(head) is not None

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: an entry is many lines."""
        blocks = read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES)
        for parsed, raw_bytes in whole_records(blocks, self._take):
            yield Batch(parsed, raw_bytes)

    def _take(self, block: Block, last: bool) -> tuple[Parsed, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        breaks = np.flatnonzero(_blank(block)).tolist()
        at = 0
        if self._skipping and len(block):
            at = breaks[0] if breaks else len(block)
            self._skipping = not breaks
        rows: list[Row] = []
        lines: list[int] = []
        for end in [*breaks, len(block)]:
            if end == len(block) and not last:
                break
            self._entry(block, at, end, parsed, rows, lines)
            at = max(at, end + 1)
        at = min(at, len(block))
        if at < len(block):
            at = self._unfinished(block, at, parsed)
        parsed.table = self._table(block, rows, lines)
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed, at

    def _unfinished(self, block: Block, at: int, parsed: Parsed) -> int:
        """Give up the entry that begins at line *at* if it is too long; where to go on."""
        begin = _begin(block, at, len(block))
        if _size(block, begin if begin < len(block) else at, len(block)) <= MAX_LINE:
            return at
        if begin < len(block):
            parsed.rejects.append(reject(block, begin, TOO_LONG))
            self._skipping = True
        return len(block)

    def _entry(self, block: Block, at: int, end: int, parsed: Parsed, rows: list[Row], lines: list[int]) -> None:
        """Read the entry in the lines from *at* to *end*, if there is one."""
        begin = _begin(block, at, end)
        if begin >= end:
            return
        if _size(block, begin, end) > MAX_LINE:
            parsed.rejects.append(reject(block, begin, TOO_LONG))
            return
        entry = _read(block.data[int(block.starts[begin]) : int(block.ends[end - 1])], parsed)
        if entry and entry.keys() <= _OWN:
            return
        row = row_of(entry) if "dn" in entry else None
        if row is None:
            parsed.rejects.append(reject(block, begin, NO_DN))
        elif entry.get("changetype", ["add"]) != ["add"]:
            parsed.rejects.append(reject(block, begin, CHANGE))
        else:
            rows.append(row)
            lines.append(begin)

    def _table(self, block: Block, rows: list[Row], lines: list[int]) -> pa.Table:
        place = np.array(lines, dtype=np.int64)
        made = columns_of_rows(rows)
        made["line"] = as_chunked(pa.array(place + block.first_line))
        made["offset"] = as_chunked(pa.array(block.offsets[place]))
        return event_table(self.schema(), made)


def _blank(block: Block) -> Mask:
    """Lines without anything on them: they end an entry."""
    array = np.frombuffer(block.data or b"\n", dtype=np.uint8)
    length = block.ends - block.starts
    first = array[np.minimum(block.starts, len(array) - 1)]
    blank: Mask = (length == 0) | ((length == 1) & (first == CR))
    return blank


def _begin(block: Block, at: int, end: int) -> int:
    """The first line from *at* on that is no comment (which may be folded); *end* if there is none."""
    comment = False
    while at < end:
        first = block.data[int(block.starts[at])]
        comment = first == _HASH or (comment and first == _SPACE)
        if not comment:
            return at
        at += 1
    return end


def _size(block: Block, begin: int, end: int) -> int:
    return int(block.ends[end - 1] - block.starts[begin])


def _read(data: bytes, parsed: Parsed) -> Entry:
    """The attributes of an entry by name, lower case: those that are wanted, and those that say it is none."""
    entry: Entry = {}
    for line in _FOLD.sub(b"", data).split(b"\n"):
        name, found, rest = line.partition(b":")
        key = name.partition(b";")[0].lower().decode("utf-8", "replace")
        if not found or (key not in ALL_NAMES and key not in _OWN and key != "changetype"):
            entry.setdefault("", [])
            continue
        values = entry.setdefault(key, [])
        if rest.startswith(b":"):
            value = _decoded(key, rest[1:].strip())
            parsed.warnings[NOT_BASE64] += value is None
        else:
            value = None if rest.startswith(b"<") else rest.strip().decode("utf-8", "replace")
        if value is not None:
            values.append(value)
    parsed.warnings = +parsed.warnings
    return entry


def _decoded(name: str, coded: bytes) -> str | None:
    """A base64 value as text; None if it is none."""
    try:
        value = binascii.a2b_base64(coded, strict_mode=True)
    except binascii.Error:
        return None
    known = _BINARY[name](value) if name in _BINARY else None
    return value.decode("utf-8", "backslashreplace") if known is None else known
