"""Unified audit log of Microsoft 365 as JSON: one object a line, pretty-printed, or an array.

Read are the records themselves (Office 365 Management Activity API), records inside `AuditData`, as text or as object
(Search-UnifiedAuditLog with ConvertTo-Json, Microsoft-Extractor-Suite), and those of a Graph audit log query (`auditData`
with `createdDateTime`), each also within an answer's `value` list. Each object is judged by its own keys. `time` is the
record's own, in UTC. Where several records stand in one line or one answer, `line` and `offset` are where that begins; it
may have 4 MiB.

References:
    https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-unifiedauditlog
    https://learn.microsoft.com/en-us/graph/api/resources/security-auditlogrecord
    https://jsonlines.org/
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_shredding import audit_columns
from brokenseal.parsers.base import Batch, Parsed, Settings, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.json_records import NOT_AN_OBJECT, JsonRecords
from brokenseal.parsers.mail_audit import MailAuditParser
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.times import as_chunked, within_years
from brokenseal.parsers.unified_audit_csv import NO_RECORD
from brokenseal.parsers.whole_records import whole_records
from brokenseal.parsers.windows_event import query
from brokenseal.parsers.winevent_columns import moments
from brokenseal.parsers.winevent_table import bisected, event_table, note_odd_lines

NO_AUDIT = "JSON object is no audit record"
NO_TIME = "time cannot be read"
TOO_COSTLY = "JSON object cannot be taken apart"
MENDED = "JSON was not well-formed (characters that cannot be are replaced)"

_BROKEN, _OTHER, _MANY, _PLAIN, _WRAPPED = range(5)

_START = re.compile(r"\s*\[?\s*\{")
_KEY = re.compile(r'(?<!\\)"([^"\\]{1,60})"\s*:')
_WRAPPERS = {"AuditData", "auditData"}
_RECORD = {"CreationTime", "Operation"}
_ALSO = {"RecordType", "Workload", "UserType", "UserKey", "OrganizationId"}
#: Bytes that are not UTF-8 were made visible as \xNN, which JSON does not know.
_SHOWN_BYTE = re.compile(r"(?<!\\)((?:\\\\)*)\\x")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_CLASSES = f"""
SELECT CAST(CASE WHEN f IS NULL OR NOT regexp_matches(j, '^[ \\t\\r\\n]*\\{{') THEN {_BROKEN}
    WHEN f[1] IS NOT NULL OR f[2] IS NOT NULL THEN {_WRAPPED}
    WHEN f[3] IS NOT NULL AND (f[4] IS NOT NULL OR f[5] IS NOT NULL) THEN {_PLAIN}
    WHEN f[6] IS NOT NULL AND f[7] IS NOT NULL THEN {_WRAPPED}
    WHEN f[8] = 'ARRAY' THEN {_MANY} ELSE {_OTHER} END AS TINYINT) AS class
FROM (SELECT j, TRY(json_type(j, ['$.AuditData', '$.auditData', '$.Operation', '$.CreationTime', '$.RecordType',
    '$.operation', '$.createdDateTime', '$.value'])) AS f FROM records)
"""
#: From an object with a record inside to the record; the record's text may be JSON in turn.
_INSIDE = """
SELECT CASE WHEN json_valid(d) AND ltrim(d, ' ') LIKE '{%' THEN d END AS a FROM
    (SELECT coalesce(json_extract_string(j, '$.AuditData'), json_extract_string(j, '$.auditData')) AS d FROM records)
