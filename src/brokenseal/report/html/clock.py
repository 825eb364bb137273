"""Times of the document: read, written, counted in days, and as places on a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FORMAT = "%Y-%m-%dT%H:%M:%S.%f%z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = (
    *(timedelta(seconds=number) for number in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=number) for number in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=number) for number in (1, 2, 3, 6, 12)),
    *(timedelta(days=number) for number in (1, 2, 4, 7, 14, 21, 28, 56, 91, 182, 364, 728, 1820)),
    *(timedelta(days=number) for number in (3640, 7280, 18200, 36400, 72800, 182000, 364000, 910000)),
)
_MOST_TICKS = 4
_EDGE = 9.0  # percent: a label nearer to the end of the line would be cut


def read_time(time: str | None) -> datetime | None:
    """The time, ``None`` where there is none or it is not one."""
    if not time:
        return None
    try:
        return datetime.strptime(time, _FORMAT).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_times(times: Iterable[str | None]) -> list[datetime]:
    return [read for read in map(read_time, times) if read is not None]


def same_second(one: str | None, two: str | None) -> bool:
    first, second = read_time(one), read_time(two)
    return one == two if first is None or second is None else written(first) == written(second)


def written(time: datetime, *, seconds: bool = True) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class Days:
    """Calendar days (UTC) from ``first`` to ``last``, both included, as ordinals."""

    first: int
    last: int

    @classmethod
    def of(cls, first: datetime, last: datetime) -> Days:
        return cls(first.toordinal(), max(first, last).toordinal())


def union(ranges: Iterable[Days]) -> list[Days]:
    """The same days in ranges that do not touch."""
    merged: list[Days] = []
    for each in sorted(ranges, key=lambda days: (days.first, days.last)):
        if merged and each.first <= merged[-1].last + 1:
            merged[-1] = Days(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    return merged


def count_days(ranges: Iterable[Days]) -> int:
    return sum(each.last - each.first + 1 for each in union(ranges))


def common(left: Iterable[Days], right: Iterable[Days]) -> list[Days]:
    """The days that are in both."""
    others = union(right)
    pairs = ((one, two) for one in union(left) for two in others)
    return [
        Days(max(one.first, two.first), min(one.last, two.last))
        for one, two in pairs
        if max(one.first, two.first) <= min(one.last, two.last)
    ]


@dataclass(frozen=True, slots=True)
class Tick:
    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of time. Places on it are percentages, so that a drawing fits any width while its letters keep their size."""

    first: datetime
    last: datetime

    @classmethod
    def over(cls, times: Iterable[datetime]) -> Line | None:
        """From the first to the last of ``times``; ``None`` without any."""
        known = list(times)
        return cls(min(known), max(known)) if known else None

    def place(self, time: datetime) -> float:
        length = (self.last - self.first).total_seconds()
        at = 50.0 if length <= 0 else 100 * (time - self.first).total_seconds() / length
        return min(max(at, 0.0), 100.0)

    def at(self, time: datetime) -> str:
        return percent(self.place(time))

    def ticks(self) -> list[Tick]:
        """At most four, at round times; on a line without length that one time."""
        length = self.last - self.first
        if length <= timedelta(0):
            return [Tick(self.at(self.first), written(self.first))]
        step = next((step for step in _STEPS if length / step <= _MOST_TICKS), _STEPS[-1])
        return [
            Tick(self.at(time), self._label(time, step))
            for time in self._multiples(step)
            if _EDGE <= self.place(time) <= 100 - _EDGE
        ][:_MOST_TICKS]

    def _multiples(self, step: timedelta) -> Iterator[datetime]:
        number = -((_EPOCH - self.first) // step)
        # As a length, since the time after the last one may be beyond the year 9999.
        while (after := number * step) <= self.last - _EPOCH:
            yield _EPOCH + after
            number += 1

    @staticmethod
    def _label(time: datetime, step: timedelta) -> str:
        if step >= timedelta(days=1):
            return time.strftime("%Y-%m-%d")
        return time.strftime("%m-%d %H:%M" if step >= timedelta(minutes=1) else "%H:%M:%S")


def percent(place: float) -> str:
    return f"{place:.2f}%"
