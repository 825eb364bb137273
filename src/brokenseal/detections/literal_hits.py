"""Which literal stands in which text: a search for thousands of literals at once in a column of texts.

Unlike ``prefilter.LinePrefilter``, which only says which lines are worth a look, this tells the literals apart, so that each
rule looks at its own candidates. Hyperscan does the search where it is installed, else ahocorasick_rs; the hits are
the same.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.literals import FOLDED
from brokenseal.detections.prefilter import SearchEngine, available_engine

Numbers = npt.NDArray[np.int64]


class _Searcher(Protocol):
    def matches(self, text: memoryview) -> tuple[list[int], list[int]]:
        """Pattern numbers, and where each match ends (exclusive); overlapping ones too."""


class LiteralHits:
    """Finds literals (lower case) without regard to ASCII case.

    ``numbers`` maps each literal to its number. The object may be used by several threads at once. ``serialised`` (of an
    object made before, with the same literals) saves compiling; see :meth:`serialise`.
    """

    def __init__(
        self, literals: Collection[str], *, engine: SearchEngine | None = None, serialised: bytes | None = None
    ) -> None:
        self.engine: SearchEngine = engine or available_engine()
        listed = sorted(set(literals))
        self.numbers = {text: number for number, text in enumerate(listed)}
        self._folded = len(listed)
        #: Whether no literal has a part of what divides two texts in JSON (see :func:`hits_in_values`).
        self.unquoted = not any('"' in text or text == "," for text in listed)
        patterns = [text.encode() for text in listed] + [letter.encode() for letter in FOLDED]
        self._searcher: _Searcher = (
            _Hyperscan(patterns, serialised) if self.engine == "hyperscan" else _AhoCorasick(patterns)
        )

    def serialise(self) -> bytes | None:
        """The compiled search for reuse by this machine's same library, None where there is no such thing."""
        return self._searcher.serialise() if isinstance(self._searcher, _Hyperscan) else None

    def find(self, texts: pa.Array) -> tuple[Numbers, Numbers]:
        """Literal number and row of each hit, sorted by number; a literal that stands twice in a row comes twice.

        A row that holds a letter whose lower case is ASCII, as the Kelvin sign, hits every literal: the number -1.
        """
        if len(texts) == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        large = texts.cast(pa.large_string())
        _, offsets_buffer, data = large.buffers()
        offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
        if data is None or offsets[-1] == offsets[0]:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        start = int(offsets[0])
        found, ends = self._searcher.matches(memoryview(data)[start : int(offsets[-1])])
        rows = np.searchsorted(offsets[1:], np.array(ends, dtype=np.int64) + start, side="left")
        numbers = np.array(found, dtype=np.int64)
        numbers[numbers >= self._folded] = -1
        # A match may begin in the text before: then the row is a candidate too many, never one too few.
        # Sorting 16-bit numbers is many times faster.
        order = np.argsort(numbers.astype(np.int16) if self._folded < 1 << 15 else numbers, kind="stable")
        return numbers[order], rows[order]


def hits_in_values(hits: LiteralHits, texts: pa.Array) -> tuple[Numbers, Numbers]:
    """What ``hits.find(texts)`` gives for literals without a quote; *texts* are, or have in them, JSON.

    They are cut where one text in the JSON ends and the next one begins, and pieces that are the same are searched once:
    what is new in an event is mostly a number or two.
    """
    cut = pc.split_pattern(texts, '","')
    pieces = cut.flatten().dictionary_encode()
    # With a quote behind each, no match reaches from one piece into the next.
    found, places = hits.find(pc.binary_join_element_wise(pieces.dictionary, "", '"'))
    codes, rows = np.asarray(pieces.indices), np.asarray(pc.list_parent_indices(cut)).astype(np.int64)
    # Only where a piece with a hit stands is of interest.
    has = np.zeros(len(pieces.dictionary), dtype=np.bool_)
    has[places] = True
    chosen = np.flatnonzero(has[codes])
    order = chosen[np.argsort(codes[chosen], kind="stable")]
    stands = rows[order]
    starts = np.searchsorted(codes[order], np.arange(len(has) + 1))
    counts = starts[places + 1] - starts[places]
    # For each hit of a piece, all rows where it stands, one after the other.
    firsts = np.repeat(starts[places] - (np.cumsum(counts) - counts), counts)
    return np.repeat(found, counts), stands[firsts + np.arange(len(firsts))]


class _Hyperscan:
    def __init__(self, patterns: list[bytes], serialised: bytes | None) -> None:
        import hyperscan

        self._new_scratch = hyperscan.Scratch
        self._database: Any = None
        if serialised is not None:
            try:
                self._database = hyperscan.loadb(serialised, mode=hyperscan.HS_MODE_BLOCK)
            except Exception:  # noqa: BLE001 - of another version or processor: compile anew
                self._database = None
        if self._database is None:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=[b"".join(b"\\x%02x" % byte for byte in pattern) for pattern in patterns],
                ids=list(range(len(patterns))),
                flags=hyperscan.HS_FLAG_CASELESS,
            )
        self._own = threading.local()

    def serialise(self) -> bytes:
        import hyperscan

        return bytes(hyperscan.dumpb(self._database))

    def matches(self, text: memoryview) -> tuple[list[int], list[int]]:
        scratch = getattr(self._own, "scratch", None)
        if scratch is None:
            scratch = self._own.scratch = self._new_scratch(self._database)
        numbers: list[int] = []
        ends: list[int] = []
        add_number, add_end = numbers.append, ends.append

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            add_number(number)
            add_end(end)

        self._database.scan(text, match_event_handler=on_match, scratch=scratch)
        return numbers, ends


class _AhoCorasick:
    def __init__(self, patterns: list[bytes]) -> None:
        import ahocorasick_rs

        self._automaton = ahocorasick_rs.BytesAhoCorasick(patterns)

    def matches(self, text: memoryview) -> tuple[list[int], list[int]]:
        found = self._automaton.find_matches_as_indexes(bytes(text).lower(), overlapping=True)
        return [number for number, _, _ in found], [end for _, _, end in found]
