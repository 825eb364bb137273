"""Rows of Windows events that are alike in all that rules look at, as one: servers do the same all day.

What differs from event to event although nothing else does (its number, its time) counts only where a rule looks at it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.int64]

#: What says which event it is.
_KEY = ("source_id", "line")
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class AlikeRows:
    """``table``: one row of each kind, the others gone. ``members``: source_id and line of all; ``of``: the row of each."""

    table: pa.Table
    members: pa.Table
    of: Places

    def matched(self, rows: Places) -> Places:
        """The places in ``members`` of all that are like one of *rows* (places in ``table``)."""
        hit = np.zeros(self.table.num_rows, dtype=np.bool_)
        hit[rows] = True
        return np.flatnonzero(hit[self.of])


def alike_rows(batch: pa.Table, columns: Collection[str]) -> AlikeRows:
    """The rows of *batch*, one of each kind: those equal in all of *columns*."""
    first, of = _kinds(batch, columns)
    if len(first) == batch.num_rows:
        return AlikeRows(batch, batch.select(_KEY), of)
    # Copies: a column of a batch that came from the engine would keep all of the batch.
    return AlikeRows(batch.take(pa.array(first)), batch.select(_KEY).take(pa.array(np.arange(len(of)))), of)


def joined(parts: Sequence[AlikeRows], columns: Collection[str]) -> AlikeRows:
    """All of *parts* as one."""
    if len(parts) == 1:
        return parts[0]
    again = alike_rows(pa.concat_tables([part.table for part in parts]), columns)
    starts = np.cumsum([0, *(part.table.num_rows for part in parts)])
    of = np.concatenate([again.of[part.of + start] for part, start in zip(parts, starts[:-1].tolist(), strict=True)])
    return AlikeRows(again.table, pa.concat_tables([part.members for part in parts]), of)


def _kinds(batch: pa.Table, columns: Collection[str]) -> tuple[Places, Places]:
    """The first row of each kind, and each row's place among these."""
    key = np.zeros(batch.num_rows, dtype=np.int64)
    size = 1
    # What tells most rows apart first: where all are different there is nothing more to ask.
    for name in sorted(columns, key=lambda name: name != "Data"):
        encoded = batch.column(name).combine_chunks().dictionary_encode(null_encoding="encode")
        count = len(encoded.dictionary)
        if count == batch.num_rows:
            every = np.arange(batch.num_rows)
            return every, every
        if size * count > _MOST:
            _, key = np.unique(key, return_inverse=True)
            size = batch.num_rows
        key = key * count + np.asarray(encoded.indices)
        size *= max(count, 1)
    _, first, of = np.unique(key, return_index=True, return_inverse=True)
    if len(first) == batch.num_rows:
        every = np.arange(batch.num_rows)
        return every, every
    return first, of.reshape(-1)
