"""Which server each evidence file belongs to, and how that is known.

The log's own words come first, then what the user said (``--host NAME=PATH``). A file that says nothing takes the name
that every other file from the same machine's folder agrees on, and the result says so; otherwise the host is unknown.

Exchange logs a server's short name, Windows events its full one (EX01, EX01.corp.example): they are one host, unless two
full names begin with the same short one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from brokenseal.events import Source

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HostOf:
    """The host of a file's rows that name none, and where the name comes from: log, given, neighbours or unknown."""

    host: str
    known_from: str


class Hosts:
    """Host names of a case, each in one spelling (the most frequent of the logs)."""

    def __init__(self, sources: Iterable[Source]) -> None:
        sources = list(sources)
        self._spelling = _spellings(sources)
        by_machine = _named_by_machine(sources, self._spelling)
        self.of: dict[int, HostOf] = {source.id: self._resolve(source, by_machine) for source in sources}

    def spelled(self, host: str) -> str:
        return self._spelling.get(host.lower(), host)

    def spellings(self) -> dict[str, str]:
        """Lower-case host name → the one spelling used for it."""
        return dict(self._spelling)

    def _resolve(self, source: Source, by_machine: dict[str, set[str]]) -> HostOf:
        if source.hosts:
            named = max(source.hosts, key=lambda host: (source.hosts[host], host))
            return HostOf(self.spelled(named), "log")
        if source.host_given:
            return HostOf(self.spelled(source.host_given), "given")
        neighbours = by_machine.get(source.machine, set())
        if len(neighbours) == 1:
            return HostOf(self.spelled(next(iter(neighbours))), "neighbours")
        return HostOf(f"{UNKNOWN} ({source.machine})" if source.machine else UNKNOWN, "unknown")


def _spellings(sources: list[Source]) -> dict[str, str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for source in sources:
        for host, rows in source.hosts.items():
            counts[host.lower()][host] += rows
        if source.host_given:
            counts[source.host_given.lower()][source.host_given] += 0
    spelling = {key: max(found, key=lambda host: (found[host], host)) for key, found in counts.items()}
    return spelling | _short_names(spelling)


def _short_names(spelling: dict[str, str]) -> dict[str, str]:
    """Full names (lower case) that have the short name of a host known by that alone → its spelling."""
    full: dict[str, list[str]] = defaultdict(list)
    for key in spelling:
        label, dot, rest = key.partition(".")
        if dot and rest and not label.isdigit():
            full[label].append(key)
    return {keys[0]: spelling[label] for label, keys in full.items() if len(keys) == 1 and label in spelling}


def _named_by_machine(sources: list[Source], spelling: dict[str, str]) -> dict[str, set[str]]:
    named: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        names = source.hosts or ({source.host_given: 0} if source.host_given else {})
        named[source.machine].update(spelling.get(host.lower(), host).lower() for host in names)
    return named
