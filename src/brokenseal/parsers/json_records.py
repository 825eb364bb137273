"""Find the JSON objects in a file that is one object a line, pretty-printed, or an array over lines; no line is lost.

Pretty-printed text has no line end inside a string, so each of its lines is indented by its depth: an object reaches from a
line ``{`` to the next line that is not deeper, which must be its ``}``. ``Record 7`` lines between objects (evtx_dump) and
the brackets and commas of an array around them belong to no object. A damaged object ends where the next line begins that
can belong to no object around it, so it swallows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from brokenseal.parsers.blocks import MAX_LINE, Block, Positions
from brokenseal.parsers.decoding import CR
from brokenseal.parsers.whole_records import spans

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_Spans = tuple[Positions, Positions, Positions]

NOT_AN_OBJECT = "not a JSON object"
CUT_OFF = "JSON object is cut off"
TOO_LONG = "JSON object is too long"

_OPEN, _CLOSE, _ARRAY, _ARRAY_END, _COMMA, _SPACE, _TAB = b"{}[], \t"
_RECORD = np.frombuffer(b"Record ", dtype=np.uint8)
#: Deeper lines are never where an object begins; counting further would make a line of blanks costly.
_DEEPEST = 64
#: A file that changes its indentation more often than this is not pretty-printed by anything.
MOST_INDENTS = 500


@dataclass(slots=True)
class Found:
    """The objects of a block: their bytes in ``block.data`` and the line each begins on; rows that are none, by line.

    ``taken``: lines that were dealt with; those after it belong to an object that is not finished.
    """

    starts: Positions
    ends: Positions
    lines: Positions
    taken: int
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def texts(self, data: bytes) -> pa.Array:
        """The objects as text; where each is a line, with its line end, which saves a copy."""
        if len(self.starts) and np.array_equal(self.starts[1:], self.ends[:-1] + 1):
            offsets = np.append(self.starts, self.ends[-1]).astype(np.int32)
            return pa.StringArray.from_buffers(len(self.starts), pa.py_buffer(offsets), pa.py_buffer(data))
        return spans(data, self.starts, self.ends)


class JsonRecords:
    """Where one file's JSON objects are; keeps what the lines before a block say about it."""

    def __init__(self) -> None:
        #: Depth of a damaged object whose first lines were rejected already: the deeper lines after it belong to it.
        self._inside: int | None = None
        self._depth: int | None = None
        self._indents = 0

    def find(self, block: Block, *, last: bool, max_bytes: int = MAX_LINE) -> Found:
        """The objects of *block*. If not *last*, an object that it does not finish is left for later.

        *max_bytes*: a longer object is rejected.
        """
        lines = _Lines(block)
        if self._inside is None and lines.all_single:
            starts, ends = block.starts[lines.filled], block.ends[lines.filled]
            return Found(starts, ends, np.flatnonzero(lines.filled), len(block))
        none = np.zeros(0, dtype=np.int64)
        found = Found(none, none, none, len(block))
        pieces: list[_Spans] = [(none, none, none)]
        lines.measure()
        at = self._skipped(lines)
        while at < len(block):
            at = self._at_one_depth(lines, at, pieces, found, last=last, max_bytes=max_bytes)
        starts, ends, begun = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        order = np.argsort(begun, kind="stable")
        found.starts, found.ends, found.lines = starts[order], ends[order], begun[order]
        found.rejected.sort()
        return found

    def _skipped(self, lines: _Lines) -> int:
        """Where the lines end that belong to a damaged object of which the first lines were rejected already."""
        if self._inside is None:
            return 0
        outside = np.flatnonzero(lines.filled & (lines.depth <= self._inside))
        if not len(outside):
            return len(lines.depth)
        at = int(outside[0])
        own = lines.closes[at] and lines.depth[at] == self._inside
        self._inside = None
        return at + 1 if own else at

    def _depth_of(self, lines: _Lines, opens: Positions) -> int:
        """The depth at which objects begin; none (-1) if there are none, or if it changes all the time."""
        if not len(opens):
            return -1
        depth = int(lines.depth[opens[0]])
        if depth != self._depth:
            self._depth = depth
            self._indents += 1
        return depth if self._indents <= MOST_INDENTS else -1

    def _at_one_depth(
        self,
        lines: _Lines,
        at: int,
        pieces: list[_Spans],
        found: Found,
        *,
        last: bool,
        max_bytes: int,
    ) -> int:
        """Take the lines from *at* on, as far as objects begin at one depth; the line where another depth begins."""
        count = len(lines.depth)
        opens = np.flatnonzero(lines.opens[at:]) + at
        depth = self._depth_of(lines, opens)
        bounds = np.flatnonzero(lines.filled[at:] & (lines.depth[at:] <= depth)) + at
        begins = np.flatnonzero(lines.opens[bounds] & (lines.depth[bounds] == depth))
        first, follows = bounds[begins], np.append(bounds, count)[begins + 1]
        inside = _covered(first, follows, count)
        # An object that begins at another depth, outside of those here: from it on all is looked at anew.
        stray = opens[~inside[opens]] if depth >= 0 else opens[:0]
        until = int(stray[0]) if len(stray) else count
        first, follows = first[first < until], follows[first < until]
        endless = bool(len(first)) and int(follows[-1]) == count
        if endless and not self._given_up(lines, int(first[-1]), depth, found, last=last, max_bytes=max_bytes):
            until = found.taken = int(first[-1])
        if endless:
            first, follows = first[:-1], follows[:-1]

        whole = lines.closes[follows] & (lines.depth[follows] == depth)
        begin, end = lines.content[first], np.where(whole, lines.content[follows] + 1, lines.last[follows - 1])
        long = end - begin > max_bytes
        good = whole & ~long
        pieces.append((begin[good], end[good], first[good]))
        for index, too_long in zip(first[~good].tolist(), long[~good].tolist(), strict=True):
            found.rejected.append((index, TOO_LONG if too_long else CUT_OFF))

        free = np.zeros(count, dtype=np.bool_)
        free[at:until] = lines.filled[at:until] & ~inside[at:until]
        free[follows[whole]] = False
        single = np.flatnonzero(free & lines.single)
        pieces.append((lines.content[single], lines.last[single], single))
        others = np.flatnonzero(free & ~lines.single & ~lines.between)
        found.rejected += [(index, NOT_AN_OBJECT) for index in others.tolist()]
        return until if found.taken == count else count

    def _given_up(self, lines: _Lines, index: int, depth: int, found: Found, *, last: bool, max_bytes: int) -> bool:
        """Whether the object that begins on line *index* and ends nowhere is given up; else it comes again."""
        too_long = int(lines.block.ends[-1] - lines.content[index]) > max_bytes
        if not last and not too_long:
            return False
        self._inside = depth
        found.rejected.append((index, TOO_LONG if too_long else CUT_OFF))
        return True


