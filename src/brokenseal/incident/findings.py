"""Findings: the matches of one rule on one host from one address, with how many, when, and the lines that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from brokenseal.detections.rule_header import RuleHeader
from brokenseal.detections.rules import Rule
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.matches import MATCHES

#: Key of a finding: rule, host, source address ('' if none).
Key = tuple[str, str, str]

#: Lines listed as evidence of one finding; ``count`` is always the full number.
EVIDENCE_LINES = 25
#: So much of a command line or a path is shown with a line of evidence.
DETAIL_LETTERS = 300

_LINE = ("source_id", "line", "offset", "time_ms", "record", "detail")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of evidence: the source file's number in the case, the line from 1, byte offset, time (ms since 1970 UTC).

    Of an event log ``record`` is the number that the log gave the event, ``detail`` what it is about (a command
    line, a file).
    """

    source_id: int
    line: int
    offset: int
    time_ms: int
    record: int | None = None
    detail: str | None = None


@dataclass(slots=True)
class Finding:
    """Matches of one rule × host × source address. Times in milliseconds since 1970 UTC; ``id`` is F1, F2 ... by time."""

    rule: RuleHeader
    host: str
    source_ip: str | None
    count: int
    first_ms: int
    last_ms: int
    lines: list[Line]
    id: str = ""

    @property
    def dated(self) -> bool:
        """Whether its times are those of events; of a file on the disk they are whatever was written there."""
        return not (isinstance(self.rule, Rule) and self.rule.kinds == (WEB_FILE,))

    @property
    def key(self) -> Key:
        return self.rule.id, self.host, self.source_ip or ""


def collect_findings(store: EventStore, rules: Mapping[str, RuleHeader]) -> list[Finding]:
    """The findings of *rules*, sorted by first time, then rule, host and address."""
    if not rules:
        return []
    present = store.engine.query(f"SELECT DISTINCT rule FROM {MATCHES}").column("rule").to_pylist()
    # Of thousands of rules few matched, and the engine reads each name of a list.
    chosen = f"rule IN ({sql_texts(rule for rule in present if rule in rules)})"
    summary = store.engine.query(
        f"SELECT rule, host, source_ip, count(*) AS count, epoch_ms(min(time)) AS first_ms, epoch_ms(max(time)) AS last_ms "
        f"FROM {MATCHES} WHERE {chosen} GROUP BY rule, host, source_ip"
    )
    findings = {
        _key(row): Finding(
            rules[row["rule"]], row["host"], row["source_ip"], row["count"], row["first_ms"], row["last_ms"], []
        )
        for row in summary.to_pylist()
    }
    lines = store.engine.query(
        f'SELECT rule, host, source_ip, m.source_id, line, "offset", epoch_ms(time) AS time_ms, record, '
        f"CASE WHEN record IS NOT NULL OR kind = '{WEB_FILE}' "
        f"THEN left(coalesce(target, nullif(concat_ws(' ', cmdlet, parameters), '')), {DETAIL_LETTERS}) END AS detail "
        f"FROM {MATCHES} m "
        f"JOIN source_ranks r ON r.source_id = m.source_id WHERE {chosen} "
        "QUALIFY row_number() OVER (PARTITION BY rule, host, source_ip ORDER BY time, r.rank, line) "
        f"<= {EVIDENCE_LINES} ORDER BY time, r.rank, line"
    )
    for row in lines.to_pylist():
        findings[_key(row)].lines.append(Line(**{name: row[name] for name in _LINE}))
    return in_order(findings.values())


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by first time, then rule, host and address, numbered F1, F2 ... so."""
    ordered = sorted(findings, key=lambda finding: (finding.first_ms, *finding.key))
    for number, finding in enumerate(ordered, start=1):
        finding.id = f"F{number}"
    return ordered


def _key(row: Mapping[str, object]) -> tuple[object, object, object]:
    return row["rule"], row["host"], row["source_ip"]
