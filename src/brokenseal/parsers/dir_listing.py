"""Listing of folders as text: what `dir /s /a` of the command prompt prints, or Get-ChildItem of PowerShell.

Of `dir` any language is read, with the owner (`/q`), with or without thousands separators. Which of a file's times it
shows is not in its output: it is taken as the last modification, unless the command stands in the text (`/t:c`, `/t:a`).
`dir` shows no attributes; a folder has D, a link L. Times are those of the machine's clock, in its order of day and month,
without seconds, and taken as UTC with a warning. Columns with short names (`/x`) are not told apart from the names.

References:
    https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/dir
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.management/get-childitem
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Settings, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Readable, Tally, read_blocks
from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import EMPTY_TEXT, NULL_TEXT, Cell
from brokenseal.parsers.decoding import Mask
from brokenseal.parsers.file_listing import FileListingParser, joined_path, letters, windows_path
from brokenseal.parsers.listing_columns import Columns, rows_kept
from brokenseal.parsers.listing_times import NO_TIME, UNTOLD_BYTES, Clock, read_clocks, told
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_records import spans
from brokenseal.parsers.winevent_table import event_table, note_odd_lines

NOT_A_LINE = "line is none of a listing of folders"
NO_FOLDER = "no folder is named before this row"

_PATH = r"(?:[A-Za-z]:|\\\\[^\\\s]+)(?:\\[^\r\n<>|\"*]*?)?"
#: "Directory of", where it stands after the path: Japanese, Chinese (simplified, traditional), Korean.
_AFTER_THE_PATH = ("のディレクトリ", "的目录", "的目錄", "디렉터리", "디렉토리")
#: Names of a folder before its files: `dir` begins with one blank, in some languages the words stand after the path.
_FOLDER = (
    rf"^ (?:[^\s:\\][^:\\]* |[^\s:\\]+ de )(?P<dir>{_PATH})\s*$"
    rf"|^ (?P<cjk>{_PATH}) ?(?:{'|'.join(_AFTER_THE_PATH)})\s*$"
    rf"|^ {{2,8}}[^\s:\\][^:\\]*: (?P<ps>{_PATH})\s*$"
)
_DATE = (
    r"(?:[^\W\d]{1,4}\.?,? )?(?P<time>[0-9]{1,4}[./-] ?[0-9]{1,2}[./-] ?[0-9]{1,4}\.?,?\s+"
    r"[0-9]{1,2}[:.][0-9]{2}(?:\s?[AaPp]\.?\s?[Mm]\.?)?)"
)
_LINKED = r"<(?P<kind>[A-Z]{3,9})>\s{1,12}"
#: The size has 18 places after the time; so a name that begins with digits is told from a size with blanks in it.
_ENTRY = rf"^{_DATE}(?:\s+{_LINKED}|(?P<size>[0-9.,'\x{{2019}}\x{{a0}}\x{{202f}} ]{{17}}[0-9]) )(?P<rest>.*?\S)\s*$"
#: The same where blanks were lost.
_LOOSE = (
    rf"^{_DATE}\s+(?:{_LINKED}|(?P<size>[0-9]+(?:[.,'\x{{2019}}\x{{a0}}\x{{202f}}][0-9]{{3}})*) )(?P<rest>\S.*?)\s*$"
)
#: The owner has so many places; it has a backslash (which no name has), or is unknown and shown as three dots.
_OWNER_PLACES = 23
_OWNER = r"\\|^\.\.\. +$"
_SHOWN = rf"^(?P<mode>[dl-][a-][r-][h-][s-][l-]?-?)\s+{_DATE}\s+(?:(?P<size>[0-9]+)\s)?\s*(?P<rest>\S.*?)\s*$"
#: Lines that are neither rows nor rejects: the volume, sums, headings, rules, prompts.
_AROUND = (
    r"^(?: \S| {3,}[0-9]| {4,}\S.*:\s*$|Mode {2,}|---- {2,}"
    r"|(?:PS )?[A-Za-z]:\\[^<>|*?\"]*>|Microsoft Windows \[|\(c\) |Copyright )"
)
#: A command in the text, and which time it asked for.
_COMMAND = r"(?i)^(?:PS )?[a-z]:\\[^>]*>\s*(?:cmd\b.*\s)?dir\b(?P<rest>.*)$"
_TIME_ASKED = r"(?i)/t:?(?P<letter>[cwa])\b"
_LINK = r" \[[^\[\]]*\]$"
_SEPARATORS = r"[^0-9]"
_TIMES = {"c": "created", "a": "accessed"}


class _Piece(NamedTuple):
    """A piece of the file: rows whose times wait until it is told which number is the month, and the rest."""

    parsed: Parsed
    made: Columns
    clock: Clock | None
    tells: tuple[int, int]
    last_offset: int


class DirListing(FileListingParser):
    __doc__ = __doc__
    kind = "dir_listing"

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._folder: str | None = None
        #: Which time the listing shows, as in the command: w the last modification, c the creation, a the last access.
        self._shows = "w"
        self._order: int | None = 0

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        if ":\\" not in head and "\\\\" not in head:
            return False  # no folder of any kind is named: most files end here
        lines = pa.array([line.rstrip("\r") for line in head.split("\n")])
        folders = np.flatnonzero(np.asarray(pc.match_substring_regex(lines, _FOLDER)))
        if not len(folders):
            return False
        after = lines.slice(int(folders[0]) + 1)
        return bool(_read_rows(as_chunked(after)).found.any())

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: the path of a row stands in a line before it."""
        waiting: list[tuple[_Piece, int]] = []
        for block in read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES):
            piece = self._take(block)
            waiting.append((piece, block.raw_bytes))
            if self._order == 0 and piece.tells[1] and piece.tells[0] < UNTOLD_BYTES:
                self._order = piece.tells[1]
            elif self._order == 0 and piece.last_offset >= UNTOLD_BYTES:
                self._order = None
            if self._order != 0:
                for each, size in waiting:
                    yield Batch(self._parsed(each), size)
                waiting.clear()
        self._order = self._order or None
        for each, size in waiting:
            yield Batch(self._parsed(each), size)

    def _take(self, block: Block) -> _Piece:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        last = int(block.offsets[-1]) if len(block) else 0
        nothing = _Piece(parsed, {}, None, (0, 0), last)
        if not len(block):
            return nothing
        lines = as_chunked(pc.utf8_rtrim(spans(block.data, block.starts, block.ends), characters="\r"))
        rows = _read_rows(lines)
        folders = pc.extract_regex(lines, _FOLDER)
        named = np.asarray(pc.is_valid(folders)) & ~rows.found
        blank = np.asarray(pc.equal(pc.utf8_trim_whitespace(lines), EMPTY_TEXT))
        around = np.asarray(pc.match_substring_regex(lines, _AROUND))
        odd = np.flatnonzero(~(rows.found | named | blank | around))
        parsed.rejects += [reject(block, int(line), NOT_A_LINE) for line in odd]
        where = self._folders(folders, named)
        indexes = np.flatnonzero(rows.found)
        columns = {name: values.take(pa.array(indexes)) for name, values in rows.columns.items()}
        columns["folder"] = where.take(pa.array(indexes))
        columns["shows"] = self._asked(lines).take(pa.array(indexes))
        # A folder's rows for itself and the one above it are no files.
        itself = np.asarray(pc.fill_null(pc.is_in(columns["name"], pa.array([".", ".."])), False))
        homeless = np.asarray(pc.is_null(columns["folder"])) & ~itself
        parsed.rejects += [reject(block, int(line), NO_FOLDER) for line in indexes[homeless]]
        clock = Clock.of(columns["time"], utc=False)
        tells = told({"modified": clock}, len(indexes))
        first = np.flatnonzero(tells)[:1]
        tell = (int(block.offsets[indexes[first[0]]]), int(tells[first[0]])) if len(first) else (0, 0)
        files = ~itself & ~homeless
        keep = files & rows_kept(columns)
        if np.count_nonzero(files & ~keep):
            parsed.warnings[OUTSIDE] += int(np.count_nonzero(files & ~keep))
        good = np.flatnonzero(keep)
        timeless = np.asarray(pc.is_null(read_clocks({"modified": clock}, True, Counter()).time))[good]
        parsed.rejects += [reject(block, int(line), NO_TIME) for line in indexes[good[timeless]]]
        good = good[~timeless]
        if not len(good):
            return nothing._replace(tells=tell)
        place = pa.array(good)
        made = {name: values.take(place) for name, values in columns.items()}
        made["line"] = pa.chunked_array([pa.array(indexes[good] + block.first_line)])
        made["offset"] = pa.chunked_array([pa.array(block.offsets[indexes[good]])])
        return _Piece(parsed, made, clock.take(good), tell, last)

    def _folders(self, folders: pa.ChunkedArray, named: Mask) -> pa.ChunkedArray:
        """For each line the folder that it stands under."""
        texts = pc.coalesce(*(_group(folders, name) for name in ("dir", "cjk", "ps")))
        texts = texts.filter(pa.array(named)).to_pylist()
        known = pa.array([self._folder, *texts], pa.string())
        place = np.cumsum(named)
        if texts:
            self._folder = texts[-1]
        return as_chunked(known.take(pa.array(place)))

    def _asked(self, lines: pa.ChunkedArray) -> pa.ChunkedArray:
        """For each line the time that the last command before it asked for."""
        asked = pc.struct_field(pc.extract_regex(lines, _COMMAND), "rest")
        given = np.asarray(pc.is_valid(asked))
        found = pc.struct_field(pc.extract_regex(asked.filter(pa.array(given)), _TIME_ASKED), "letter")
        known = [self._shows, *pc.utf8_lower(pc.fill_null(found, "w")).to_pylist()]
        self._shows = known[-1]
        return as_chunked(pa.array(known, pa.string()).take(pa.array(np.cumsum(given))))

    def _parsed(self, piece: _Piece) -> Parsed:
        parsed = piece.parsed
        if piece.clock is not None:
            month_first = None if not self._order else self._order == 1
            times = read_clocks({"modified": piece.clock}, month_first, parsed.warnings)
            made = dict(piece.made)
            made["path"] = windows_path(joined_path(made["folder"], made["name"]))
            made["time"] = times.time
            for letter, name in _TIMES.items():
                made[name] = as_chunked(pc.if_else(pc.equal(made["shows"], letter), times.texts["modified"], NULL_TEXT))
            made["size"], lost = to_cell(made["size"], Cell.INT64)
            if lost:
                parsed.warnings["size is not a number (kept as empty)"] += lost
            parsed.table = event_table(self.schema(), made)
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed


