"""The incident document: the JSON object that everything else prints, in a fixed order and in plain types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from brokenseal import __version__
from brokenseal.detections.campaign import Campaign
from brokenseal.events import Source
from brokenseal.events.reading import HOUR_MS
from brokenseal.events.sources import rfc3339
from brokenseal.evidence import Refusal
from brokenseal.incident.actors import Actor
from brokenseal.incident.builds import describe
from brokenseal.incident.coverage import SourceCoverage
from brokenseal.incident.findings import Finding
from brokenseal.incident.hosts import Hosts
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.ledger_document import actor_entries, change_entry, hint_entry, mailbox_entry, outflow_entry
from brokenseal.incident.ledger_rows import MailboxAccess
from brokenseal.incident.mailbox_changes import MailboxChange
from brokenseal.incident.outflow import Outflow
from brokenseal.incident.places import PlacesFile
from brokenseal.incident.process_tree import Process
from brokenseal.incident.references import reference
from brokenseal.incident.schema_version import SCHEMA_VERSION
from brokenseal.incident.shell_document import webshell_entry
from brokenseal.incident.stages import Ladder
from brokenseal.incident.techniques import technique_name
from brokenseal.incident.told import told
from brokenseal.incident.travel import TravelHint
from brokenseal.incident.verdicts import Judgement
from brokenseal.incident.webshells import WebShell
from brokenseal.sentences import UNREAD, joined, recognised, say

_OUTCOMES = ("observed", "probed", "attempted", "succeeded")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the document is made of."""

    verdict: str
    summary: str
    since: datetime | None
    until: datetime | None
    iis_timezone: str
    hosts: Hosts
    host_verdicts: Mapping[str, Judgement]
    coverage: Mapping[str, Sequence[SourceCoverage]]
    campaigns: Sequence[tuple[Campaign, Judgement]]
    ladder: Ladder
    findings: Sequence[Finding]
    intrusions: Sequence[Intrusion]
    webshells: Sequence[WebShell]
    ledger: Sequence[tuple[MailboxAccess, Sequence[str]]]
    changes: Sequence[MailboxChange]
    hints: Sequence[TravelHint]
    places: PlacesFile | None
    outflow: Outflow
    actors: Sequence[Actor]
    not_seen: Sequence[str]
    advice: Sequence[str]
    sources: Sequence[Source]
    duplicates: Mapping[int, str]
    refused: Sequence[Refusal]
    rules_loaded: int
    rules_not_run: Sequence[tuple[str | None, str, str]]


def incident_document(account: Account, *, subjects: bool = False) -> Json:
    """The document of ``brokenseal/report/incident.schema.json``; *subjects*: with ids and subjects of messages."""
    by_id = {source.id: source for source in account.sources}
    document: Json = {
        "schema_version": SCHEMA_VERSION,
        "generator": {"name": "brokenseal", "version": __version__},
        "verdict": account.verdict,
        "summary": account.summary,
        "scope": {
            "since": _moment(account.since),
            "until": _moment(account.until),
            "iis_timezone": account.iis_timezone,
            "geoip": _places(account.places),
            "subjects": subjects,
        },
        "hosts": [_host(account, host) for host in sorted(account.host_verdicts)],
        "campaigns": [_campaign(campaign, judgement) for campaign, judgement in account.campaigns],
        "intrusions": [_intrusion(account, intrusion, by_id) for intrusion in account.intrusions],
        "mailboxes": [mailbox_entry(row, why, by_id, subjects=subjects) for row, why in account.ledger],
        "changes": [change_entry(change, by_id) for change in account.changes],
        "hints": [hint_entry(hint, by_id) for hint in account.hints],
        "outflow": outflow_entry(account.outflow),
        "actors": actor_entries(account.actors),
        "findings": [_finding(account, finding, by_id) for finding in account.findings],
        "not_seen": list(account.not_seen),
        "advice": list(account.advice),
        "rules": {
            "loaded": account.rules_loaded,
            "not_run": [{"rule": rule, "file": file, "reason": why} for rule, file, why in account.rules_not_run],
        },
        "evidence": [*_evidence(account), *[_refused(refusal) for refusal in account.refused]],
    }
    return {**document, "sentences": told(document)}


def _places(places: PlacesFile | None) -> Json | None:
    if places is None:
        return None
    built = rfc3339(places.built_ms)
    return {"file": places.path.name, "sha256": places.sha256, "type": places.kind, "built": built}


def _host(account: Account, host: str) -> Json:
    return {
        "host": host,
        "verdict": account.host_verdicts[host].verdict,
        "reasons": account.host_verdicts[host].reasons,
        "builds": [
            {"build": build, "first": rfc3339(first), "last": rfc3339(last), "product": describe(build).title}
            for build, first, last in host_builds(account.sources, account.hosts, account.duplicates).get(host, [])
        ],
        "coverage": [_coverage(entry) for entry in account.coverage.get(host, [])],
    }


def host_builds(
    sources: Sequence[Source], hosts: Hosts, duplicates: Mapping[int, str]
) -> dict[str, list[tuple[str, int, int]]]:
    """Builds by host as (build, first seen, last seen) in ms since 1970 UTC, by first seen."""
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for source in sources:
        if source.id in duplicates:
            continue
        for seen in source.builds:
            host = hosts.spelled(seen.host) if seen.host else hosts.of[source.id].host
            first, last = spans.get((host, seen.build), (seen.first_ms, seen.last_ms))
            spans[host, seen.build] = (min(first, seen.first_ms), max(last, seen.last_ms))
    found: dict[str, list[tuple[str, int, int]]] = {}
    for (host, build), (first, last) in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        found.setdefault(host, []).append((build, first, last))
    return found


