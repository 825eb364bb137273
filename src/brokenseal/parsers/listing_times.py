"""The times of a listing: in UTC, or as the machine showed them to its user, where day and month may come in either order.

What one time of a file tells of that order holds for all of it (see :mod:`brokenseal.parsers.local_dates`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.decoding import Mask, Positions
from brokenseal.parsers.file_listing import instants, rfc3339
from brokenseal.parsers.local_dates import Readings, read_dates
from brokenseal.parsers.times import FIRST_MS, LAST_MS, as_chunked, within_years
from brokenseal.parsers.winevent_columns import zoned

NO_TIME = "time cannot be read"
OTHER_TIME = "row has no time of modification (its creation or another time is taken)"
NO_ZONE = "time of an unknown zone (taken as UTC)"
MONTH_FIRST = "day and month of the time cannot be told apart; month first taken"
DAY_FIRST = "day and month of the time cannot be told apart; day first taken"
#: So much of a file is read before day and month are given up to be told apart.
UNTOLD_BYTES = 32 << 20

#: Which time stands for the row where it has none of modification.
_INSTEAD = ("modified", "created", "changed", "fn_modified", "fn_created", "accessed")


class Clock(NamedTuple):
    """One column of times: as text, in milliseconds where it can be read at once, and the readings of what cannot.

    ``utc``: times that say no zone are UTC.
    """

    texts: pa.ChunkedArray
    milliseconds: pa.ChunkedArray
    dates: Readings | None
    utc: bool

    @staticmethod
    def of(texts: pa.ChunkedArray, *, utc: bool) -> Clock:
        milliseconds = instants(texts)
        odd = np.asarray(pc.and_(pc.is_valid(texts), pc.is_null(milliseconds)))
        return Clock(texts, milliseconds, read_dates(texts) if odd.any() else None, utc)

    def take(self, rows: Positions) -> Clock:
        place = pa.array(rows)
        dates = None if self.dates is None else self.dates.take(rows)
        return Clock(self.texts.take(place), self.milliseconds.take(place), dates, self.utc)

    def told(self) -> Positions:
        """For each row: 1 if its text tells that the month is first, -1 that the day is, else 0."""
        if self.dates is None:
            return np.zeros(len(self.texts), dtype=np.int64)
        return np.where(self._read_at_once(), 0, self.dates.told.astype(np.int64))

    def read(self, month_first: bool | None) -> tuple[pa.ChunkedArray, Mask]:
        """Milliseconds (int64, null where it is no time), and which hang on the order of day and month."""
        known = self._read_at_once()
        if self.dates is None:
            return self.milliseconds, np.zeros_like(known)
        first = self.dates.slashes if month_first is None else np.full(len(known), month_first)
        chosen = np.where(first, self.dates.month_first, self.dates.day_first)
        values = np.where(known, np.asarray(pc.fill_null(self.milliseconds, 0)), chosen)
        valid = known | self.dates.known
        valid &= (values >= FIRST_MS) & (values <= LAST_MS)
        return as_chunked(pa.array(values, mask=~valid)), ~known & self.dates.ambiguous

    def zoneless(self) -> Mask:
        """Where a time says no zone, and it is not known to be UTC."""
        if self.utc:
            return np.zeros(len(self.texts), dtype=np.bool_)
        unsaid: Mask = np.asarray(pc.is_valid(self.texts)) & ~zoned(self.texts)
        return unsaid if self.dates is None else unsaid | (~self._read_at_once() & ~self.dates.zoned & self.dates.known)

    def _read_at_once(self) -> Mask:
        return np.asarray(pc.is_valid(self.milliseconds))


def told(clocks: Mapping[str, Clock], count: int) -> Positions:
    """For each row what its times tell of the order of day and month (see :meth:`Clock.told`)."""
    found = np.zeros(count, dtype=np.int64)
    for clock in clocks.values():
        found = np.where(found == 0, clock.told(), found)
    return found


class Told(NamedTuple):
    """The times of some rows: ``time`` (null: there is none), and each by its name as text and in milliseconds."""

    time: pa.ChunkedArray
    texts: dict[str, pa.ChunkedArray]
    milliseconds: dict[str, pa.ChunkedArray]


def read_clocks(clocks: Mapping[str, Clock], month_first: bool | None, warnings: Counter[str]) -> Told:
    """The columns of *clocks*; what is not certain is counted in *warnings*."""
    milliseconds: dict[str, pa.ChunkedArray] = {}
    texts: dict[str, pa.ChunkedArray] = {}
    count = len(next(iter(clocks.values())).texts)
    unsure, slashes, zoneless = (np.zeros(count, dtype=np.bool_) for _ in range(3))
    for name, clock in clocks.items():
        milliseconds[name], ambiguous = clock.read(month_first)
        if month_first is None and clock.dates is not None:
            unsure |= ambiguous
            slashes |= ambiguous & clock.dates.slashes
        zoneless |= clock.zoneless()
        texts[name] = rfc3339(clock.texts, milliseconds[name])
    time = pc.coalesce(*(milliseconds[name] for name in _INSTEAD if name in milliseconds))
    instead = pc.and_(pc.is_null(milliseconds["modified"]), pc.is_valid(time))
    for reason, number in (
        (OTHER_TIME, pc.sum(instead).as_py() or 0),
        (NO_ZONE, int(np.count_nonzero(zoneless))),
        (MONTH_FIRST, int(np.count_nonzero(unsure & slashes))),
        (DAY_FIRST, int(np.count_nonzero(unsure & ~slashes))),
    ):
        if number:
            warnings[reason] += number
    return Told(within_years(as_chunked(time)), texts, milliseconds)