class _Rows(NamedTuple):
    """Which lines are rows, and their texts (for all lines): time, name, size, owner, attributes."""

    found: Mask
    columns: dict[str, pa.ChunkedArray]


def _read_rows(lines: pa.ChunkedArray) -> _Rows:
    shown = pc.extract_regex(lines, _SHOWN)
    exact, loose = pc.extract_regex(lines, _ENTRY), pc.extract_regex(lines, _LOOSE)
    entry = pc.if_else(pc.is_valid(exact), exact, loose)
    found = np.asarray(pc.is_valid(entry)) | np.asarray(pc.is_valid(shown))
    rest, kind = _group(entry, "rest"), _group(entry, "kind")
    linked = pc.fill_null(pc.is_in(kind, pa.array(["JUNCTION", "SYMLINKD", "SYMLINK"])), False)
    rest = pc.if_else(linked, pc.replace_substring_regex(rest, _LINK, ""), rest)
    begin = pc.utf8_slice_codeunits(rest, 0, _OWNER_PLACES)
    owned = pc.match_substring_regex(begin, _OWNER)
    owner = pc.if_else(owned, pc.utf8_trim_whitespace(begin), NULL_TEXT)
    name = pc.if_else(owned, pc.utf8_slice_codeunits(rest, _OWNER_PLACES), rest)
    folder = pc.fill_null(pc.is_in(kind, pa.array(["DIR", "JUNCTION", "SYMLINKD"])), False)
    marks = pc.binary_join_element_wise(pc.if_else(folder, "D", ""), pc.if_else(linked, "L", ""), "")
    attributes = pc.coalesce(letters(_group(shown, "mode")), pc.if_else(pc.equal(marks, EMPTY_TEXT), NULL_TEXT, marks))
    size = pc.coalesce(pc.replace_substring_regex(_group(entry, "size"), _SEPARATORS, ""), _group(shown, "size"))
    return _Rows(
        found,
        {
            "time": as_chunked(pc.coalesce(_group(entry, "time"), _group(shown, "time"))),
            "name": as_chunked(pc.coalesce(name, _group(shown, "rest"))),
            "size": as_chunked(size),
            "owner": as_chunked(pc.if_else(pc.equal(owner, "..."), NULL_TEXT, owner)),
            "attributes": as_chunked(attributes),
        },
    )


def _group(found: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """A group of a match as text, null where it is empty."""
    text = pc.struct_field(found, name)
    return as_chunked(pc.if_else(pc.equal(text, EMPTY_TEXT), NULL_TEXT, text))
