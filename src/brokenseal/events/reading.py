"""Read one evidence file: hash, parse, prefilter and write its rows, in one pass over its bytes.

Nothing here needs another file, so the same code can run on each partition of a distributed job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from typing import BinaryIO, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.errors import EvidenceError
from brokenseal.events.parts import REJECT_SCHEMA, TaskParts
from brokenseal.events.sources import WEB_FILE, Slice, Source
from brokenseal.events.web_file import STATES, FileJudge, read_web_file
from brokenseal.evidence import EvidenceFile
from brokenseal.parsers import Batch, Parsed, Parser, Settings, identify
from brokenseal.parsers.base import looks_binary
from brokenseal.parsers.blocks import HEAD_BYTES, Block, Positions, Tally, raw_blocks
from brokenseal.parsers.decoding import Mask, rows_with
from brokenseal.parsers.exchange_log import log_type
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

HOUR_MS = 3_600_000
#: Ports of the 'Exchange Back End' site (https and http).
BACK_END_PORTS = (444, 81)
#: Virtual directories that only an Exchange front end has; a site is judged by this many rows of each block.
EXCHANGE_PATHS = r"^/+(owa|ecp|ews|mapi|oab|autodiscover|powershell|rpc|aspnet_client|microsoft-server-activesync)(/|$)"
SITE_SAMPLE_ROWS = 4096
#: Values of a damaged column must not grow the record without end.
STREAMS_PER_FILE = 32
SLICES_PER_FILE = 1000
#: Part of a path, in JSON, that only programs and pages of an Exchange server have.
EXCHANGE_FILES = rb"Exchange Server\\V15\\Bin\\MSExchange"


class Prefilter(Protocol):
    """Finds the lines of a block that some rule may match."""

    @property
    def fingerprint(self) -> str: ...

    def match(self, kind: str, block: bytes, newline_positions: Positions) -> Positions: ...


class Stopped(Exception):
    """The scan was interrupted between two blocks."""


class _Rejoined:
    """A stream whose first bytes were already read to identify the file, with the damage met on the way, if any."""

    def __init__(self, head: bytes, damage: EvidenceError | None, rest: BinaryIO, name: str) -> None:
        self._head, self._damage, self._rest, self.name = head, damage, rest, name

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        if self._damage is not None:
            raise self._damage
        return self._rest.read(size)


def read_file(
    file: EvidenceFile,
    source: Source,
    parts: TaskParts,
    settings: Settings,
    prefilter: Prefilter | None,
    judge: FileJudge | None,
    heartbeat: Callable[[int], None],
) -> None:
    """Fill *source* and write the file's rows to *parts*. Whatever goes wrong with this file is recorded in *source*.

    ``heartbeat`` gets the bytes of each block and may raise :class:`Stopped`.
    """
    tally = Tally()
    try:
        with file.open() as stream:
            head, damage = _head(stream, file.name)
            path = file.windows_path or file.name
            insists = judge is not None and judge.insists(path)
            parser_class = None if insists else identify(head, path)
            rejoined = _Rejoined(head, damage, stream, file.name)
            if judge is not None and parser_class is None and (insists or judge.wants(path)):
                _judge(rejoined, file, judge, source, parts, tally, heartbeat)
            elif parser_class is None:
                source.note = _why_unrecognised(head)
                _hash_only(rejoined, tally, heartbeat)
            else:
                source.kind = parser_class.table
                _parse(rejoined, parser_class(file.name, settings), source, parts, prefilter, tally, heartbeat)
    except EvidenceError as error:
        source.damage = error.reason
    except OSError as error:
        source.damage = f"cannot be opened: {error.strerror or error}"
    if tally.damage is not None and source.damage is None:
        at = "" if tally.damage.offset is None else f" at byte {tally.damage.offset}"
        source.damage = f"{tally.damage.reason}{at}"
    source.sha256, source.size, source.lines, source.encoding = tally.sha256, tally.size, tally.lines, tally.encoding


def _head(stream: BinaryIO, name: str) -> tuple[bytes, EvidenceError | None]:
    """The first bytes, and the damage that ended them: what came before it is evidence like any other."""
    head = b""
    while len(head) < HEAD_BYTES:
        try:
            more = stream.read(HEAD_BYTES - len(head))
        except EvidenceError as error:
            return head, error
        except OSError as error:
            return head, EvidenceError(str(error), file=name, offset=len(head))
        if not more:
            break
        head += more
    return head, None


def _judge(
    stream: _Rejoined,
    file: EvidenceFile,
    judge: FileJudge,
    source: Source,
    parts: TaskParts,
    tally: Tally,
    heartbeat: Callable[[int], None],
) -> None:
    table, notes = read_web_file(stream, file, judge, tally, heartbeat)
    source.kind = WEB_FILE
    source.events = table.num_rows
    source.warnings = dict.fromkeys(notes, 1)
    parts.write("events", WEB_FILE, _with_source(table, source.id))


def _hash_only(stream: _Rejoined, tally: Tally, heartbeat: Callable[[int], None]) -> None:
    for raw in raw_blocks(stream, tally):
        heartbeat(len(raw))


def _why_unrecognised(head: bytes) -> str | None:
    if not head:
        return "empty file"
    named = log_type(head[:4096].decode("utf-8", "ignore"))
    if named:
        return f"Exchange log of type '{named}', which this version does not read"
    return "not a text log" if looks_binary(head) else None


def _parse(
    stream: _Rejoined,
    parser: Parser,
    source: Source,
    parts: TaskParts,
    prefilter: Prefilter | None,
    tally: Tally,
    heartbeat: Callable[[int], None],
) -> None:
    reasons: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    try:
        # Closed also when the scan is stopped: a parser may have threads and processes of its own.
        with closing(cast("Generator[Batch]", parser.batches(stream, tally))) as batches:
            for batch in batches:
                if prefilter is not None and batch.block is not None:
                    source.prefilter = prefilter.fingerprint
                _take(batch.parsed, batch.block, source, parts, prefilter)
                reasons.update(reject.reason for reject in batch.parsed.rejects)
                warnings.update(batch.parsed.warnings)
                heartbeat(batch.raw_bytes)
    finally:
        source.reject_reasons = dict(sorted(reasons.items()))
        source.warnings = dict(sorted(warnings.items()))


def _take(parsed: Parsed, block: Block | None, source: Source, parts: TaskParts, prefilter: Prefilter | None) -> None:
    table = _with_source(parsed.table, source.id)
    source.events += table.num_rows
    source.rejects += len(parsed.rejects)
    _note_times(table, source)
    parts.write("events", source.kind, table)
    if prefilter is not None and block is not None and table.num_rows:
        newlines = block.starts[1:] - 1
        hits = prefilter.match(source.kind, block.data, newlines) + block.first_line
        if len(hits):
            chosen = table.filter(pa.array(np.isin(np.asarray(table.column("line")), hits)))
            source.candidates += chosen.num_rows
            parts.write("candidates", source.kind, chosen)
    if parsed.rejects:
        rejects = [
            [source.id] * len(parsed.rejects),
            [reject.line for reject in parsed.rejects],
            [reject.offset for reject in parsed.rejects],
            [reject.reason for reject in parsed.rejects],
            [reject.text for reject in parsed.rejects],
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(rejects, REJECT_SCHEMA, strict=True)]
        parts.write("rejects", "", pa.Table.from_arrays(arrays, schema=REJECT_SCHEMA))


def _with_source(table: pa.Table, source_id: int) -> pa.Table:
    at = table.schema.get_field_index("source_id")
    ids = pa.array(np.full(table.num_rows, source_id, dtype=np.int32))
    return table.set_column(at, table.schema.field(at), ids)


def _note_times(table: pa.Table, source: Source) -> None:
    if not table.num_rows or source.kind in STATES:
        return
    times = np.asarray(table.column("time").cast(pa.int64()))
    source.saw_time(int(times.min()), int(times.max()))
    hours, counts = np.unique(times // HOUR_MS, return_counts=True)
    for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
        source.hours[hour] = source.hours.get(hour, 0) + count
    if source.kind == WINDOWS_TABLE:
        _note_slices(table, times, source)
    else:
        _note_streams(table, source)
    names = [name for name in ("host", "Build") if name in table.column_names]
    distinct = [table.column(name).unique() for name in names]
    if all(len(values) == 1 for values in distinct):
        # Nearly always one server and one build: grouping starts an engine of its own and costs as much as parsing.
        groups = [{name: values[0].as_py() for name, values in zip(names, distinct, strict=True)}]
        groups[0] |= {"at_min": int(times.min()), "at_max": int(times.max()), "at_count": len(times)}
    else:
        slim = pa.table({**{name: table.column(name) for name in names}, "at": times})
        groups = slim.group_by(names).aggregate([("at", "min"), ("at", "max"), ("at", "count")]).to_pylist()
    for row in groups:
        if row["host"] is not None:
            source.hosts[row["host"]] = source.hosts.get(row["host"], 0) + row["at_count"]
        if row.get("Build") is not None:
            source.saw_build(row["host"], row["Build"], row["at_min"], row["at_max"])


def _note_slices(table: pa.Table, times: Positions, source: Source) -> None:
    """What each host wrote into each log, hour by hour."""
    exchange = _shows_exchange(table, source)
    hosts, of_host = _coded(table.column("host"))
    streams, of_stream = _coded(pc.fill_null(table.column("Channel"), ""))
    pairs = of_host * len(streams) + of_stream
    order = np.argsort(pairs, kind="stable")
    known = {(part.host, part.stream) for part in source.slices}
    bounds = np.flatnonzero(np.diff(pairs[order], prepend=-1))
    # In the order in which the pairs come first.
    for rows in sorted(np.split(order, bounds[1:]), key=lambda rows: int(rows[0])):
        pair = hosts[of_host[rows[0]]], streams[of_stream[rows[0]]] or ""
        if pair not in known and len(source.slices) >= SLICES_PER_FILE:
            pair = None, ""
        at = times[rows]
        hours, counts = np.unique(at // HOUR_MS, return_counts=True)
        by_hour = dict(zip(hours.tolist(), counts.tolist(), strict=True))
        source.saw_slice(Slice(*pair, int(at.min()), int(at.max()), bool(exchange[rows].any()), by_hour))


def _coded(values: pa.ChunkedArray) -> tuple[list[str | None], Positions]:
    """The distinct values and, for each row, the place of its own among them."""
    coded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    return coded.dictionary.to_pylist(), np.asarray(coded.indices).astype(np.int64)


def _shows_exchange(table: pa.Table, source: Source) -> Mask:
    """For each row, whether it shows an Exchange server; not asked again of hosts of which that is known."""
    hosts = set(table.column("host").unique().to_pylist())
    if source.slices and hosts <= {part.host for part in source.slices if part.exchange}:
        return np.zeros(table.num_rows, dtype=np.bool_)
    providers = pc.fill_null(pc.starts_with(table.column("Provider_Name"), "MSExchange"), False)
    return np.asarray(providers) | rows_with(table.column("Data").combine_chunks(), EXCHANGE_FILES)


def _note_streams(table: pa.Table, source: Source) -> None:
    """Count rows by HttpProxy protocol and by IIS site: one of them may be missing while the others are there."""
    column = {"httpproxy": "Protocol", "iis": "s-port"}.get(source.kind)
    if column is None:
        return
    front = "front end" if source.kind != "iis" or _serves_exchange(table, source) else "other site"
    for entry in table.column(column).value_counts().to_pylist():
        value = entry["values"]
        if value is None:
            continue
        label = str(value) if source.kind == "httpproxy" else "back end" if value in BACK_END_PORTS else front
        if label in source.streams or len(source.streams) < STREAMS_PER_FILE:
            source.streams[label] = source.streams.get(label, 0) + entry["counts"]


def _serves_exchange(table: pa.Table, source: Source) -> bool:
    """Whether a web site is Exchange's, by the paths asked for; once it was, all of its file is."""
    if "front end" in source.streams:
        return True
    stems = pc.utf8_lower(table.column("cs-uri-stem").slice(0, SITE_SAMPLE_ROWS))
    known = pc.any(pc.match_substring_regex(stems, EXCHANGE_PATHS)).as_py()
    if known and "other site" in source.streams:
        source.streams["front end"] = source.streams.pop("other site")
    return bool(known)
