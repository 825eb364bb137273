"""Times of events that were written by somebody's local clock: what they are in UTC, as far as the events tell.

A collector may write the local time of the machine it runs on, without a zone or even as if it were UTC (the OTRF data sets
do). Sysmon events carry their own ``UtcTime``; the difference, in whole quarters of an hour as zones have it, puts right the
time of the event itself and of the events of the same machine after it in the file. Failing that, a time without a zone is
compared with the time of its arrival, which collectors write in UTC. Failing that too, it is taken as UTC and counted.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Moments = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

TAKEN_AS_UTC = "time has no zone; taken as UTC"
PUT_RIGHT = "time was local by the Sysmon events' own UtcTime; put right to UTC"
PUT_RIGHT_BY_ARRIVAL = "time has no zone; put right by the time of its arrival"

_QUARTER = 900_000
#: The zones of the world, and how much later (or earlier, by rounding) than it happened an event may be written down.
_EAST, _WEST = 14 * 3_600_000, -12 * 3_600_000
_LATEST, _EARLIEST = 300_000, -60_000
#: More machines than any collection has; a hostile file must not grow the memory without end.
MOST_HOSTS = 10_000


class Written(NamedTuple):
    """Times as they were written, in milliseconds as if they were UTC: one a row, in the order of the file.

    ``zoned``: the text says its zone. ``utc``: the event's own time in UTC where it has one; ``arrived``: when a collector
    got it. Where ``has_…`` is false the number means nothing.
    """

    moments: Moments
    zoned: Mask
    utc: Moments
    has_utc: Mask
    arrived: Moments
    has_arrived: Mask


class Clocks:
    """The clocks of the machines in one file: how far each is from UTC, as of the last event that told."""

    def __init__(self) -> None:
        self._shifts: dict[str | None, int] = {}

    def to_utc(self, written: Written, hosts: pa.ChunkedArray) -> tuple[Moments, Counter[str]]:
        """The times in UTC, and warnings."""
        shifts, known = self._told(written, hosts)
        told_now, tells = _shift(written.moments, written.arrived)
        by_arrival = ~known & ~written.zoned & written.has_arrived & tells
        assumed = ~known & ~written.zoned & ~by_arrival
        shift = np.where(known, shifts, np.where(by_arrival, told_now, 0))
        warnings = Counter(
            {
                PUT_RIGHT: int(np.count_nonzero(known & (shift != 0))),
                PUT_RIGHT_BY_ARRIVAL: int(np.count_nonzero(by_arrival & (shift != 0))),
                TAKEN_AS_UTC: int(np.count_nonzero(assumed)),
            }
        )
        return written.moments - shift, +warnings

    def _told(self, written: Written, hosts: pa.ChunkedArray) -> tuple[Moments, Mask]:
        """For each row the shift that the last Sysmon event of its machine, up to the row itself, told; and whether any."""
        shift, tells = _shift(written.moments, written.utc)
        tells &= written.has_utc
        encoded = pc.dictionary_encode(hosts.combine_chunks(), null_encoding="encode")
        names: list[str | None] = encoded.dictionary.to_pylist()
        if not tells.any() and not any(name in self._shifts for name in names):
            return np.zeros_like(shift), tells
        codes = np.asarray(encoded.indices, dtype=np.int64)
        order = np.argsort(codes, kind="stable")
        number = np.arange(len(order), dtype=np.int64)
        last = np.maximum.accumulate(np.where(tells[order], number, -1))
        first = np.searchsorted(codes[order], np.arange(len(names)))
        own = last >= first[codes[order]]
        before = np.array([self._shifts.get(name, 0) for name in names], dtype=np.int64)[codes[order]]
        before_known = np.array([name in self._shifts for name in names])[codes[order]]
        shifts, known = np.empty_like(shift), np.empty_like(tells)
        shifts[order] = np.where(own, shift[order][np.maximum(last, 0)], before)
        known[order] = own | before_known
        ends = np.append(first[1:], len(order)) - 1
        for name, end in zip(names, ends.tolist(), strict=True):
            if own[end] and (name in self._shifts or len(self._shifts) < MOST_HOSTS):
                self._shifts[name] = int(shift[order][last[end]])
        return shifts, known


def _shift(written: Moments, reference: Moments) -> tuple[Moments, Mask]:
    """The zone (milliseconds east of UTC) in which *written* was written, if *reference* is the same moment in UTC; and
    where that can be."""
    away = written - reference
    shift = (away - _EARLIEST) // _QUARTER * _QUARTER
    late = away - shift
    return shift, (late >= _EARLIEST) & (late <= _LATEST) & (shift >= _WEST) & (shift <= _EAST)
