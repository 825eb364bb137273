"""Times: whole milliseconds since 1970-01-01 UTC, and the two ways in which the logs write them."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY, _SATURDAY = 3, 5


def midnight(day: date) -> int:
    """Milliseconds at the start of a day, UTC."""
    return (day.toordinal() - _EPOCH) * DAY


@lru_cache(maxsize=4096)
def day_of(number: int) -> date:
    """The day whose number is ``ms // DAY``."""
    return date.fromordinal(number + _EPOCH)


@lru_cache(maxsize=4096)
def _day_text(number: int) -> str:
    return day_of(number).isoformat()


def is_workday(number: int) -> bool:
    """Whether the day with this number is one from Monday to Friday (day 0, 1970-01-01, was a Thursday)."""
    return (number + _THURSDAY) % 7 < _SATURDAY


def iso(ms: int) -> str:
    """``2021-02-28T12:00:00.000Z``, as Exchange's text logs write it (UTC, milliseconds)."""
    number, rest = divmod(ms, DAY)
    seconds, fraction = divmod(rest, SECOND)
    return f"{_day_text(number)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:03}Z"


def w3c(ms: int) -> str:
    """``2021-02-28 12:00:00``, as IIS writes it (UTC, whole seconds)."""
    number, rest = divmod(ms, DAY)
    seconds = rest // SECOND
    return f"{_day_text(number)} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def milliseconds(text: str) -> int:
    """The inverse of ``iso``."""
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * SECOND + moment.microsecond // SECOND