def _covered(first: Positions, follows: Positions, count: int) -> Mask:
    """Which lines lie in one of the ranges, which do not overlap."""
    change = np.zeros(count + 1, dtype=np.int64)
    change[first] += 1
    change[follows] -= 1
    inside: Mask = np.cumsum(change)[:count] > 0
    return inside


class _Lines:
    """What the lines of a block are, by their first and last characters."""

    def __init__(self, block: Block) -> None:
        self.block = block
        array: Bytes = np.frombuffer(block.data or b"\n", dtype=np.uint8)
        self._array = array
        top = len(array) - 1
        ends = block.ends
        ends = ends - ((ends > block.starts) & (array[np.clip(ends - 1, 0, top)] == CR))
        self.filled: Mask = ends > block.starts
        first, last = array[np.minimum(block.starts, top)], array[np.clip(ends - 1, 0, top)]
        self.all_single = bool(np.all(~self.filled | ((first == _OPEN) & (last == _CLOSE) & (ends - block.starts > 1))))
        self.last = ends

    def measure(self) -> None:
        """Work out the rest, for files that are not simply one object a line."""
        array, block = self._array, self.block
        top = len(array) - 1
        content, last = block.starts.copy(), self.last
        for _ in range(_DEEPEST):
            blank = (content < last) & _among(array[np.minimum(content, top)], _SPACE, _TAB)
            if not blank.any():
                break
            content += blank
        for _ in range(_DEEPEST):
            blank = (last > content) & _among(array[np.clip(last - 1, 0, top)], _SPACE, _TAB)
            if not blank.any():
                break
            last = last - blank
        self.filled = last > content
        length = last - content
        self.depth: Positions = content - block.starts
        first, second = array[np.minimum(content, top)], array[np.minimum(content + 1, top)]
        in_array = (first == _ARRAY) & (second == _OPEN)
        self.opens: Mask = ((length == 1) & (first == _OPEN)) | ((length == 2) & in_array)
        self.closes: Mask = (first == _CLOSE) & ((length == 1) | ((length == 2) & _among(second, _COMMA, _ARRAY_END)))
        bracket = (length == 1) & _among(first, _ARRAY, _ARRAY_END, _COMMA)
        named = (length > len(_RECORD)) & (length <= 30) & (self.depth == 0)
        for at, letter in enumerate(_RECORD.tolist()):
            named &= array[np.minimum(content + at, top)] == letter
        digit = array[np.clip(last - 1, 0, top)]
        self.between: Mask = bracket | (named & (digit >= ord("0")) & (digit <= ord("9")))
        # One element a line: the array's bracket before it and the comma after it are not its own.
        content = content + ((length > 1) & in_array)
        ending = array[np.clip(last - 1, 0, top)]
        before = array[np.clip(last - 2, 0, top)]
        last = last - ((last - content > 2) & _among(ending, _COMMA, _ARRAY_END) & (before == _CLOSE))
        first, ending = array[np.minimum(content, top)], array[np.clip(last - 1, 0, top)]
        self.single: Mask = (last - content > 1) & (first == _OPEN) & (ending == _CLOSE)
        self.content, self.last = content, last


def _among(values: Bytes, *allowed: int) -> Mask:
    found: Mask = values == allowed[0]
    for each in allowed[1:]:
        found = found | (values == each)
    return found
