"""Windows events exported as JSON: one object a line, pretty-printed, or an array, in any of the known shapes.

Known are the shapes of evtx_dump, Winlogbeat and Elastic documents (also wrapped in `_source`), nxlog, Velociraptor,
EvtxECmd, Azure Monitor and Sentinel, `Get-WinEvent | ConvertTo-Json`, and the flat one of the OTRF data sets. Each record is
judged by its own keys, so a file may mix them. `time` is the event's own time of creation. Where a flat record was written
by a local clock, the UTC time that Sysmon events carry puts it right, for the other events of that machine from there on; a
time without a zone that nothing tells is taken as UTC, with a warning. `line` is the line on which a record begins; a line,
so an array written in one line as well, may have 4 MiB.

References:
    https://jsonlines.org/
    https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog
    https://docs.nxlog.co/refman/current/im/msvistalog.html
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Reject, Settings, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.json_records import NOT_AN_OBJECT, JsonRecords
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.times import within_years
from brokenseal.parsers.whole_records import whole_records
from brokenseal.parsers.windows_event import WindowsEventParser
from brokenseal.parsers.winevent_clock import Clocks, Written
from brokenseal.parsers.winevent_columns import moments, zoned
from brokenseal.parsers.winevent_messages import NOT_ENGLISH, SYSMON, TWICE, read_messages
from brokenseal.parsers.winevent_shapes import SHAPES, JsonShape
from brokenseal.parsers.winevent_shredding import (
    NOT_JSON,
    UNKNOWN,
    WRAPPED,
    all_alike,
    classified,
    taken_apart,
    unwrapped,
)
from brokenseal.parsers.winevent_table import (
    bisected,
    event_table,
    header_columns,
    note_odd_lines,
    with_cmdlets,
)

UNKNOWN_SHAPE = "JSON object is no Windows event of a known shape"
NO_TIME = "time cannot be read"
TOO_COSTLY = "JSON object cannot be taken apart"
_COSTLY = NOT_JSON - 1
_REASONS = {NOT_JSON: NOT_AN_OBJECT, UNKNOWN: UNKNOWN_SHAPE, _COSTLY: TOO_COSTLY}
MENDED = "JSON was not well-formed (characters that cannot be are replaced)"

_START = re.compile(r"\s*(?:Record \d+\s+)?[\[{]")
_KEY = re.compile(r'"([^"\\]{1,60})"\s*:')
#: Keys of an object too long for the first lines of a file; each set alone says that it is a Windows event.
_TELLING = (
    ({"System", "EventID"}, {"Channel", "Provider"}),
    ({"winlog"}, {"event_id", "channel", "event_data"}),
    ({"event_id", "log_name"}, {"source_name", "event_data"}),
    ({"EventId", "Channel"}, {"Payload", "MapDescription"}),
    ({"EventID", "Channel"}, {"EventTime", "TimeCreated", "TimeGenerated", "EventData"}),
    ({"EventID", "SourceName"}, {"EventTime", "TimeCreated"}),
    ({"Id", "LogName"}, {"ProviderName"}),
)
#: Bytes that are not UTF-8 were made visible as \xNN, which JSON does not know.
_SHOWN_BYTE = re.compile(r"(?<!\\)((?:\\\\)*)\\x")
_BETWEEN = re.compile(r"[\s,]*")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class _Records(NamedTuple):
    """Texts of JSON objects, the line of the block that each begins on, and its byte in the file."""

    texts: pa.ChunkedArray
    lines: Positions
    offsets: Positions

    def take(self, which: Positions) -> _Records:
        return _Records(self.texts.take(pa.array(which)), self.lines[which], self.offsets[which])


class WineventJson(WindowsEventParser):
    __doc__ = __doc__
    kind = "winevent_json"
    record_layout = RecordLayout.JSON

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._objects = JsonRecords()
        self._clocks = Clocks()
        self._width = 1
        #: The shape of all records of the block before, if they had one.
        self._usual: JsonShape | None = None

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        if not _START.match(head):
            return False
        shapes = _shapes_in(head)
        if (shapes >= 0).any():
            return int(np.count_nonzero(shapes >= 0)) * 2 >= len(shapes)
        keys = set(_KEY.findall(head))
        return not len(shapes) and any(all_of <= keys and bool(some & keys) for all_of, some in _TELLING)

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: JSON escapes its text, so what a rule looks for does not stand in it as it is."""

        def take(block: Block, last: bool) -> tuple[Parsed, int]:
            self._width = 1 if tally.encoding == "utf-8" else 2
            return self._take(block, last)

        for parsed, raw_bytes in whole_records(
            read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES), take
        ):
            yield Batch(parsed, raw_bytes)

    def _take(self, block: Block, last: bool) -> tuple[Parsed, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        taken = 0
        if len(block):
            found = self._objects.find(block, last=last)
            taken = found.taken
            parsed.rejects += [reject(block, index, reason) for index, reason in found.rejected]
            records = _Records(pa.chunked_array([found.texts(block.data)]), found.lines, block.offsets[found.lines])
            parsed.table = self._events(records, block, parsed)
        parsed.rejects.sort(key=lambda each: (each.line, each.offset))
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed, taken

    def _events(self, records: _Records, block: Block, parsed: Parsed) -> pa.Table:
        alike = all_alike(records.texts, self._usual) if self._usual is not None else None
        if alike is not None and self._usual is not None:
            return self._table(alike, records, self._usual, block, parsed)
        self._usual = None
        tables = [self.schema().empty_table()]
        for shape, chosen in self._by_shape(records, block, parsed):
            self._usual = shape if len(chosen.lines) == len(records.lines) else None
            columns, failed = bisected(chosen.texts, partial(taken_apart, shape=shape))
            parsed.rejects += [_refused(block, chosen, index, TOO_COSTLY) for index in failed.tolist()]
            kept = chosen.take(np.setdiff1d(np.arange(len(chosen.lines)), failed)) if len(failed) else chosen
            if columns is not None:
                tables.append(self._table(columns, kept, shape, block, parsed))
        if len(tables) < 3:
            return tables[-1]
        return pa.concat_tables(tables).sort_by([("line", "ascending"), ("offset", "ascending")])

    def _by_shape(self, records: _Records, block: Block, parsed: Parsed) -> Iterator[tuple[JsonShape, _Records]]:
        """The records of each shape; what has none is rejected."""
        classes = _classes(records.texts)
        broken = np.flatnonzero(classes == NOT_JSON)
        if len(broken):
            whole = np.flatnonzero(classes != NOT_JSON)
            mended = self._mended(records.take(broken), block, parsed)
            records = _together([records.take(whole), mended])
            classes = np.concatenate([classes[whole], _classes(mended.texts)])
        wrapped = np.flatnonzero(classes == WRAPPED)
        if len(wrapped):
            texts = unwrapped(records.texts.take(pa.array(wrapped)))
            inner = _classes(texts)
            records = _together(
                [records.take(np.delete(np.arange(len(classes)), wrapped)), records.take(wrapped)._replace(texts=texts)]
            )
            classes = np.concatenate([np.delete(classes, wrapped), np.where(inner == WRAPPED, UNKNOWN, inner)])
        order = np.lexsort((records.offsets, records.lines))
        for number, shape in enumerate(SHAPES):
            chosen = order[classes[order] == number]
            if len(chosen):
                yield shape, records if np.array_equal(chosen, np.arange(len(order))) else records.take(chosen)
        for index in np.flatnonzero(classes < 0).tolist():
            parsed.rejects.append(_refused(block, records, index, _REASONS[int(classes[index])]))

    def _mended(self, broken: _Records, block: Block, parsed: Parsed) -> _Records:
        """*broken* with what is not well-formed put right as far as it can be; several objects in one line come apart."""
        texts: list[str] = []
        places: list[tuple[int, int]] = []
        for text, line, offset in zip(
            broken.texts.to_pylist(), broken.lines.tolist(), broken.offsets.tolist(), strict=True
        ):
            pieces = _objects_in(text)
            start = self._before_objects(block, line) if len(pieces) > 1 else 0
            if len(pieces) == 1 and pieces[0][0] != text:
                parsed.warnings[MENDED] += 1
            for piece, characters in pieces:
                before = text[:characters].encode("utf-16-le" if self._width == 2 else "utf-8")
                texts.append(piece)
                places.append((line, offset + start + len(before)))
        lines, offsets = np.array(places, dtype=np.int64).reshape(-1, 2).T
        return _Records(pa.chunked_array([pa.array(texts, pa.string())]), lines, offsets)

    def _before_objects(self, block: Block, line: int) -> int:
        """Bytes of the file before the first object of a line: blanks, the bracket of an array, a byte order mark."""
        text = block.text(line)
        mark = 0
        if block.first_line + line == 1:
            end = int(block.offsets[1]) if len(block) > 1 else block.raw_bytes + self._width * block.ends_mid_line
            size = len(text) if self._width == 1 else len(text.decode("utf-8").encode("utf-16-le"))
            more = end - self._width - size
            mark = more if more == (3 if self._width == 1 else 2) else 0
        return mark + text.find(b"{") * self._width

    def _table(self, columns: pa.Table, records: _Records, shape: JsonShape, block: Block, parsed: Parsed) -> pa.Table:
        times = self._times(columns, shape, parsed)
        known = _known(times)
        parsed.rejects += [_refused(block, records, index, NO_TIME) for index in np.flatnonzero(~known).tolist()]
        made = header_columns(columns, parsed.warnings)
        made["time"] = times
        made["line"] = pa.chunked_array([pa.array(records.lines + block.first_line)])
        made["offset"] = pa.chunked_array([pa.array(records.offsets)])
        data = columns.column("Data")
        if shape.from_message:
            said = read_messages(made["Provider_Name"], made["EventID"], made["Message"])
            data = said.data
            parsed.warnings += +Counter({NOT_ENGLISH: said.unread, TWICE: said.twice})
        made["Data"] = with_cmdlets(data, made, joined=shape.joined_items)
        table = event_table(self.schema(), made)
        return table if known.all() else table.filter(pa.array(known))

    def _times(self, columns: pa.Table, shape: JsonShape, parsed: Parsed) -> pa.ChunkedArray:
        times = moments(columns.column("time"))
        if shape.local:
            sysmon = pc.equal(columns.column("Provider_Name"), SYSMON)
            utc = moments(pc.if_else(sysmon, columns.column("utc"), NULL_TEXT))
            with_zone = zoned(columns.column("time"))
            # Only times without a zone are compared with their arrival.
            arrived = moments(pc.if_else(pa.array(with_zone), NULL_TEXT, columns.column("arrived")))
            written = Written(
                _numbers(times),
                with_zone,
                _numbers(utc),
                _known(utc),
                _numbers(arrived),
                _known(arrived),
            )
            right, warnings = self._clocks.to_utc(written, columns.column("host"))
            parsed.warnings += warnings
            times = pa.chunked_array([pa.array(right, mask=~_known(times))])
        return within_years(times)


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(values.cast(pa.int64()), 0))


