"""The preamble and CSV rules that all Exchange text logs share.

Column names come from ``#Fields:`` or from a bare header row (before, after or without the ``#`` lines, with or without a
byte order mark) and are taken anew each time they appear. Times are UTC, ISO 8601 with milliseconds.

References:
    https://learn.microsoft.com/en-us/exchange/mail-flow/transport-logs/transport-logs
    https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parsed, Settings
from brokenseal.parsers.columns import Cell, Column
from brokenseal.parsers.csv_repair import Shapes, fit_cells
from brokenseal.parsers.csv_rows import Dialect
from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.delimited import DelimitedParser, Fitted
from brokenseal.parsers.quoting import tolerant_cells
from brokenseal.parsers.segments import MAX_FIELDS, Header
from brokenseal.parsers.times import iso_time

#: In this order: where a log has two of them, the first names the time of the event.
TIME_FIELDS = ("datetime", "timestamp", "date-time")
_BUILD_FIELDS = ("majorversion", "minorversion", "buildversion", "revisionversion")
_DIRECTIVES = (
    "#software:",
    "#version:",
    "#log-type:",
    "#date:",
    "#fields:",
    "#schema",
    "#start-date:",
    "#end-date:",
    "#remark",
)
_LOG_TYPE = re.compile(r"(?im)^#Log-type:[ \t]*(.+?)[ \t\r]*$")
_FIELDS = re.compile(r"(?im)^#Fields:[ \t]*(.+?)[ \t\r]*$")

#: How the cells of some columns look, to place the cells of a damaged row; fields of any other name are free text.
TIME_SHAPE = r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[^\s,]*\s*"
INTEGER_SHAPE = r"[ \t]*-?[0-9]*[ \t]*"
ADDRESS_SHAPE = r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?\]?(?::[0-9]+)?"
NAME_SHAPE = r"[A-Za-z]*"
USER_SHAPE = r"(?:[^@,]+@[^@,]+|S-[0-9-]+|[^@,\\]+\\[^@,]+)?"
GUID_SHAPE = r"[0-9A-Fa-f-]*"
_SHAPES = {
    **dict.fromkeys(TIME_FIELDS, TIME_SHAPE),
    **dict.fromkeys(_BUILD_FIELDS, INTEGER_SHAPE),
    "isauthenticated": r"(?i:true|false|)",
    "clientipaddress": ADDRESS_SHAPE,
    "clientip": ADDRESS_SHAPE,
    "client-ip": ADDRESS_SHAPE,
    "server-ip": ADDRESS_SHAPE,
}
_LATENCY_SHAPE = r"[0-9.]*"

BUILD = Column("Build", "build of the server that wrote the line, e.g. 15.1.2375.7")


def log_type(head: str) -> str | None:
    """The value of ``#Log-type:`` in the first text of a file, lower case."""
    return _preamble(head)[0]


def has_fields(head: str, *names: str) -> bool:
    """Whether a ``#Fields:`` line or a bare header row among the first lines holds all of *names* (any case)."""
    return any(all(name.lower() in fields for name in names) for fields in _preamble(head)[1])


@lru_cache(maxsize=8)
def _preamble(head: str) -> tuple[str | None, tuple[frozenset[str], ...]]:
    """The log type and the sets of field names of a file's first text; every parser asks about the same text."""
    found = _LOG_TYPE.search(head)
    lines = dict.fromkeys((*_FIELDS.findall(head), *head.split("\n", 8)[:8]))
    return found.group(1).lower() if found else None, tuple(map(_field_names, lines))


@lru_cache(maxsize=64)
def _field_names(line: str) -> frozenset[str]:
    return frozenset(_name(cell).lower() for cell in line.split(","))


def _name(cell: str) -> str:
    return cell.strip(" \t\r").strip('"').strip(" \t")


def normal_build(version: str) -> str | None:
    """'15.01.2375.007' as '15.1.2375.7'; None if it is no build."""
    if not re.fullmatch(r"[0-9]{1,5}(?:\.[0-9]{1,9}){3}", version.strip()):
        return None
    return ".".join(str(int(part)) for part in version.strip().split("."))


