"""Read dates as a machine shows them to its user, where day and month may come in either order.

``3/4/2021 5:06:07 PM`` is the 4th of March or the 3rd of April. A value above 12 tells, and what one time tells holds for
the whole file; until one does, both readings are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.times import DAY_MS, FIRST_MS, LAST_MS

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SHAPE = (
    r"^\s*(?P<a>[0-9]{1,4})(?P<by>[./-])\s?(?P<b>[0-9]{1,2})[./-]\s?(?P<c>[0-9]{1,4})\.?,?[ T]+"
    r"(?P<h>[0-9]{1,2})[:.](?P<m>[0-9]{2})(?:[:.](?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?\s*$"
)
_SPACES = "[\u00a0\u202f]"
_MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


class Readings(NamedTuple):
    """Times in milliseconds as if they were UTC, read with the month first and with the day first.

    Where only one reading is a date, both are that one; where none is, ``known`` is false. ``told``: which order the text
    itself tells (1 month first, -1 day first, 0 none). ``zoned``: the text says its zone (the times are UTC then).
    ``slashes``: the parts of the date are divided by '/'.
    """

    month_first: Numbers
    day_first: Numbers
    known: Mask
    told: npt.NDArray[np.int8]
    zoned: Mask
    slashes: Mask

    @property
    def ambiguous(self) -> Mask:
        differ: Mask = self.known & (self.month_first != self.day_first)
        return differ

    def take(self, rows: Numbers) -> Readings:
        return Readings(
            self.month_first[rows],
            self.day_first[rows],
            self.known[rows],
            self.told[rows],
            self.zoned[rows],
            self.slashes[rows],
        )


def read_dates(values: pa.ChunkedArray) -> Readings:
    """All readings of *values* (text)."""
    text = pc.replace_substring_regex(values.combine_chunks(), _SPACES, " ")
    parts = pc.extract_regex(text, _SHAPE)

    def word(name: str) -> pa.Array:
        return pc.fill_null(pc.struct_field(parts, name), "")

    def number(name: str) -> Numbers:
        # Milliseconds are the first three digits of a fraction, which may have fewer.
        digits = pc.utf8_rpad(pc.utf8_slice_codeunits(word(name), 0, 3), 3, "0") if name == "f" else word(name)
        return np.asarray(pc.if_else(pc.equal(digits, ""), "0", digits).cast(pa.int64()))

    first, second, third = number("a"), number("b"), number("c")
    year_first = np.asarray(pc.equal(pc.utf8_length(word("a")), 4))
    year = np.where(
        year_first, first, np.where(np.asarray(pc.equal(pc.utf8_length(word("c")), 2)), third + 2000, third)
    )
    clock, matched = _clock(number, word("half"))
    matched &= np.asarray(pc.is_valid(parts))
    since_midnight = clock - _zone(word("zone"))
    by_month, month_known = _days(year, np.where(year_first, second, first), np.where(year_first, third, second))
    by_day, day_known = _days(year, second, first)
    month_known, day_known = month_known & matched, day_known & matched & ~year_first
    month_first, day_first = (days * DAY_MS + since_midnight for days in (by_month, by_day))
    month_first, day_first = np.where(month_known, month_first, day_first), np.where(day_known, day_first, month_first)
    known = month_known | day_known
    known &= (np.minimum(month_first, day_first) >= FIRST_MS) & (np.maximum(month_first, day_first) <= LAST_MS)
    told = np.where(known & ~year_first, month_known.astype(np.int8) - day_known.astype(np.int8), 0).astype(np.int8)
    zoned = np.asarray(pc.not_equal(word("zone"), ""))
    return Readings(month_first, day_first, known, told, zoned, np.asarray(pc.equal(word("by"), "/")))


def _clock(number: Callable[[str], Numbers], half: pa.Array) -> tuple[Numbers, Mask]:
    """Milliseconds since midnight, and where they are a time of day."""
    hours = number("h")
    letters = pc.utf8_lower(pc.utf8_slice_codeunits(half, 0, 1))
    morning, afternoon = (np.asarray(pc.equal(letters, letter)) for letter in ("a", "p"))
    twelve = (morning | afternoon) & (hours == 12)
    known = (hours <= np.where(morning | afternoon, 12, 23)) & (number("m") <= 59) & (number("s") <= 59)
    hours = np.where(twelve, 0, hours) + np.where(afternoon, 12, 0)
    return (hours * 3600 + number("m") * 60 + number("s")) * 1000 + number("f"), known


def _days(year: Numbers, month: Numbers, day: Numbers) -> tuple[Numbers, Mask]:
    """Days since 1970, and where the parts are a date."""
    known = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = _MONTH_DAYS[np.where(known, month, 0)] - ((month == 2) & ~leap)
    known &= day <= length
    months = np.where(known, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + np.where(known, day - 1, 0), known


def _zone(zones: pa.Array) -> Numbers:
    """Milliseconds east of UTC."""
    size = pc.replace_substring_regex(zones, "[^0-9]", "")
    digits = np.asarray(pc.if_else(pc.equal(size, ""), "0", size).cast(pa.int64()))
    east = (digits // 100 * 60 + digits % 100) * 60_000
    size_east: Numbers = np.where(np.asarray(pc.starts_with(zones, "-")), -east, east)
    return size_east
