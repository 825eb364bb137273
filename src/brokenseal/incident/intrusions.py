"""Join findings into intrusions: what one actor did, over all hosts, logs and addresses that the evidence ties together.

Ties, strongest first: the same request id in two logs; the same ECP canary; the same web shell in use; the same source
address; a shell that first answers within a day of a file written on that host; a page written to a folder of the web
server, and its address; processes that started one another; and, for lines that cannot name a client (ECP, OAB, cmdlets,
the back end, Windows events), the nearest activity on the same host within ten minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pyarrow as pa

from brokenseal.detections.rule_header import RuleHeader
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.findings import Finding, Key, collect_findings
from brokenseal.incident.matches import MATCHES
from brokenseal.incident.process_tree import Process, tied_findings
from brokenseal.incident.stages import Ladder
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

NEAR_MS = 10 * 60_000
SHELL_BIRTH_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class NamedByUser:
    """What is seen of addresses and agents that only the user calls an intruder's."""

    first_ms: int
    last_ms: int
    hosts: list[str]
    source_ips: list[str]


@dataclass(slots=True)
class Intrusion:
    """Findings that belong together; ``id`` is I1, I2 ... by first time. Times in milliseconds since 1970 UTC.

    One that only the user names (``named``) has no findings, and comes last.
    """

    findings: list[Finding]
    context: list[Finding] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    id: str = ""
    named: NamedByUser | None = None

    @property
    def first_ms(self) -> int:
        if self.named is not None:
            return self.named.first_ms
        return min(finding.first_ms for finding in self._dated)

    @property
    def last_ms(self) -> int:
        if self.named is not None:
            return self.named.last_ms
        return max(finding.last_ms for finding in self._dated)

    @property
    def _dated(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.dated] or self.findings

    @property
    def hosts(self) -> list[str]:
        if self.named is not None:
            return self.named.hosts
        return sorted({finding.host for finding in self.findings})

    @property
    def source_ips(self) -> list[str]:
        if self.named is not None:
            return self.named.source_ips
        return sorted({finding.source_ip for finding in self.findings if finding.source_ip})