class ExchangeLogParser(DelimitedParser):
    """Base of the parsers for Exchange's comma-separated logs."""

    dialect = Dialect(delimiter=",", quoted=True, empty="")
    #: The field that names the server which wrote the line, if the format has one.
    host_field: ClassVar[str | None] = None
    #: Layouts (field names) that are taken for a file without any header if a row has exactly their shape.
    known_layouts: ClassVar[tuple[tuple[str, ...], ...]] = ()
    #: Regular expressions for whole cells, by lower-case field name: what this format's columns look like on all servers
    #: seen. They place the cells of damaged rows; a row that fits none of them may still be read.
    hints: ClassVar[Mapping[str, str]] = {}

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._build: str | None = None
        self._patterns: dict[tuple[str, ...], tuple[Shapes, Shapes]] = {}

    def directive(self, text: str, line: int) -> bool:
        lowered = text[:20].lower()
        if lowered.startswith("#fields:"):
            self.header = self._header(text[len("#fields:") :])
        elif lowered.startswith("#version:"):
            self._build = normal_build(text[len("#version:") :])
            if self.header is not None:
                self.header = replace(self.header, build=self._build)
        elif lowered.startswith("#date:"):
            self.dates.note(line, text[len("#date:") :])
        return lowered.startswith(_DIRECTIVES)

    def header_row(self, text: str) -> Header | None:
        if _name(text.partition(",")[0]).lower() not in TIME_FIELDS or "," not in text:
            return None
        return self._header(text)

    def _header(self, text: str) -> Header | None:
        fields = tuple(_name(cell) for cell in text.split(",", MAX_FIELDS))
        # An empty or absurd header is no header: rows after it are rejected rather than read by the one before.
        return Header(fields, self._build) if any(fields) and len(fields) <= MAX_FIELDS else None

    def header_by_shape(self, text: str) -> Header | None:
        commas = text.count(",")
        for layout in self.known_layouts:
            if commas < len(layout) - 1:
                continue
            cells = tolerant_cells(text, len(layout))
            if len(cells) == len(layout) and self.fits(dict(zip(layout, cells, strict=True))):
                return Header(layout, self._build)
        return None

    def fits(self, cells: dict[str, str]) -> bool:
        """Whether a row's cells make sense under a known layout."""
        return False

    def unusable(self, header: Header) -> str | None:
        if any(name.lower() in TIME_FIELDS for name in header.fields):
            return None
        return "the header before this row has no time column"

    def repair(self, header: Header, text: str) -> Fitted | str:
        patterns = self._patterns.get(header.fields)
        if patterns is None:
            integers = {name.lower() for c in self.columns if c.cell is not Cell.TEXT for name in c.log_fields}
            shapes = {**dict.fromkeys(integers, INTEGER_SHAPE), **_SHAPES}
            patterns = _patterns(header.fields, shapes), _patterns(header.fields, {**shapes, **self.hints})
            self._patterns = {header.fields: patterns}
        return fit_cells(header.fields, *patterns, text)

    def fields_for_events(self, names: Sequence[str]) -> frozenset[str]:
        needed = {*TIME_FIELDS, *_BUILD_FIELDS}
        return frozenset(name for name in names if name.lower() in needed)

    def events(
        self,
        lines: Positions,
        header: Header,
        columns: dict[str, pa.ChunkedArray],
        raw: dict[str, pa.ChunkedArray],
        parsed: Parsed,
    ) -> dict[str, pa.ChunkedArray]:
        arrays = {"time": iso_time(next(raw[name] for name in TIME_FIELDS if name in raw))}
        if self.host_field in columns:
            arrays["host"] = columns[self.host_field]
        if BUILD in self.derived:
            arrays["Build"] = _build(raw, header.build, len(lines))
        return arrays


def _patterns(fields: Sequence[str], shapes: Mapping[str, str]) -> Shapes:
    known = (shapes.get(name, _LATENCY_SHAPE if name.endswith("latency") else None) for name in map(str.lower, fields))
    return [None if pattern is None else re.compile(pattern, re.ASCII) for pattern in known]


def _build(raw: dict[str, pa.ChunkedArray], file_build: str | None, count: int) -> pa.ChunkedArray:
    """The build in the row's own columns, else the one of the file."""
    whole = pa.scalar(file_build, pa.string())
    parts = [raw.get(name) for name in _BUILD_FIELDS]
    if any(part is None for part in parts):
        return pa.chunked_array([pa.repeat(whole, count)])
    joined = pc.binary_join_element_wise(*parts, ".", null_handling="emit_null")
    numeric = pc.match_substring_regex(joined, r"^[0-9]{1,3}\.[0-9]{1,5}\.[0-9]{1,6}\.[0-9]{1,6}$")
    return pc.if_else(pc.fill_null(numeric, False), joined, whole)
