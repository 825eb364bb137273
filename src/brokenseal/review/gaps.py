"""Times without any event in a log, as rows of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from brokenseal.report.shape import IncidentDocument
from brokenseal.review.filters import Filter


@dataclass(frozen=True, slots=True)
class GapRow:
    """Times in milliseconds since 1970 UTC: the last event before the gap, and the first after it."""

    host: str
    source: str
    from_ms: int
    to_ms: int
    hours: float


def all_gaps(document: IncidentDocument) -> list[GapRow]:
    """The gaps of all logs of all servers, by their beginning."""
    found = [
        GapRow(host["host"], log["source"], milliseconds(gap["from"]), milliseconds(gap["to"]), gap["hours"])
        for host in document["hosts"]
        for log in host["coverage"]
        for gap in log["gaps"]
    ]
    return sorted(found, key=lambda gap: (gap.from_ms, gap.host, gap.source))


def gaps_between(gaps: Sequence[GapRow], wanted: Filter, after_ms: int | None, until_ms: int | None) -> list[GapRow]:
    """The gaps that begin at ``after_ms`` or later and before ``until_ms``, of the filter's host, log and time.

    A gap in what is filtered by address, name or text would say nothing of the log, so then there are none.
    """
    if wanted.ip or wanted.who or wanted.text or wanted.chosen:
        return []
    return [
        gap
        for gap in gaps
        if (after_ms is None or gap.from_ms >= after_ms)
        and (until_ms is None or gap.from_ms < until_ms)
        and (not wanted.host or gap.host == wanted.host)
        and (not wanted.kind or gap.source.partition("/")[0] == wanted.kind)
        and (wanted.from_ms is None or gap.to_ms >= wanted.from_ms)
        and (wanted.to_ms is None or gap.from_ms < wanted.to_ms)
    ]


def milliseconds(time: str) -> int:
    """RFC 3339 as milliseconds since 1970 UTC."""
    return round(datetime.fromisoformat(time).timestamp() * 1000)
