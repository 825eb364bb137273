"""Read the times of logs, in bulk: ISO 8601, W3C dates and clocks, local time.

All functions give milliseconds since 1970 (UTC unless said), null where a text is no time. A text is read the same way
whatever stands around it: nothing here depends on the other values of the array.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.columns import NULL_TEXT, UTC_MS

DAY_MS = 86_400_000
#: What Python and every consumer of the tables can show: the years 1 to 9999.
FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999

_CANONICAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
_ISO = (
    r"^(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)"
    r"(?:Z|(?P<sign>[+-])(?P<hours>0[0-9]|1[0-4]):?(?P<minutes>[0-5][0-9]))?$"
)
_CLOCK = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}))?")
#: Clocks are changed at multiples of a quarter of an hour.
_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1)


def iso_time(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """ISO 8601 text (``YYYY-MM-DDTHH:MM:SS[.fraction][Z|+hh:mm]``, UTC if it says nothing) as UTC milliseconds."""
    text = pc.utf8_trim(as_chunked(values).cast(pa.string()), characters=" \t")
    # Almost always every value is in the one form that Arrow reads at once.
    if pc.all(pc.fill_null(pc.match_substring_regex(text, _CANONICAL), True)).as_py():
        try:
            return within_years(text.cast(UTC_MS).cast(pa.int64()))
        except pa.ArrowInvalid:
            pass
    parts = pc.extract_regex(text, _ISO)
    moment = pc.add(day_ms(pc.struct_field(parts, "day")), clock_ms(pc.struct_field(parts, "clock")))
    return within_years(pc.subtract(moment, _zone_ms(parts)))


def _zone_ms(parts: pa.ChunkedArray) -> pa.ChunkedArray:
    def number(name: str) -> pa.ChunkedArray:
        digits = pc.struct_field(parts, name)
        return pc.if_else(pc.equal(digits, ""), "0", digits).cast(pa.int64())

    size = pc.add(pc.multiply(number("hours"), 3_600_000), pc.multiply(number("minutes"), 60_000))
    return pc.if_else(pc.equal(pc.struct_field(parts, "sign"), "-"), pc.negate(size), size)


def day_ms(days: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Days (``YYYY-MM-DD``) as milliseconds; few distinct values, so each is read once."""
    encoded = _encoded(days)
    moments = [_day(text) for text in encoded.dictionary.to_pylist()]
    return as_chunked(pc.take(pa.array(moments, pa.int64()), encoded.indices))


def _day(text: str | None) -> int | None:
    # Not strptime: it takes 31 February for a day in March.
    if text is None or not _DAY.fullmatch(text):
        return None
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days * DAY_MS
    except ValueError:
        return None


def clock_ms(clocks: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Times of day (``HH:MM:SS[.fraction]``, mostly far fewer distinct than rows) as milliseconds since midnight."""
    encoded = _encoded(clocks)
    texts = encoded.dictionary.cast(pa.string())
    known = pc.if_else(pc.match_substring_regex(texts, _CLOCK), texts, NULL_TEXT)

    def part(start: int, length: int) -> pa.Array:
        return pc.utf8_slice_codeunits(known, start, start + length).cast(pa.int64())

    seconds = pc.add(pc.add(pc.multiply(part(0, 2), 3600), pc.multiply(part(3, 2), 60)), part(6, 2))
    fraction = pc.utf8_rpad(pc.utf8_slice_codeunits(known, 9, 12), 3, "0").cast(pa.int64())
    return as_chunked(pc.take(pc.add(pc.multiply(seconds, 1000), fraction), encoded.indices))


def _encoded(values: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    encoded = pc.dictionary_encode(as_chunked(values).combine_chunks())
    return encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded


def local_to_utc(moments: pa.ChunkedArray, zone: str) -> tuple[pa.ChunkedArray, int]:
    """Milliseconds of local wall-clock time as UTC, and how many of them are not unique or do not exist.

    Where the clocks are put back and an hour comes twice, the first is taken; where they are put forward, a time that was
    left out is read as if they had not been changed yet.
    """
    known = np.asarray(moments.is_valid())
    local = pc.fill_null(moments, 0).to_numpy()
    quarters, place = np.unique(local // _QUARTER_MS, return_inverse=True)
    shifts = np.array([_shifts(int(quarter), ZoneInfo(zone)) for quarter in quarters], dtype=np.int64).reshape(-1, 2)
    utc = local - shifts[place, 0]
    unsure = (shifts[place, 0] != shifts[place, 1]) & known
    return as_chunked(pa.array(utc, mask=~known)), int(np.count_nonzero(unsure))


def _shifts(quarter: int, zone: ZoneInfo) -> tuple[int, int]:
    """UTC offset in ms of local time *quarter*, by the clocks before and after a change."""
    try:
        local = (_EPOCH + timedelta(milliseconds=quarter * _QUARTER_MS)).replace(tzinfo=zone)
    except OverflowError:
        return 0, 0
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return round(first.total_seconds() * 1000), round(second.total_seconds() * 1000)


def moment_ms(text: str) -> int | None:
    """The first date in *text*, with the time of day if one follows it (a ``#Date:`` directive); None if there is none."""
    found = _MOMENT.search(text)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['clock'] or '00:00:00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp() * 1000)


def within_years(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Milliseconds as a UTC timestamp column; null where the year is not from 1 to 9999."""
    bounds = pc.min_max(moments).as_py()
    if bounds["min"] is not None and (bounds["min"] < FIRST_MS or bounds["max"] > LAST_MS):
        inside = pc.and_(pc.greater_equal(moments, FIRST_MS), pc.less_equal(moments, LAST_MS))
        moments = pc.if_else(inside, moments, pa.scalar(None, pa.int64()))
    return as_chunked(moments).cast(UTC_MS)


def as_chunked(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
