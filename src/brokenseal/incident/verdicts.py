"""The verdict: per host and campaign, per campaign, and one for everything, each with its reasons in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brokenseal.detections.campaign import Campaign
from brokenseal.events.sources import rfc3339
from brokenseal.incident.findings import Finding
from brokenseal.incident.sight import Sight
from brokenseal.incident.stages import VERDICTS, Ladder, worst
from brokenseal.sentences import Sentence, say

#: Findings named as reasons of one verdict; the others are in the findings.
MOST_REASONS = 6


@dataclass(slots=True)
class Judgement:
    """A verdict with its reasons."""

    verdict: str
    reasons: list[str] = field(default_factory=list)


def judge_host(campaign: Campaign, host: str, findings: Sequence[Finding], sight: Sight, ladder: Ladder) -> Judgement:
    """One campaign on one host: what was found outweighs what is missing; nothing found counts only where all was seen."""
    own = [f for f in findings if f.host == host and ladder.campaign(f) == campaign.id and ladder.grade(f) is not None]
    verdict = worst([ladder.grade(finding) or "no_evidence" for finding in own])
    if verdict == "no_evidence":
        if sight.missing:
            return Judgement("cannot_tell", [*sight.missing, *sight.notes])
        start, end = sight.window
        first, last = rfc3339(start)[:10], rfc3339(end)[:10]
        seen = say("reason.nothing_found", campaign=Sentence(campaign.title), host=host, first=first, last=last)
        return Judgement(verdict, [seen, *sight.notes])
    reasons = [_reason(finding) for finding in _telling(own, ladder)]
    if sight.missing and verdict in ("probed", "attempted"):
        reasons.append(say("reason.more_may_have_happened"))
        reasons += sight.missing
    return Judgement(verdict, reasons)


def judge_hosts(
    campaign: Campaign,
    hosts: Iterable[str],
    findings: Sequence[Finding],
    sights: Mapping[tuple[str, str], Sight],
    ladder: Ladder,
) -> dict[str, Judgement]:
    """The hosts of which something can be said: those whose logs should show the campaign, and those where it was found."""
    judged: dict[str, Judgement] = {}
    for host in hosts:
        sight = sights.get((campaign.id, host))
        own = (
            judge_host(campaign, host, findings, sight, ladder)
            if sight is not None
            else judge_found(host, findings, ladder, campaign.id)
        )
        if own is not None:
            judged[host] = own
    return judged


def judge_found(host: str, findings: Sequence[Finding], ladder: Ladder, campaign: str | None) -> Judgement | None:
    """What the rules of *campaign* (None: the user's own) show on a host; None when nothing of it grades anything."""
    own = [f for f in findings if f.host == host and ladder.campaign(f) == campaign and ladder.grade(f) is not None]
    if not own:
        return None
    return Judgement(
        worst([ladder.grade(f) or "no_evidence" for f in own]), [_reason(f) for f in _telling(own, ladder)]
    )


def _telling(findings: Sequence[Finding], ladder: Ladder) -> list[Finding]:
    """The findings that say most: worst verdict first, then the highest stage; one of each rule."""

    def weight(finding: Finding) -> tuple[int, tuple[int, int], int, tuple[str, str, str]]:
        grade = ladder.grade(finding) or "no_evidence"
        worst_first, furthest_first = ladder.rank(finding)
        return -VERDICTS.index(grade), (-worst_first, -furthest_first), finding.first_ms, finding.key

    chosen: dict[str, Finding] = {}
    for finding in sorted(findings, key=weight):
        chosen.setdefault(finding.rule.id, finding)
    return list(chosen.values())[:MOST_REASONS]


def _reason(finding: Finding) -> str:
    if not finding.dated:
        return _reason_of_files(finding)
    origin = say("reason.origin", address=finding.source_ip) if finding.source_ip else ""
    what = {"host": finding.host, "rule": Sentence(finding.rule.title), "finding": finding.id, "origin": origin}
    if finding.count == 1:
        return say("reason.once", **what, time=rfc3339(finding.first_ms))
    return say("reason.often", **what, n=finding.count, time=rfc3339(finding.first_ms))


def _reason_of_files(finding: Finding) -> str:
    """Of files their paths say more than their times."""
    paths = list(dict.fromkeys(line.detail for line in finding.lines if line.detail))
    shown = ", ".join(paths[:2])
    if len(paths) > 2:
        shown = say("list.more_paths", items=shown, n=finding.count - 2)
    rule = Sentence(finding.rule.title)
    return say("reason.files", host=finding.host, rule=rule, finding=finding.id, paths=shown)


def judge_campaign(campaign: Campaign, by_host: Mapping[str, Judgement], where: Sequence[str] = ()) -> Judgement:
    """The worst of the hosts, with each host's reasons. ``where``: hosts of which a log that can show it was read."""
    if not by_host and not campaign.visibility and where:
        return Judgement("no_evidence", [say("reason.not_in_logs", hosts=", ".join(where))])
    if not by_host:
        return Judgement("cannot_tell", [say("reason.no_log", campaign=Sentence(campaign.title))])
    verdict = worst([judgement.verdict for judgement in by_host.values()])
    reasons = [
        reason
        for host in sorted(by_host, key=lambda host: (-VERDICTS.index(by_host[host].verdict), host))
        for reason in by_host[host].reasons
        if by_host[host].verdict == verdict
    ]
    return Judgement(verdict, reasons)


def judge_all(judgements: Sequence[Judgement]) -> str:
    """The worst verdict; without any judgement nothing can be told."""
    return worst([judgement.verdict for judgement in judgements], default="cannot_tell")
