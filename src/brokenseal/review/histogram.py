"""Events over time as bars that lead to their stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from brokenseal.review.filters import Filter
from brokenseal.review.timeline import Timeline

_HOUR_MS = 3600000
#: Lengths of a bar in hours; the first that gives few enough bars is taken.
_LENGTHS = (1, 2, 3, 6, 12, 24, 48, 24 * 7, 24 * 14, 24 * 28, 24 * 91, 24 * 365, 24 * 3650, 24 * 36500)
_MOST_BARS = 90
HEIGHT = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """``query``: the filter, narrowed to this stretch of time. ``x``, ``y`` and ``height`` in a drawing."""

    from_ms: int
    to_ms: int
    events: int
    query: str
    x: int
    y: float
    height: float


def histogram(timeline: Timeline, wanted: Filter) -> Sequence[Bar]:
    """Of all events of the filter's host, log and time, whatever else it asks for; empty where there are none."""
    hours = timeline.hours(wanted)
    if not hours:
        return []
    first, last = _core(hours)
    length = next((one for one in _LENGTHS if (last - first) // one + 1 <= _MOST_BARS), _LENGTHS[-1])
    counts: dict[int, int] = {}
    for hour, events in hours:
        if first <= hour <= last:
            number = (hour - first) // length
            counts[number] = counts.get(number, 0) + events
    highest = max(counts.values())
    bars = []
    for number, events in sorted(counts.items()):
        begin = (first + number * length) * _HOUR_MS
        end = begin + length * _HOUR_MS
        narrowed = replace(wanted, from_ms=begin, to_ms=end)
        height = round(max(HEIGHT * events / highest, 2), 1)
        bars.append(Bar(begin, end, events, narrowed.query(), number * 10, round(HEIGHT - height, 1), height))
    return bars


def _core(hours: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The hours from first to last without the few stray events (files of years ago) that would make all else one bar."""
    total = sum(events for _, events in hours)
    stray = total // 200
    first, seen = 0, 0
    while seen + hours[first][1] <= stray:
        seen += hours[first][1]
        first += 1
    last, seen = len(hours) - 1, 0
    while last > first and seen + hours[last][1] <= stray:
        seen += hours[last][1]
        last -= 1
    return hours[first][0], hours[last][0]
