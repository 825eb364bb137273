"""What the logs can show: per host and source from when to when, with which gaps, and what no log covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from brokenseal.events import Source
from brokenseal.events.reading import HOUR_MS
from brokenseal.events.web_file import STATES
from brokenseal.incident.hosts import Hosts
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

#: A silence counts as a gap when it is longer than this many hours and than six times what is usual for the source.
SHORTEST_GAP_HOURS = 6
#: However rarely a source seems to write, a longer silence is a gap: these logs are fed by health probes day and night, the
#: others by people and daily jobs.
LONGEST_SILENCE_HOURS = {"httpproxy": 24, "iis": 24, "ews": 24, "mapi": 24, "ecp_server": 168}
LONGEST_SILENCE_ELSE = 96
#: Slack at both ends of a campaign's window: a log that starts within its first day covers it.
EDGE_MS = 24 * HOUR_MS

#: Evidence that may come from any machine, or from none: it does not make its host a mail server.
_ANYWHERE = STATES | {WINDOWS_TABLE, MAIL_AUDIT}

Interval = tuple[int, int]


@dataclass(slots=True)
class SourceCoverage:
    """One source (a kind, or a part of it such as 'httpproxy/Owa') of one host. Times in milliseconds since 1970 UTC.

    ``exchange``: it is a log of a mail server; a Windows event log may be any machine's.
    """

    source: str
    kind: str
    stream: str
    events: int = 0
    rejects: int = 0
    files: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    gaps: list[Interval] = field(default_factory=list)
    hours: set[int] = field(default_factory=set)
    exchange: bool = True

    @property
    def covered(self) -> list[Interval]:
        """The spans in which the source was being written."""
        if self.first_ms is None or self.last_ms is None:
            return []
        spans: list[Interval] = []
        start = self.first_ms
        for gap_start, gap_end in self.gaps:
            spans.append((start, gap_start))
            start = gap_end
        return [*spans, (start, self.last_ms)]


def coverage(
    sources: Iterable[Source], hosts: Hosts, window: Interval | None = None
) -> dict[str, list[SourceCoverage]]:
    """Coverage by host, sources sorted by name. ``window`` bounds it to the time asked for (``--since``/``--until``)."""
    found: dict[tuple[str, str], SourceCoverage] = {}
    for source in sources:
        if source.kind == "unrecognised":
            continue
        own = hosts.of[source.id].host
        if source.slices:
            for number, part in enumerate(sorted(source.slices, key=lambda part: (part.host or "", part.stream))):
                host = hosts.spelled(part.host) if part.host else own
                entry = _entry(found, host, source.kind, part.stream)
                entry.exchange |= part.exchange
                rejects = source.rejects if number == 0 else 0
                _add(entry, (part.first_ms, part.last_ms), part.hours, rejects, window)
        else:
            entry = _entry(found, own, source.kind, source.stream)
            if source.kind in STATES:
                entry.events += source.events
            _add(entry, (source.first_ms, source.last_ms), source.hours, source.rejects, window)
    by_host: dict[str, list[SourceCoverage]] = defaultdict(list)
    for (host, _), entry in sorted(found.items()):
        entry.gaps = _gaps(entry)
        by_host[host].append(entry)
    return dict(by_host)


def exchange_servers(seen: Mapping[str, Sequence[SourceCoverage]]) -> list[str]:
    """The hosts whose logs show a mail server, sorted; where none does, every host may be one."""
    servers = sorted(host for host, entries in seen.items() if any(entry.exchange for entry in entries))
    return servers or sorted(seen)


def _entry(found: dict[tuple[str, str], SourceCoverage], host: str, kind: str, stream: str) -> SourceCoverage:
    name = f"{kind}/{stream}" if stream else kind
    return found.setdefault((host, name), SourceCoverage(name, kind, stream, exchange=kind not in _ANYWHERE))


def _add(
    entry: SourceCoverage,
    span: tuple[int | None, int | None],
    hours: dict[int, int],
    rejects: int,
    window: Interval | None,
) -> None:
    entry.files += 1
    entry.rejects += rejects
    first, last = span
    if window is not None and first is not None and last is not None:
        hours = {h: n for h, n in hours.items() if (h + 1) * HOUR_MS > window[0] and h * HOUR_MS < window[1]}
        first, last = (max(first, window[0]), min(last, window[1])) if hours else (None, None)
    entry.events += sum(hours.values())
    entry.hours.update(hours)
    if first is not None and last is not None:
        entry.first_ms = first if entry.first_ms is None else min(entry.first_ms, first)
        entry.last_ms = last if entry.last_ms is None else max(entry.last_ms, last)


def _gaps(entry: SourceCoverage) -> list[Interval]:
    """Silences longer than the source's own rhythm: a mail server's log at night is not a gap, a lost day is."""
    hours = sorted(entry.hours)
    steps = [later - earlier for earlier, later in pairwise(hours)]
    if not steps:
        return []
    usual = sorted(steps)[min(len(steps) - 1, int(len(steps) * 0.95))]
    cap = LONGEST_SILENCE_HOURS.get(entry.kind, LONGEST_SILENCE_ELSE)
    longest_usual = min(max(SHORTEST_GAP_HOURS, 6 * usual), cap)
    return [
        ((earlier + 1) * HOUR_MS, later * HOUR_MS)
        for earlier, later in pairwise(hours)
        if later - earlier > longest_usual
    ]


def uncovered(window: Interval, sources: Sequence[SourceCoverage]) -> list[Interval]:
    """The parts of *window* that none of *sources* covers; at its two ends less than a day is not counted."""
    spans = sorted(span for source in sources for span in source.covered)
    missing: list[Interval] = []
    at = window[0]
    for start, end in spans:
        slack = EDGE_MS if at == window[0] else HOUR_MS
        if start > at + slack:
            missing.append((at, min(start, window[1])))
        at = max(at, end)
        if at >= window[1]:
            break
    if at + EDGE_MS < window[1]:
        missing.append((at, window[1]))
    return [(start, end) for start, end in missing if end > start]