def _known(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_valid(values))


def _together(parts: list[_Records]) -> _Records:
    texts = pa.chunked_array([chunk for part in parts for chunk in part.texts.chunks], pa.string())
    return _Records(texts, np.concatenate([p.lines for p in parts]), np.concatenate([p.offsets for p in parts]))


def _refused(block: Block, records: _Records, index: int, reason: str) -> Reject:
    """A record as a reject; where it is not the first of its line it begins after it."""
    refused = reject(block, int(records.lines[index]), reason)
    return replace(refused, offset=int(records.offsets[index]))


def _classes(texts: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    table, failed = bisected(texts, lambda part: pa.table({"shape": classified(part)}))
    classes = np.full(len(texts), _COSTLY, dtype=np.int64)
    if table is not None:
        classes[np.setdiff1d(np.arange(len(texts)), failed)] = np.asarray(table.column("shape"))
    return classes


def _objects_in(text: str) -> list[tuple[str, int]]:
    """The JSON objects that *text* holds, each well-formed, with the character at which it begins; *text* itself if none.

    Python's reader takes what the engine's does not: control characters in strings, lone surrogates, several objects.
    """
    mended = _SHOWN_BYTE.sub(r"\1\\\\x", text)
    decoder = json.JSONDecoder(strict=False)
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(mended):
        try:
            value, end = decoder.raw_decode(mended, at)
            written = json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            return [(text, 0)]
        found.append((_LONE_SURROGATE.sub("\ufffd", written), at))
        at = _BETWEEN.match(mended, end).end()  # type: ignore[union-attr]
    return found


def _shapes_in(head: str) -> npt.NDArray[np.int64]:
    """The classes of the JSON objects that the first text of a file holds whole."""
    shapes = [np.zeros(0, dtype=np.int64)]
    for block in read_blocks(io.BytesIO(head.encode("utf-8", "replace") + b"\n"), Tally()):
        if len(block):
            texts = pa.chunked_array([JsonRecords().find(block, last=False).texts(block.data)])
            classes = _classes(texts)
            inner = _classes(unwrapped(texts.take(pa.array(np.flatnonzero(classes == WRAPPED)))))
            shapes += [classes[(classes > NOT_JSON) & (classes != WRAPPED)], inner]
    return np.concatenate(shapes)
