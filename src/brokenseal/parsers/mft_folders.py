"""The folders of a master file table: which lie below a web folder, and the path of each.

A record names the folder it lies in by number and sequence; the folder may be gone and its record used again, and damaged
records may name each other in a circle. Nothing here loops over records or follows a chain without end.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.decoding import Mask, Positions
from brokenseal.parsers.mft_records import GOOD, Records
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.web_paths import FOLDERS

ROOT = 5
#: Stands for the folders above that are not known.
UNKNOWN_FOLDER = "\\[unknown folder]"
#: A path of more folders than this is damaged or hostile; its upper part counts as not known.
MOST_FOLDERS = 64

_PARTS = tuple(sorted({part for folder in FOLDERS for part in folder}))
_SINGLE = [_PARTS.index(folder[0]) for folder in FOLDERS if len(folder) == 1]
_PAIRS = [
    _PARTS.index(first) * len(_PARTS) + _PARTS.index(second) for first, second in (f for f in FOLDERS if len(f) == 2)
]


class Folders:
    """Folders by the number of their record; fed with all records in order, then :meth:`finish`, then asked."""

    def __init__(self) -> None:
        self._entries: list[Positions] = []
        self._parents: list[Positions] = []
        self._parent_sequences: list[Positions] = []
        self._names: list[pa.Array] = []
        self._sequences: list[Positions] = []
        self._in_use: list[Mask] = []
        #: Folder's place in the arrays by record number; the last place stands for 'not known'.
        self._place = self._above = np.zeros(0, dtype=np.int64)
        self._number = self._sequence = np.zeros(0, dtype=np.int64)
        self._used = self._kept = np.zeros(0, dtype=np.bool_)
        self._name = pa.array([], pa.string())

    def feed(self, records: Records) -> None:
        names = records.names
        own = records.folder & (records.state == GOOD) & ~records.extends
        rows, first = np.unique(names.rows, return_index=True)
        chosen = own[rows]
        rows, first = rows[chosen], first[chosen]
        self._entries.append(records.entries[rows])
        self._parents.append(names.parents[first])
        self._parent_sequences.append(names.parent_sequences[first])
        self._names.append(names.names.take(pa.array(first)))
        self._sequences.append(records.sequences[rows])
        self._in_use.append(records.in_use[rows])

    def finish(self, records: int) -> None:
        """Work out which folders are kept; *records*: how many there are in the file."""
        if not self._entries:
            return
        self._number = np.concatenate(self._entries)
        self._sequence = np.append(np.concatenate(self._sequences), -1)
        self._used = np.append(np.concatenate(self._in_use), False)
        self._name = pa.chunked_array(self._names).combine_chunks()
        count = len(self._number)
        self._place = np.full(records, count, dtype=np.int64)
        self._place[self._number] = np.arange(count)
        above = self.places(np.concatenate(self._parents), np.concatenate(self._parent_sequences))
        self._above = np.append(np.where(self._number == ROOT, count, above), count)
        code = pc.index_in(pc.utf8_lower(self._name), pa.array(_PARTS))
        codes = np.append(np.asarray(pc.fill_null(code, -1)).astype(np.int64), -1)
        pairs = codes[self._above] * len(_PARTS) + codes
        kept = np.isin(codes, _SINGLE) | (np.isin(pairs, _PAIRS) & (codes[self._above] >= 0) & (codes >= 0))
        upper = self._above
        for _ in range(count.bit_length()):
            kept = kept | kept[upper]
            upper = upper[upper]
        self._kept = kept

    def places(self, entries: Positions, sequences: Positions) -> Positions:
        """Where the folders stand that are named so; the last place for one that is not known or no more the same."""
        unknown = len(self._number)
        inside = (entries >= 0) & (entries < len(self._place))
        place = np.where(inside, self._place[np.where(inside, entries, 0)] if len(self._place) else unknown, unknown)
        # When a folder is removed, its record gets the next number and keeps it until it is used again.
        same = (self._sequence[place] == sequences) | (~self._used[place] & (self._sequence[place] == sequences + 1))
        return np.where(same | (entries == ROOT), place, unknown)

    def kept(self, places: Positions) -> Mask:
        """Which of the folders are web folders or lie below one."""
        return self._kept[places]

    def kept_entries(self, entries: Positions) -> Mask:
        """Which records are those of folders that are kept."""
        return self._kept[self._place[entries]]

    def paths(self, places: Positions) -> pa.ChunkedArray:
        """The path of each folder from its volume on (``''`` for the root)."""
        wanted, where = np.unique(places, return_inverse=True)
        unknown = len(self._number)
        path = pa.array([""] * len(wanted), pa.string())
        at = wanted.copy()
        for _ in range(MOST_FOLDERS):
            going = np.flatnonzero((at != unknown) & (self._number[np.minimum(at, unknown - 1)] != ROOT))
            if not len(going):
                break
            longer = pc.binary_join_element_wise("", self._name.take(pa.array(at[going])), "\\")
            longer = pc.binary_join_element_wise(longer, path.take(pa.array(going)), "")
            mask = np.zeros(len(at), dtype=np.bool_)
            mask[going] = True
            path = pc.replace_with_mask(path, mask, longer)
            at[going] = self._above[at[going]]
        lost = (at == unknown) | (self._number[np.minimum(at, unknown - 1)] != ROOT)
        start = pc.if_else(pa.array(lost), UNKNOWN_FOLDER, "")
        return as_chunked(pc.binary_join_element_wise(start, path, "").take(pa.array(where)))