class _Groups:
    """Disjoint sets of findings."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._parent = {key: key for key in keys}

    def top(self, key: Key) -> Key:
        while self._parent[key] != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key

    def join(self, first: Key, second: Key) -> None:
        first, second = sorted((self.top(first), self.top(second)))
        self._parent[second] = first


def join_intrusions(
    store: EventStore, findings: Sequence[Finding], ladder: Ladder, processes: Sequence[Process] = ()
) -> list[Intrusion]:
    """Intrusions with at least one finding above a probe, by first time. ``processes``: those around the findings'
    events."""
    graded = {finding.key: finding for finding in findings if ladder.grade(finding) is not None}
    groups = _Groups(graded)
    _by_shared_value(store, graded, groups, "request_id")
    _by_shared_value(store, graded, groups, "canary")
    _by_address(graded.values(), groups)
    _by_shell(store, graded, groups)
    _by_written_page(store, graded, groups)
    _by_shell_birth(graded, groups, ladder)
    for tied in tied_findings(processes):
        _join_all([key for key in sorted(tied) if key in graded], groups)
    _without_address(graded, groups, ladder)
    _by_file_time(store, graded, groups, ladder)
    members: dict[Key, list[Finding]] = defaultdict(list)
    for key, finding in graded.items():
        members[groups.top(key)].append(finding)
    intrusions = [Intrusion(found) for found in members.values() if any(ladder.above_probe(f) for f in found)]
    intrusions.sort(key=lambda intrusion: (intrusion.first_ms, intrusion.hosts, intrusion.source_ips))
    for number, intrusion in enumerate(intrusions, start=1):
        intrusion.id = f"I{number}"
    return intrusions


def _by_shared_value(store: EventStore, graded: Mapping[Key, Finding], groups: _Groups, column: str) -> None:
    rows = store.engine.query(
        f"SELECT DISTINCT {column} AS value, rule, host, coalesce(source_ip, '') AS source_ip FROM {MATCHES} "
        f"WHERE {column} IN (SELECT {column} FROM {MATCHES} WHERE {column} IS NOT NULL GROUP BY {column} "
        "HAVING count(DISTINCT (rule, host, coalesce(source_ip, ''))) > 1)"
    )
    _join_rows(rows.to_pylist(), graded, groups)


def _by_shell(store: EventStore, graded: Mapping[Key, Finding], groups: _Groups) -> None:
    used = [finding.rule.id for finding in graded.values() if finding.rule.webshell == "used"]
    if not used:
        return
    listed = sql_texts(used)
    rows = store.engine.query(
        f"SELECT DISTINCT host || ' ' || lower(url) AS value, rule, host, coalesce(source_ip, '') AS source_ip "
        f"FROM {MATCHES} WHERE rule IN ({listed})"
    )
    _join_rows(rows.to_pylist(), graded, groups)


def _by_written_page(store: EventStore, graded: Mapping[Key, Finding], groups: _Groups) -> None:
    """A file written where the web server shows it, and the requests to its address."""
    rows = store.engine.query(
        f"SELECT DISTINCT host || ' ' || lower(url) AS value, rule, host, coalesce(source_ip, '') AS source_ip "
        f"FROM {MATCHES} WHERE url IS NOT NULL AND (host, lower(url)) IN "
        f"(SELECT (host, lower(url)) FROM {MATCHES} WHERE kind IN ('{WINDOWS_TABLE}', '{WEB_FILE}') AND url IS NOT NULL)"
    )
    _join_rows(rows.to_pylist(), graded, groups)


def _join_all(keys: Sequence[Key], groups: _Groups) -> None:
    for key in keys[1:]:
        groups.join(keys[0], key)


def _join_rows(rows: Iterable[Mapping[str, str]], graded: Mapping[Key, Finding], groups: _Groups) -> None:
    first: dict[str, Key] = {}
    for row in sorted(rows, key=lambda row: (row["value"], row["rule"], row["host"], row["source_ip"])):
        key = (row["rule"], row["host"], row["source_ip"])
        if key in graded:
            groups.join(first.setdefault(row["value"], key), key)


def _by_address(findings: Iterable[Finding], groups: _Groups) -> None:
    first: dict[str, Key] = {}
    for finding in findings:
        if finding.source_ip:
            groups.join(first.setdefault(finding.source_ip, finding.key), finding.key)


def _by_shell_birth(graded: Mapping[Key, Finding], groups: _Groups, ladder: Ladder) -> None:
    writes = [finding for finding in graded.values() if ladder.wrote_file(finding)]
    for shell in graded.values():
        if shell.rule.webshell != "used":
            continue
        before = [
            write
            for write in writes
            if write.host == shell.host and write.first_ms <= shell.first_ms <= write.first_ms + SHELL_BIRTH_MS
        ]
        if before:
            groups.join(max(before, key=lambda write: (write.first_ms, write.key)).key, shell.key)


def _without_address(graded: Mapping[Key, Finding], groups: _Groups, ladder: Ladder) -> None:
    named = [finding for finding in graded.values() if finding.source_ip]
    for finding in graded.values():
        if finding.source_ip or not finding.dated:
            continue
        near = [
            other
            for other in named
            if other.host == finding.host
            and other.first_ms - NEAR_MS <= finding.last_ms
            and finding.first_ms <= other.last_ms + NEAR_MS
        ]
        if near:
            best = max(near, key=lambda other: (ladder.rank(other), -abs(other.first_ms - finding.first_ms), other.key))
            groups.join(best.key, finding.key)
    # On a host of which no web log is left, what happened at the same time is one intrusion.
    nameless = sorted(
        (f for f in graded.values() if not f.source_ip and f.dated), key=lambda f: (f.host, f.first_ms, f.key)
    )
    for earlier, later in pairwise(nameless):
        if earlier.host == later.host and later.first_ms <= earlier.last_ms + NEAR_MS:
            groups.join(earlier.key, later.key)


def _by_file_time(store: EventStore, graded: Mapping[Key, Finding], groups: _Groups, ladder: Ladder) -> None:
    """A file that came while somebody was in the server, or within a day after, and that nothing else ties to anybody.

    The times of files can be set by whoever is in: they tie only what is tied to nothing.
    """
    others = [finding for finding in graded.values() if finding.dated and ladder.above_probe(finding)]
    alone = [
        finding
        for finding in graded.values()
        if not finding.dated and all(groups.top(other.key) != groups.top(finding.key) for other in others)
    ]
    if not others or not alone:
        return
    rows = store.engine.query(
        f"SELECT DISTINCT rule, host, epoch_ms(time) AS time_ms FROM {MATCHES} "
        f"WHERE rule IN ({sql_texts(finding.rule.id for finding in alone)}) ORDER BY ALL"
    ).to_pylist()
    for row in rows:
        key = (row["rule"], row["host"], "")
        met = [
            other
            for other in others
            if other.host == row["host"]
            and other.first_ms - NEAR_MS <= row["time_ms"] <= other.last_ms + SHELL_BIRTH_MS
        ]
        if key in graded and met:
            best = max(met, key=lambda other: (ladder.rank(other), -abs(other.first_ms - row["time_ms"]), other.key))
            groups.join(best.key, key)


def attach_context(
    store: EventStore, rules: Mapping[str, RuleHeader], intrusions: Sequence[Intrusion], ladder: Ladder
) -> list[Finding]:
    """Findings of context *rules*: what happened on a server while an intruder was in it, or within a day after.

    The matches outside any such time are dropped first, so that an administrator's work of another month is neither
    counted nor shown. Attempts that failed are no such time. Each finding belongs to the worst intrusion it meets.
    """
    inside = [intrusion for intrusion in intrusions if ladder.broke_in(intrusion.findings)]
    spans = [(i.id, host, i.first_ms, i.last_ms + SHELL_BIRTH_MS) for i in inside for host in i.hosts]
    if not spans or not rules:
        return []
    names = ("intrusion", "host", "first_ms", "last_ms")
    store.engine.register("intrusion_spans", pa.table(dict(zip(names, zip(*spans, strict=True), strict=True))))
    chosen = sql_texts(rules)
    store.engine.execute(
        f"DELETE FROM {MATCHES} WHERE rule IN ({chosen}) AND NOT EXISTS (SELECT 1 FROM intrusion_spans s "
        f"WHERE s.host = {MATCHES}.host AND epoch_ms({MATCHES}.time) BETWEEN s.first_ms AND s.last_ms)"
    )
    found = collect_findings(store, rules)
    for finding in found:
        met = [
            intrusion
            for intrusion in inside
            if finding.host in intrusion.hosts
            and finding.last_ms >= intrusion.first_ms
            and finding.first_ms <= intrusion.last_ms + SHELL_BIRTH_MS
        ]
        worst = max(met, key=lambda i: (max(map(ladder.rank, i.findings)), -abs(i.first_ms - finding.first_ms), i.id))
        worst.context.append(finding)
    return found
