"""Listing of files as JSON: Velociraptor's file and MFT rows (one object a line), MFTECmd's and PowerShell's JSON.

Each object is judged by its own keys. Times are UTC unless they say their zone. `line` is the line on which an object
begins.

References:
    https://docs.velociraptor.app/artifact_references/pages/windows.search.filefinder/
    https://docs.velociraptor.app/artifact_references/pages/windows.ntfs.mft/
    https://jsonlines.org/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Settings, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.file_listing import FileListingParser
from brokenseal.parsers.json_records import NOT_AN_OBJECT, JsonRecords
from brokenseal.parsers.listing_columns import file_columns, filled, judged_times, rows_kept
from brokenseal.parsers.listing_times import NO_TIME, Clock, read_clocks
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_records import whole_records
from brokenseal.parsers.windows_event import query, valid
from brokenseal.parsers.winevent_table import bisected, event_table, note_odd_lines

NO_LISTING = "JSON object is no row of a listing of files"
TOO_COSTLY = "JSON object cannot be taken apart"

#: What a row says of its file → paths into its object, the best first.
_THINGS: dict[str, tuple[str, ...]] = {
    "path": ("$.OSPath", "$._OSPath", "$.FullPath", "$.FullName", "$.SourceFile", "$._Path"),
    "folder": ("$.ParentPath",),
    "name": ("$.FileName", "$.Name"),
    "size": ("$.FileSize", "$.Size", "$.Length"),
    "attributes": ("$.Attributes", "$.SIFlags", "$.SiFlags", "$.Mode"),
    "is_folder": ("$.IsDir", "$.IsDirectory", "$.PSIsContainer"),
    "in_use": ("$.InUse",),
    "owner": ("$.Owner",),
    "entry": ("$.EntryNumber",),
    "sha256": ("$.Hash.SHA256", "$.SHA256", "$.SourceFileSha256", "$.Upload.sha256"),
    "sha1": ("$.Hash.SHA1", "$.SHA1"),
    "md5": ("$.Hash.MD5", "$.MD5", "$.Upload.md5"),
    "si_before_fn": ('$."SI<FN"', "$.SI_Lt_FN", "$.Timestomped"),
    "zero_subseconds": ("$.USecZeros", "$.uSecZeros"),
    "volume": ("$.MFTPath", "$.SourceFile"),
}
_TIMES: dict[str, tuple[str, ...]] = {
    "modified": ("$.LastModified0x10", "$.MTime", "$.Mtime", "$.Modified", "$.LastWriteTimeUtc", "$.LastWriteTime"),
    "created": ("$.Created0x10", "$.BTime", "$.Btime", "$.Created", "$.CreationTimeUtc", "$.CreationTime"),
    "accessed": ("$.LastAccess0x10", "$.ATime", "$.Atime", "$.LastAccessed", "$.LastAccessTimeUtc", "$.LastAccessTime"),
    "changed": ("$.LastRecordChange0x10", "$.CTime", "$.Ctime", "$.Changed"),
    "fn_modified": ("$.LastModified0x30",),
    "fn_created": ("$.Created0x30",),
}
_START = re.compile(r"\s*\[?\s*\{")
_KEY = re.compile(r'"([^"\\]{1,60})"\s*:')
_PATHS = {"OSPath", "FullPath", "FullName", "SourceFile"}
_MODIFIED = {path.removeprefix("$.") for path in _TIMES["modified"]}
_EVENTS = {"EventID", "EventId", "event_id", "winlog", "System", "Channel"}


class FileListingJson(FileListingParser):
    __doc__ = __doc__
    kind = "file_listing_json"
    record_layout = RecordLayout.JSON

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._objects = JsonRecords()

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        if not _START.match(head):
            return False
        keys = set(_KEY.findall(head.partition("}\n")[0]))
        names = bool(keys & _PATHS) or {"ParentPath", "FileName"} <= keys
        return names and bool(keys & _MODIFIED) and not keys & _EVENTS

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: JSON escapes its text, and most rows are not kept."""
        blocks = read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES)
        for parsed, raw_bytes in whole_records(blocks, self._take):
            yield Batch(parsed, raw_bytes)

    def _take(self, block: Block, last: bool) -> tuple[Parsed, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        found = self._objects.find(block, last=last)
        parsed.rejects += [reject(block, *each) for each in found.rejected]
        if len(found.lines):
            self._rows(block, as_chunked(found.texts(block.data)), found.lines, found.starts, parsed)
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed, found.taken

    def _rows(self, block: Block, texts: pa.ChunkedArray, lines: Positions, starts: Positions, parsed: Parsed) -> None:
        good = np.asarray(valid(texts))
        parsed.rejects += [reject(block, int(line), NOT_AN_OBJECT) for line in lines[~good]]
        texts, lines, starts = texts.filter(pa.array(good)), lines[good], starts[good]
        table, failed = bisected(texts, _shredded)
        parsed.rejects += [reject(block, int(line), TOO_COSTLY) for line in lines[failed]]
        if table is None:
            return
        lines, starts = np.delete(lines, failed), np.delete(starts, failed)
        rows = {name: filled(table.column(name)) for name in table.column_names}
        whole = pc.if_else(pc.is_valid(rows["path"]), rows["path"], _with_folder(rows))
        rows["path"] = as_chunked(pc.if_else(_is_mft(rows), _with_folder(rows), whole))
        named = np.asarray(pc.is_valid(rows["path"]))
        timed = np.asarray(pc.is_valid(pc.coalesce(*(rows[name] for name in _TIMES))))
        parsed.rejects += [reject(block, int(line), NO_LISTING) for line in lines[~(named & timed)]]
        keep = rows_kept({"path": rows["path"]}) & named & timed
        dropped = int(np.count_nonzero(named & timed & ~keep))
        if dropped:
            parsed.warnings[OUTSIDE] += dropped
        lines, starts = lines[keep], starts[keep]
        parsed.table = self._table(block, {n: v.filter(pa.array(keep)) for n, v in rows.items()}, lines, starts, parsed)

    def _table(
        self, block: Block, rows: Mapping[str, pa.ChunkedArray], lines: Positions, starts: Positions, parsed: Parsed
    ) -> pa.Table:
        if not len(lines):
            return self.schema().empty_table()
        clocks = {name: Clock.of(rows[name], utc=True) for name in _TIMES}
        warnings: Counter[str] = Counter()
        times = read_clocks(clocks, None, warnings)
        good = np.asarray(pc.is_valid(times.time))
        parsed.rejects += [reject(block, int(line), NO_TIME) for line in lines[~good]]
        parsed.warnings.update(warnings)
        made = file_columns({name: rows[name] for name in _THINGS if name not in ("folder", "name")}, parsed.warnings)
        given = {name: pc.is_valid(rows[name]) for name in ("si_before_fn", "zero_subseconds")}
        judged = judged_times({}, {name: clock.texts for name, clock in clocks.items()}, times.milliseconds)
        for name, values in judged.items():
            made[name] = as_chunked(pc.if_else(given[name], made[name], values))
        for own, other in (("fn_created", "created"), ("fn_modified", "modified")):
            # MFTECmd leaves out a time of $FILE_NAME that equals the other.
            same = pc.and_(_is_mft(rows), pc.is_null(times.texts[own]))
            times.texts[own] = as_chunked(pc.if_else(same, times.texts[other], times.texts[own]))
        made |= times.texts | {"time": times.time}
        made["line"] = pa.chunked_array([pa.array(lines + block.first_line)])
        made["offset"] = pa.chunked_array([pa.array(block.offsets[lines])])
        return event_table(self.schema(), made).filter(pa.array(good))


def _is_mft(rows: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """Rows of MFTECmd: ``SourceFile`` is the $MFT that was read, the path is in two parts."""
    return pc.and_(pc.is_valid(rows["folder"]), pc.is_valid(rows["entry"]))


def _with_folder(rows: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    folders = pc.replace_substring_regex(pc.fill_null(rows["folder"], ""), r"\\+$", "")
    joined = pc.binary_join_element_wise(folders, rows["name"], "\\")
    return pc.if_else(pc.is_valid(rows["folder"]), joined, NULL_TEXT)


def _shredded(records: pa.ChunkedArray) -> pa.Table:
    """What the objects say, as text; of several names the first that has a value. Raises duckdb.Error."""
    paths = list(dict.fromkeys(path for paths in (*_THINGS.values(), *_TIMES.values()) for path in paths))
    place = {path: f"nullif(s[{number}], '')" for number, path in enumerate(paths, start=1)}
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    columns = ", ".join(
        f"coalesce({', '.join(place[path] for path in paths)}, NULL) AS {name}"
        for name, paths in (_THINGS | _TIMES).items()
    )
    return query(records, f"SELECT {columns} FROM (SELECT json_extract_string(j, [{listed}]) AS s FROM records)")
