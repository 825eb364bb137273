"""Search the raw lines of a block for the rules' literals, so that conditions run on few candidates.

Hyperscan does the search where it is installed (it has no build for some platforms), else ahocorasick_rs; both give
the same lines. A finished ``LinePrefilter`` may be used by several threads at once: Hyperscan works without the
interpreter lock and its database is read-only, only its scratch space must belong to one thread.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from brokenseal.detections.literals import FOLDED
from brokenseal.detections.windows_logs import PREFIX

if TYPE_CHECKING:
    from brokenseal.detections.rules import Rule

Lines = npt.NDArray[np.int64]
SearchEngine = Literal["hyperscan", "ahocorasick"]

#: With more texts than this, comparing each with each would cost more than it saves.
_MANY = 3000


class _Searcher(Protocol):
    def ends(self, block: bytes | memoryview) -> list[int]:
        """Where matches end (exclusive), in any order; at least one for every line that has a match."""


def literals_by_kind(rules: Iterable[Rule]) -> dict[str, frozenset[str]]:
    """What has to be searched for so that every candidate line of *rules* is found.

    Rules without literals (``Rule.literals(kind) is None``) are not covered: they need the whole table. Nor are Windows
    events, which are searched when they are judged.
    """
    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        for kind in rule.kinds:
            if kind.startswith(PREFIX):
                continue
            literals = rule.literals(kind)
            if literals:
                found[kind] = found.get(kind, frozenset()) | literals
    return found


def available_engine() -> SearchEngine:
    """'hyperscan' where it can be imported, else 'ahocorasick'."""
    try:
        import hyperscan  # noqa: F401 - optional
    except ImportError:
        return "ahocorasick"
    return "hyperscan"


class LinePrefilter:
    """Finds the lines that contain at least one literal, without regard to ASCII case.

    ``literals``: kind → lower-case ASCII texts without line ends. ``fingerprint``: SHA-256 (hexadecimal) of them,
    equal for equal literals.
    """

    def __init__(self, literals: Mapping[str, Collection[str]], *, engine: SearchEngine | None = None) -> None:
        self.engine: SearchEngine = engine or available_engine()
        listed = {kind: sorted(set(texts)) for kind, texts in sorted(literals.items()) if texts}
        lines = (f"{kind}\0{text}\n" for kind, texts in listed.items() for text in texts)
        self.fingerprint = hashlib.sha256("".join(lines).encode()).hexdigest()
        build = _Hyperscan if self.engine == "hyperscan" else _AhoCorasick
        self._searchers: dict[str, _Searcher] = {kind: build(_patterns(texts)) for kind, texts in listed.items()}

    def match(self, kind: str, block: bytes | memoryview, newline_positions: Lines) -> Lines:
        """Indexes of the lines of *block* that have a literal: sorted, each once.

        ``newline_positions`` are the ascending offsets of the line feeds in *block*; text after the last is one more
        line.
        """
        searcher = self._searchers.get(kind)
        if searcher is None:
            return np.zeros(0, dtype=np.int64)
        ends = np.array(searcher.ends(block), dtype=np.int64)
        return np.unique(np.searchsorted(newline_positions, ends - 1, side="left")).astype(np.int64)


def _patterns(texts: list[str]) -> list[bytes]:
    """The texts to search for, shortest first, without those that contain another one: they find nothing more."""
    kept: list[str] = []
    for text in sorted(texts, key=lambda text: (len(text), text)):
        if len(kept) > _MANY or not any(shorter in text for shorter in kept):
            kept.append(text)
    return [text.encode("ascii") for text in kept] + [letter.encode() for letter in FOLDED]


class _Hyperscan:
    def __init__(self, patterns: list[bytes]) -> None:
        import hyperscan

        self._new_scratch: Callable[..., object] = hyperscan.Scratch
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in pattern) for pattern in patterns],
            ids=list(range(len(patterns))),
            flags=hyperscan.HS_FLAG_CASELESS,
        )
        self._own = threading.local()

    def ends(self, block: bytes | memoryview) -> list[int]:
        scratch = getattr(self._own, "scratch", None)
        if scratch is None:
            scratch = self._own.scratch = self._new_scratch(self._database)
        found: list[int] = []
        add = found.append
        self._database.scan(
            block, match_event_handler=lambda _id, _start, end, _flags, _context: add(end), scratch=scratch
        )
        return found


class _AhoCorasick:
    def __init__(self, patterns: list[bytes]) -> None:
        import ahocorasick_rs

        self._automaton = ahocorasick_rs.BytesAhoCorasick(patterns)

    def ends(self, block: bytes | memoryview) -> list[int]:
        # Matches that overlap a found one are not reported; they are on the same line, since no pattern has a line
        # feed.
        return [end for _index, _start, end in self._automaton.find_matches_as_indexes(bytes(block).lower())]