def _coverage(entry: SourceCoverage) -> Json:
    note = None if entry.events else "no event in the time asked for" if entry.files else None
    return {
        "source": entry.source,
        "first": _time(entry.first_ms),
        "last": _time(entry.last_ms),
        "events": entry.events,
        "rejects": entry.rejects,
        "files": entry.files,
        "gaps": [
            {"from": rfc3339(start), "to": rfc3339(end), "hours": (end - start) // HOUR_MS} for start, end in entry.gaps
        ],
        "note": note,
    }


def _campaign(campaign: Campaign, judgement: Judgement) -> Json:
    window = campaign.window_ms
    return {
        "id": campaign.id,
        "title": campaign.title,
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
        "window": None if window is None else {"from": rfc3339(window[0]), "to": rfc3339(window[1])},
    }


def _intrusion(account: Account, intrusion: Intrusion, by_id: Mapping[int, Source]) -> Json:
    ladder = account.ladder
    stage = ladder.highest(intrusion.findings)
    found = {name for finding in intrusion.findings if (name := ladder.campaign(finding)) is not None}
    # A campaign with a time of its own says more than one that any break-in belongs to.
    known = sorted(account.campaigns, key=lambda item: (item[0].window is None, item[0].id))
    campaigns = [campaign.id for campaign, _ in known if campaign.id in found]
    return {
        "id": intrusion.id,
        "named_by": "evidence" if intrusion.named is None else "user",
        "campaign": campaigns[0] if campaigns else None,
        "hosts": intrusion.hosts,
        "source_ips": intrusion.source_ips,
        "first_seen": rfc3339(intrusion.first_ms),
        "last_seen": rfc3339(intrusion.last_ms),
        "stage": stage.id if stage else None,
        "stage_title": stage.title if stage else None,
        "cves": _cves(intrusion.findings),
        "webshells": [
            webshell_entry(shell, intrusion, by_id) for shell in account.webshells if shell.intrusion == intrusion.id
        ],
        "processes": [_process(process, intrusion, by_id) for process in intrusion.processes],
        "techniques": _techniques(intrusion),
        "findings": [finding.id for finding in (*intrusion.findings, *intrusion.context)],
    }


def _cves(findings: Sequence[Finding]) -> list[Json]:
    by_cve: dict[str, list[Finding]] = {}
    for finding in findings:
        for cve in finding.rule.cves:
            by_cve.setdefault(cve, []).append(finding)
    return [
        {
            "id": cve,
            "outcome": max((_outcome(finding) for finding in found), key=_OUTCOMES.index),
            "findings": [finding.id for finding in found],
        }
        for cve, found in sorted(by_cve.items())
    ]


def _techniques(intrusion: Intrusion) -> list[Json]:
    # Context is what somebody else may have done: it names no technique of the intruder.
    found = {technique for finding in intrusion.findings for technique in finding.rule.techniques}
    return [{"id": technique, "name": technique_name(technique)} for technique in sorted(found)]


def _process(process: Process, intrusion: Intrusion, by_id: Mapping[int, Source]) -> Json:
    return {
        "id": process.id,
        "parent": process.parent.id if process.parent is not None else None,
        "host": process.host,
        "time": _time(process.time_ms),
        "image": process.image,
        "command_line": process.command_line,
        "pid": process.pid,
        "user": process.user,
        "findings": [f.id for f in (*intrusion.findings, *intrusion.context) if f.key in process.findings],
        "evidence": [reference(line, by_id) for line in process.lines],
    }


def _finding(account: Account, finding: Finding, by_id: Mapping[int, Source]) -> Json:
    stage = account.ladder.stage(finding)
    return {
        "id": finding.id,
        "rule": finding.rule.id,
        "title": finding.rule.title,
        "level": finding.rule.level,
        "count": finding.count,
        "outcome": _outcome(finding),
        "time": rfc3339(finding.first_ms),
        "last": rfc3339(finding.last_ms),
        "host": finding.host,
        "source_ip": finding.source_ip,
        "campaign": account.ladder.campaign(finding),
        "stage": stage.id if stage else None,
        "tags": list(finding.rule.tags),
        "evidence": [reference(line, by_id) for line in finding.lines],
    }


def _outcome(finding: Finding) -> str:
    return finding.rule.outcome or "observed"


def _evidence(account: Account) -> list[Json]:
    listed: list[Json] = []
    for source in account.sources:
        host = account.hosts.of[source.id]
        notes: list[str] = []
        if source.damage:
            notes.append(say("evidence.stopped", reason=recognised(source.damage, *UNREAD)))
        if source.note:
            notes.append(recognised(source.note, "unrecognised"))
        if source.encoding != "utf-8":
            notes.append(say("evidence.encoded", encoding=source.encoding))
        listed.append(
            {
                "file": source.name,
                "sha256": source.sha256 or None,
                "size": source.size,
                "kind": source.kind,
                "host": None if host.known_from == "unknown" else host.host,
                "host_from": host.known_from,
                "first": _time(source.first_ms),
                "last": _time(source.last_ms),
                "events": source.events,
                "rejects": source.rejects,
                "reject_reasons": source.reject_reasons,
                "warnings": source.warnings,
                "duplicate_of": account.duplicates.get(source.id),
                "note": joined("list.semicolon", notes) or None,
            }
        )
    return listed


def _refused(refusal: Refusal) -> Json:
    return {
        "file": refusal.name,
        "sha256": None,
        "size": None,
        "kind": "refused",
        "host": None,
        "host_from": "unknown",
        "first": None,
        "last": None,
        "events": 0,
        "rejects": 0,
        "reject_reasons": {},
        "warnings": {},
        "duplicate_of": None,
        "note": refusal.reason,
    }


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else rfc3339(milliseconds)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(int(moment.timestamp() * 1000))
