"""Texts of event records as the worker cuts them: a head that many share, then what is each record's own.

``before TIME stamp CHANNEL after DATA data}}`` is the JSON of an event; ``before`` and ``after`` are the head (see
``evtx_worker``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.evtx_worker import CHANNEL, DATA, TIME, WHOLE

Lengths = npt.NDArray[np.int32]

#: What closes the event behind its data.
_END = "}}"


@dataclass(frozen=True, slots=True)
class Cut:
    """How texts are cut: the length of each one's stamp, the number of its head (WHOLE: it is not), and the heads.

    A head is two lines: what stands before the stamp, and what stands between it and the data.
    """

    stamps: Lengths
    heads: Lengths
    head_texts: Sequence[str]

    @classmethod
    def none(cls, count: int) -> Cut:
        """Of *count* texts, none is cut."""
        whole = np.full(count, WHOLE, np.int32)
        return cls(whole, whole, ())

    @classmethod
    def of(cls, stamps: Lengths, heads: Lengths, lines: bytes) -> Cut:
        """As the worker tells it: the lines of all heads."""
        listed = lines.decode().split("\n") if lines else []
        return cls(
            stamps, heads, [f"{before}\n{after}" for before, after in zip(listed[::2], listed[1::2], strict=True)]
        )

    @property
    def head_bytes(self) -> int:
        """What the heads of all texts take, which their columns will."""
        sizes = np.array([*map(len, self.head_texts), 0])
        return int(sizes[self.heads].sum())

    def part(self, span: slice) -> Cut:
        """The same of some of the texts."""
        return Cut(self.stamps[span], self.heads[span], self.head_texts)


def uncut(head: str, stamp: str, data: str) -> str:
    """The JSON of an event."""
    before, after = head.split("\n")
    return f"{before}{TIME}{stamp}{CHANNEL}{after}{DATA}{data}{_END}"


class CutTexts:
    """The texts of records, one after the other in *text* (UTF-8, each ``lengths`` bytes), and how they are cut.

    ``heads``: for each the number of its head in ``head_texts`` (WHOLE: it is not cut).
    """

    def __init__(self, lengths: Lengths, cuts: Iterable[Cut], text: bytes) -> None:
        known: dict[str, int] = {}
        stamps, heads = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for cut in cuts:
            stamps.append(cut.stamps)
            numbers = [known.setdefault(head, len(known)) for head in cut.head_texts]
            # The last one is for WHOLE, which counts from the end.
            heads.append(np.array([*numbers, WHOLE])[cut.heads])
        self.heads = np.concatenate(heads)
        self.head_texts = list(known)
        own = np.concatenate(stamps)
        bounds = np.zeros(3 * len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=bounds[3::3])
        bounds[1::3] = bounds[:-1:3] + np.maximum(own, 0)
        bounds[2::3] = bounds[3::3] - np.where(own == WHOLE, 0, len(_END)).astype(np.int32)
        self._parts = pa.StringArray.from_buffers(3 * len(lengths), pa.py_buffer(bounds), pa.py_buffer(text))

    def __len__(self) -> int:
        return len(self.heads)

    def stamps(self, rows: Positions) -> pa.StringArray:
        """Of cut texts: what stands between the parts of the head."""
        return self._parts.take(pa.array(3 * rows))

    def data(self, rows: Positions) -> pa.StringArray:
        """Of cut texts: the event's own data. Of others, all."""
        return self._parts.take(pa.array(3 * rows + 1))

    def whole(self, rows: Positions) -> pa.StringArray:
        """The texts as they were before they were cut."""
        cut = self.heads[rows] != WHOLE
        if not cut.any():
            return self.data(rows)
        heads = self.heads[rows].tolist()
        texts = self.data(rows).to_pylist()
        stamps = self.stamps(rows).to_pylist()
        return pa.array(
            [
                text if head == WHOLE else uncut(self.head_texts[head], stamp, text)
                for head, stamp, text in zip(heads, stamps, texts, strict=True)
            ],
            pa.string(),
        )