"""
_ELEMENTS = """
SELECT i, unnest(e) AS j FROM (SELECT i, json_extract(j, '{path}') AS e FROM records)
"""


class _Records(NamedTuple):
    """Texts of JSON values, and the line of the block that each begins on."""

    texts: pa.ChunkedArray
    lines: Positions

    def take(self, which: Positions) -> _Records:
        return _Records(self.texts.take(pa.array(which)), self.lines[which])


class UnifiedAuditJson(MailAuditParser):
    __doc__ = __doc__
    kind = "unified_audit_json"
    record_layout = RecordLayout.JSON

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._objects = JsonRecords()

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        if not _START.match(head):
            return False
        keys = set(_KEY.findall(head))
        return bool(keys & _WRAPPERS) or (keys >= _RECORD and bool(keys & _ALSO))

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: JSON escapes its text, so what a rule looks for does not stand in it as it is."""
        blocks = read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES)
        for parsed, raw_bytes in whole_records(blocks, self._take):
            yield Batch(parsed, raw_bytes)

    def _take(self, block: Block, last: bool) -> tuple[Parsed, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        taken = 0
        if len(block):
            found = self._objects.find(block, last=last)
            taken = found.taken
            parsed.rejects += [reject(block, *each) for each in found.rejected]
            records = _Records(as_chunked(found.texts(block.data)), found.lines)
            tables = [
                self._table(each, wrapped, block, parsed) for each, wrapped in _sorted_out(records, block, parsed)
            ]
            tables = [table for table in tables if table.num_rows]
            if tables:
                parsed.table = pa.concat_tables(tables)
            if len(tables) > 1:
                parsed.table = parsed.table.sort_by("line")
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed, taken

    def _table(self, records: _Records, wrapped: bool, block: Block, parsed: Parsed) -> pa.Table:
        table, failed = bisected(records.texts, _wrapped_columns if wrapped else audit_columns)
        parsed.rejects += [reject(block, int(line), TOO_COSTLY) for line in records.lines[failed]]
        if table is None:
            return self.schema().empty_table()
        lines = np.delete(records.lines, failed)
        times = pc.coalesce(moments(table.column("time")), moments(table.column("exported")))
        good = np.asarray(pc.is_valid(times))
        parsed.rejects += [reject(block, int(line), NO_TIME) for line in lines[~good]]
        if wrapped:
            parsed.warnings[NO_RECORD] += pc.sum(table.column("lost")).as_py() or 0
        made = {name: table.column(name) for name in table.column_names}
        made |= {"time": within_years(times), "line": as_chunked(pa.array(lines + block.first_line))}
        made["offset"] = as_chunked(pa.array(block.offsets[lines]))
        return event_table(self.schema(), made).filter(pa.array(good))


def _wrapped_columns(texts: pa.ChunkedArray) -> pa.Table:
    """The columns of records inside other objects; ``lost``: 1 where what should be a record is none. Raises QueryError."""
    inside = query(texts, _INSIDE).column(0)
    there = query(
        texts,
        "SELECT CAST(json_exists(j, '$.AuditData') OR json_exists(j, '$.auditData') AS TINYINT) AS t FROM records",
    ).column(0)
    lost = pc.if_else(pc.is_null(inside), there, pa.scalar(0, pa.int8()))
    return audit_columns(inside, texts).append_column("lost", lost)


def _sorted_out(records: _Records, block: Block, parsed: Parsed) -> list[tuple[_Records, bool]]:
    """The audit records among *records* and within them, and whether they are wrapped; what is none is rejected."""
    kept: list[tuple[_Records, bool]] = []
    # An answer holds records, a line an array of them; neither holds more of the kind.
    for last in (False, True):
        classes = _classes(records.texts)
        for wanted, wrapped in ((_PLAIN, False), (_WRAPPED, True)):
            chosen = np.flatnonzero(classes == wanted)
            if len(chosen):
                kept.append((records if len(chosen) == len(classes) else records.take(chosen), wrapped))
        refused = [(_OTHER, NO_AUDIT), *(((_MANY, NO_AUDIT), (_BROKEN, NOT_AN_OBJECT)) if last else ())]
        for wanted, reason in refused:
            parsed.rejects += [reject(block, int(line), reason) for line in records.lines[classes == wanted]]
        if last or not np.isin(classes, (_MANY, _BROKEN)).any():
            break
        arrays = _mended(records.take(np.flatnonzero(classes == _BROKEN)), parsed.warnings)
        parts = [_elements(records.take(np.flatnonzero(classes == _MANY)), "$.value[*]"), _elements(arrays, "$[*]")]
        texts = pa.chunked_array([chunk for part in parts for chunk in part.texts.chunks], pa.string())
        records = _Records(texts, np.concatenate([part.lines for part in parts]))
        empty = records.take(np.flatnonzero(np.asarray(pc.equal(records.texts, ""))))
        parsed.rejects += [reject(block, int(line), NOT_AN_OBJECT) for line in empty.lines]
        records = records.take(np.flatnonzero(np.asarray(pc.not_equal(records.texts, ""))))
    return kept


def _classes(texts: pa.ChunkedArray) -> Positions:
    table, failed = bisected(texts, lambda part: query(part, _CLASSES))
    classes = np.full(len(texts), _OTHER, dtype=np.int64)
    if table is not None:
        classes[np.setdiff1d(np.arange(len(texts)), failed)] = np.asarray(table.column("class"))
    return classes


def _elements(records: _Records, path: str) -> _Records:
    """The elements of the arrays at *path*; a text that has none there is one empty element."""
    rows = pa.table({"i": pa.array(np.arange(len(records.lines))), "j": records.texts})
    table, failed = bisected(rows, lambda part: query(part, _ELEMENTS.format(path=path)))
    places = np.zeros(0, dtype=np.int64) if table is None else np.asarray(table.column("i"))
    texts = pa.chunked_array([], pa.string()) if table is None else table.column("j").cast(pa.string())
    # An answer without records, [] or {"value": []}, is no row; what could not be looked into is.
    texts = pa.chunked_array([*texts.chunks, pa.array([""] * len(failed), pa.string())], pa.string())
    return _Records(texts, records.lines[np.concatenate([places, failed])])


def _mended(broken: _Records, warnings: Counter[str]) -> _Records:
    """*broken* as arrays: several objects in a line are one; what is not well-formed is put right as far as it can be."""
    arrays = pc.binary_join_element_wise("[", broken.texts, "]", "")
    good = np.asarray(query(arrays, "SELECT coalesce(json_valid(j), FALSE) AS ok FROM records").column(0))
    texts: list[str] = arrays.to_pylist() if not good.all() else []
    for at in np.flatnonzero(~good).tolist():
        mended = _read_leniently(texts[at])
        warnings[MENDED] += mended is not None
        texts[at] = '[""]' if mended is None else mended
    return (
        broken._replace(texts=pa.chunked_array([pa.array(texts, pa.string())]))
        if texts
        else _Records(arrays, broken.lines)
    )


def _read_leniently(text: str) -> str | None:
    """Python's reader takes what the engine's does not: control characters in strings, lone surrogates."""
    try:
        value = json.loads(_SHOWN_BYTE.sub(r"\1\\\\x", text), strict=False)
        written = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return _LONE_SURROGATE.sub("\ufffd", written)
