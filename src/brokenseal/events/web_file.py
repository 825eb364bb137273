"""Files of web folders as evidence of their own: what a judge says of their content becomes rows of the table ``web_file``.

Such a file is a state and no event: its rows have the time at which it was changed last, and ``--since`` does not hide it.
A file has one row at line 1; a configuration file one more for each line in which something is odd.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pyarrow as pa

from brokenseal.events.sources import WEB_FILE
from brokenseal.evidence import EvidenceFile
from brokenseal.parsers.blocks import Readable, Tally, raw_blocks
from brokenseal.parsers.columns import Cell, Column, event_schema
from brokenseal.parsers.directory import TABLE as DIRECTORY_TABLE
from brokenseal.parsers.file_listing import TABLE as LISTING_TABLE

#: Tables whose rows are files or people and no events: their times say nothing of what a log covers.
STATES = frozenset({WEB_FILE, LISTING_TABLE, DIRECTORY_TABLE})

COLUMNS = (
    Column("path", "path on the server as far as the collection tells, '\\' between parts"),
    Column("size", "bytes", Cell.INT64),
    Column("sha256", "lower case"),
    Column("sha1", "lower case"),
    Column("md5", "lower case"),
    Column("modified", "time of the last change that the copy has, RFC 3339"),
    Column("modified_zone", "'UTC', or 'unknown' (an archive that holds local times)"),
    Column("language", "aspx, ashx, asmx, asp, php, jsp, config or other"),
    Column("score", "how much its content looks like a web shell, 0-100", Cell.INT64),
    Column("content", "what it looks like, in words"),
    Column("suspicious", "'true' if the content alone makes it suspicious, else null"),
    Column("yara", "names of the YARA rules that are true of it, one a line"),
    Column("features", "names of the features found, one a line"),
    Column("why", "the features and rules as sentences, one a line"),
    Column("page", "URL of the page of which this is the compiled record"),
    Column("oddity", "what is odd in this line of a configuration file, one a line"),
    Column("oddity_weight", "grave, odd or note: the worst of the line"),
    Column("oddity_text", "the oddities as sentences, one a line"),
    Column("folders", "web folders that a configuration file names: JSON list of [site, url, folder]"),
)
SCHEMA = event_schema(COLUMNS)

#: What a judge says: values of columns from ``language`` on, by name; absent ones are null.
Row = Mapping[str, str | int | None]

#: Bytes of a file that are judged, and so many of its end; what lies between is hashed only.
JUDGED_BYTES, TAIL_BYTES = 64 << 20, 1 << 20
_BLOCK_BYTES = 4 << 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one file: rows by line (1 is the file itself), and what was not looked at, one sentence each."""

    rows: Mapping[int, Row]
    notes: Sequence[str] = ()


class FileJudge(Protocol):
    """Judges files of web folders. ``fingerprint`` changes when its answers may."""

    fingerprint: str

    def wants(self, windows_path: str) -> bool:
        """Whether a file at this path is judged if it is no log."""

    def insists(self, windows_path: str) -> bool:
        """Whether it is judged whatever its content looks like: a server runs it, so it may only play a log."""

    def judge(self, windows_path: str, data: bytes, size: int, tail: bytes = b"") -> Judged:
        """*data*: the first :data:`JUDGED_BYTES` of the file's *size* bytes; *tail*: the last ones of what lies behind."""


def read_web_file(
    stream: Readable, file: EvidenceFile, judge: FileJudge, tally: Tally, heartbeat: Callable[[int], None]
) -> tuple[pa.Table, Sequence[str]]:
    """The rows of *file* in :data:`SCHEMA` (``source_id`` null) and the judge's notes; fills *tally* as parsers do."""
    sha1, md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    kept, tail = bytearray(), b""
    for block in raw_blocks(stream, tally, block_bytes=_BLOCK_BYTES):
        sha1.update(block)
        md5.update(block)
        room = JUDGED_BYTES - len(kept)
        kept += block[:room]
        if len(block) > room:
            tail = (tail + block[room:])[-TAIL_BYTES:]
        heartbeat(len(block))
    path = (file.windows_path or file.name).replace("/", "\\")
    judged = judge.judge(path, bytes(kept), tally.size, tail)
    common: dict[str, str | int | datetime | None] = {
        "path": path,
        "size": tally.size,
        "sha256": tally.sha256,
        "sha1": sha1.hexdigest(),
        "md5": md5.hexdigest(),
        "time": _EPOCH,
        "offset": 0,
    }
    if file.modified is not None:
        moment = _moment(file.modified.ms)
        common["time"] = moment
        common["modified"] = moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        common["modified_zone"] = "UTC" if file.modified.zone_known else "unknown"
    rows = [{**common, **judged.rows[line], "line": line} for line in sorted(judged.rows)]
    return pa.Table.from_pylist(rows, schema=SCHEMA), judged.notes


def _moment(ms: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return _EPOCH
