"""Find the records of CSV whose quoted cells span lines; a damaged quotation mark swallows nothing but its own record.

Whether a line begins inside a quoted cell follows from the number of quotation marks before it. Each mark must stand where
CSV has it: an opening one at the start of a cell, a closing one at its end, and within a cell they come in pairs. Where one
does not, the record is rejected with all lines up to the next one that can begin a record, the marks being counted anew from
there or not: whichever reading stays in order for longer. All of it is done on arrays; only damage costs a loop.

References:
    https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from brokenseal.parsers.blocks import MAX_LINE, Block, Positions
from brokenseal.parsers.decoding import CR, LF

BROKEN = "quotation marks are broken"
CUT_OFF = "record is cut off"
TOO_LONG = "record is too long"
#: So many bytes after a damaged mark are looked at to decide how to go on.
LOOK_AHEAD = 64 << 10
#: Lines are looked at in portions of about so many bytes, so that lines full of marks do not multiply in memory.
_PORTION_BYTES = 1 << 20

_QUOTE, _HASH = b'"#'
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class CsvFound:
    """The records of a block, as ranges of its lines, and damaged ones by the line each begins on.

    ``taken``: lines that were dealt with; those after it belong to a record that is not finished.
    """

    firsts: Positions
    afters: Positions
    taken: int
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def lines(self) -> Positions:
        """All lines of the records."""
        sizes = self.afters - self.firsts
        if not len(sizes):
            return self.firsts
        steps = np.ones(int(sizes.sum()), dtype=np.int64)
        begins = np.cumsum(sizes) - sizes
        steps[begins] = self.firsts - np.concatenate([[0], self.afters[:-1] - 1])
        return np.cumsum(steps)


def find_records(
    block: Block, delimiter: str, *, quoted: bool, last: bool, start: int = 0, max_bytes: int = MAX_LINE
) -> CsvFound:
    """The records in the lines of *block* from *start* on, where a record begins.

    *quoted*: every cell that is not empty is in quotation marks (only a line that begins with '#' has none). If not *last*,
    what the block does not finish, or does not tell enough about, is left for later. A record longer than *max_bytes* is
    rejected.
    """
    reading = _Reading(block, delimiter, quoted=quoted)
    none = np.zeros(0, dtype=np.int64)
    firsts, afters = [none], [none]
    found = CsvFound(none, none, len(block))
    count = len(block)
    at, flipped = start, int(reading.inside[start]) if start < count else 0
    while at < count:
        bad = reading.next_bad(flipped, at)
        begins = reading.outside(flipped, at, bad)
        broken, reason = int(begins[-1]), BROKEN
        long = reading.first_longer(begins, min(bad + 1, count), max_bytes)
        if long is not None:
            begins = begins[: long + 1]
            broken, reason = int(begins[-1]), TOO_LONG
            bad = reading.line_at(int(block.starts[broken]) + max_bytes)
        elif bad == count and not reading.ends_inside(flipped):
            firsts.append(begins)
            afters.append(np.append(begins[1:], count))
            break
        if len(begins) > 1:
            firsts.append(begins[:-1])
            afters.append(begins[1:])
        until = reading.line_at(reading.end(min(bad, count - 1)) + LOOK_AHEAD)
        if until == count and not last:
            found.taken = broken
            break
        found.rejected.append((broken, CUT_OFF if bad == count else reason))
        at, flipped = reading.resume(bad, flipped, until)
    begun, ended = np.concatenate(firsts), np.concatenate(afters)
    filled = reading.filled[begun]
    found.firsts, found.afters = begun[filled], ended[filled]
    return found


class _Reading:
    """What the lines of a block are if the first begins outside of quotes, and if it begins inside."""

    def __init__(self, block: Block, delimiter: str, *, quoted: bool) -> None:
        count = len(block)
        self._block = block
        marks, (bad_outside, bad_inside) = _marks(block, ord(delimiter))
        #: Whether each line (and what follows the last) begins inside, if the first begins outside.
        self.inside = np.zeros(count + 1, dtype=np.int8)
        self.inside[1:] = np.cumsum(marks) & 1
        array = np.frombuffer(block.data or b"\n", dtype=np.uint8)
        first = array[np.minimum(block.starts, len(array) - 1)]
        length = block.ends - block.starts
        self.filled: Mask = (length > 1) | ((length == 1) & (first != CR))
        if quoted:
            bad_outside |= self.filled & (first != _QUOTE) & (first != ord(delimiter)) & (first != _HASH)
        begins = self.inside[:-1]
        self._bad_lines = [np.flatnonzero(np.where(begins == flipped, bad_outside, bad_inside)) for flipped in (0, 1)]
        self._outside = [np.flatnonzero(begins == flipped) for flipped in (0, 1)]
        #: Where a record can begin: outside of quotes, and its first line is in order.
        self._begins = [np.flatnonzero((begins == flipped) & ~bad_outside) for flipped in (0, 1)]

    @cached_property
    def _lists(self) -> tuple[list[list[int]], list[list[int]], list[list[int]], list[int]]:
        """What is looked up after each damage, as lists: looking up a number in an array is slow."""
        by_state = ([each.tolist() for each in arrays] for arrays in (self._outside, self._begins, self._bad_lines))
        outside, begins, bad = by_state
        return outside, begins, bad, self._block.ends.tolist()

    def outside(self, flipped: int, at: int, until: int) -> Positions:
        """The lines from *at* to *until* that begin outside of quotes."""
        lines = self._lists[0][flipped]
        return self._outside[flipped][bisect_left(lines, at) : bisect_right(lines, until)]

    def next_bad(self, flipped: int, at: int) -> int:
        """The first line from *at* on with a mark out of place; the number of lines, if there is none."""
        lines = self._lists[2][flipped]
        place = bisect_left(lines, at)
        return lines[place] if place < len(lines) else len(self.filled)

    def end(self, line: int) -> int:
        return self._lists[3][line]

    def line_at(self, position: int) -> int:
        """The first line that ends after *position*; the number of lines, if there is none."""
        return bisect_right(self._lists[3], position)

    def ends_inside(self, flipped: int) -> bool:
        return bool(self.inside[-1] != flipped)

    def first_longer(self, begins: Positions, after: int, most: int) -> int | None:
        """Which of the records that begin on these lines, the last ending before line *after*, is the first longer one."""
        starts = self._block.starts
        if self.end(after - 1) - int(starts[begins[0]]) <= most:
            return None
        sizes = self._block.ends[np.append(begins[1:], after) - 1] - starts[begins]
        longer = np.flatnonzero(sizes > most)
        return int(longer[0]) if len(longer) else None

    def resume(self, bad: int, flipped: int, until: int) -> tuple[int, int]:
        """Where to go on after the damage in the line *bad*, looking at the lines before *until*."""
        best: tuple[int, int, int] | None = None
        for turned, at in ((flipped, bad + 1), (1 - flipped, bad)):
            lines = self._lists[1][turned]
            place = bisect_left(lines, at)
            if place < len(lines) and lines[place] < until:
                option = (min(self.next_bad(turned, lines[place]), until), -lines[place], turned)
                best = option if best is None else max(best, option)
        return (-best[1], best[2]) if best is not None else (until, int(self.inside[until]))


def _marks(block: Block, separator: int) -> tuple[Positions, tuple[Mask, Mask]]:
    """How many quotation marks each line has, and whether one is out of place if the line begins outside, or inside."""
    count = len(block)
    marks = np.zeros(count, dtype=np.int64)
    bad = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    at = 0
    while at < count:
        until = max(at + 1, int(np.searchsorted(block.starts, block.starts[at] + _PORTION_BYTES, side="right")) - 1)
        start, end = int(block.starts[at]), int(block.ends[until - 1])
        _marks_of(block.data[start:end], block.starts[at:until] - start, separator, marks[at:until], bad, at)
        at = until
    return marks, bad


def _marks_of(
    data: bytes, starts: Positions, separator: int, marks: Positions, bad: tuple[Mask, Mask], first_line: int
) -> None:
    array = np.frombuffer(data, dtype=np.uint8)
    places = np.flatnonzero(array == _QUOTE)
    if not len(places):
        return
    line_of = np.searchsorted(starts, places, side="right") - 1
    before_line = np.searchsorted(places, starts)
    marks[:] = np.diff(np.append(before_line, len(places)))
    even = (np.arange(len(places)) - before_line[line_of]) % 2 == 0
    before = array[np.maximum(places - 1, 0)]
    after = np.where(places + 1 < len(array), array[np.minimum(places + 1, len(array) - 1)], LF)
    no_opening = ~((before == separator) | (before == _QUOTE) | (places == starts[line_of]))
    no_closing = ~((after == separator) | (after == _QUOTE) | (after == CR) | (after == LF))
    for state, lines in enumerate(bad):
        out_of_place = np.where(even == (state == 0), no_opening, no_closing)
        lines[line_of[out_of_place] + first_line] = True


def read_records(
    data: bytes, count: int, names: Sequence[str], wanted: Sequence[str], delimiter: str
) -> tuple[pa.Table, Positions]:
    """The columns *wanted* (text, null where empty) of the *count* records of *data*, and which of them have not as many
    cells as there are *names* (they are not in the table)."""
    invalid: list[int] = []

    def note(row: pacsv.InvalidRow) -> str:
        invalid.append(row.number - 1)
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.py_buffer(data),
            pacsv.ReadOptions(use_threads=False, column_names=list(names), block_size=len(data) + 1),
            pacsv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=note, ignore_empty_lines=False, newlines_in_values=True
            ),
            pacsv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=list(wanted),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid:
        return _one_by_one(data, names, wanted, delimiter)
    if table.num_rows + len(invalid) != count:
        return _one_by_one(data, names, wanted, delimiter)
    return table, np.array(invalid, dtype=np.int64)


def _one_by_one(data: bytes, names: Sequence[str], wanted: Sequence[str], delimiter: str) -> tuple[pa.Table, Positions]:
    places = {name: at for at, name in enumerate(names)}
    rows: list[list[str]] = []
    invalid: list[int] = []
    # The reader of the standard library limits a cell's size for the whole process; nothing here is longer than a block.
    csv.field_size_limit(max(csv.field_size_limit(), len(data) + 1))
    reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter)
    for number, cells in enumerate(reader):
        if len(cells) == len(names):
            rows.append(cells)
        else:
            invalid.append(number)
    columns = {name: pa.array([cells[places[name]] or None for cells in rows], pa.string()) for name in wanted}
    return pa.table(columns), np.array(invalid, dtype=np.int64)
