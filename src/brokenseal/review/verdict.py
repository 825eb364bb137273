"""The verdict with decisions: what the findings say that nobody took out as false positives.

The rule is that of :mod:`brokenseal.incident.stages`: the worst that one finding alone carries, by its outcome and its
stage. Where nothing is left, a case that did not see everything cannot tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from brokenseal.detections.campaign import load_campaigns
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.ledger_rows import SHOWS_READING
from brokenseal.incident.stages import VERDICTS, worst
from brokenseal.report.shape import Finding, IncidentDocument

_BY_OUTCOME = {"probed": "probed", "attempted": "attempted", "succeeded": "breached"}
_INSIDE = ("breached", "mail_read")
_GRADED = VERDICTS[VERDICTS.index("probed") :]


@dataclass(frozen=True, slots=True)
class Grades:
    """``stages``: verdict by campaign and stage; ``context``: ids of rules that grade nothing."""

    stages: Mapping[tuple[str, str], str]
    context: Collection[str]

    def of(self, finding: Finding) -> str | None:
        """The verdict that this finding alone carries; None for context and for what grades nothing."""
        if finding["rule"] in self.context or finding["outcome"] not in _BY_OUTCOME:
            return None
        by_outcome = _BY_OUTCOME[finding["outcome"]]
        stage = self.stages.get((finding.get("campaign") or "", finding.get("stage") or ""))
        return stage if stage is not None and finding["outcome"] == "succeeded" else by_outcome


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The scan's verdict and that with decisions, in all and by host."""

    before: str
    after: str
    hosts: Mapping[str, tuple[str, str]]
    left_out: int

    @property
    def changed(self) -> bool:
        return self.before != self.after or any(before != after for before, after in self.hosts.values())


@cache
def known() -> Knowledge:
    """The campaigns and rules that come with this version."""
    return Knowledge.load(load_campaigns(), [])


def known_grades() -> Grades:
    campaigns = known().campaigns
    stages = {(campaign.id, stage.id): stage.verdict for campaign in campaigns for stage in campaign.stages}
    return Grades(stages, frozenset(name for name, rule in known().by_id.items() if rule.context))


def known_access() -> dict[str, str | None]:
    """The access to mail that a rule marks, null for none, by the rule's id."""
    return {name: rule.mail_access for name, rule in known().by_id.items()}


def reviewed(document: IncidentDocument, left_out: Collection[str], grades: Grades) -> Reviewed:
    """``left_out``: ids of the findings that are taken for false positives."""
    if not left_out:
        same = {host["host"]: (host["verdict"], host["verdict"]) for host in document["hosts"]}
        return Reviewed(document["verdict"], document["verdict"], same, 0)
    nothing_left = "cannot_tell" if document["not_seen"] else "no_evidence"
    read = _reading(document, left_out, grades)
    hosts = {}
    for host in document["hosts"]:
        own = [
            grade
            for finding in document["findings"]
            if finding["host"] == host["host"] and finding["id"] not in left_out
            if (grade := grades.of(finding)) is not None
        ]
        unfound = nothing_left if host["verdict"] in _GRADED else host["verdict"]
        own += ["mail_read"] if host["host"] in read else []
        hosts[host["host"]] = (host["verdict"], worst(own, default=unfound))
    elsewhere = nothing_left if document["verdict"] in _GRADED else document["verdict"]
    after = worst([*(verdict for _, verdict in hosts.values()), *(["mail_read"] if read else [])], default=elsewhere)
    return Reviewed(document["verdict"], after, hosts, len(left_out))


def _reading(document: IncidentDocument, left_out: Collection[str], grades: Grades) -> set[str | None]:
    """The hosts on which the ledger shows reading by an intrusion that is still one (None: a host that is not known)."""
    findings = {finding["id"]: finding for finding in document["findings"] if finding["id"] not in left_out}
    still = {
        intrusion["id"]
        for intrusion in document["intrusions"]
        if intrusion.get("named_by") == "user"
        or any(grades.of(findings[one]) in _INSIDE for one in intrusion.get("findings", ()) if one in findings)
    }
    host_of = {file["file"]: file["host"] for file in document["evidence"]}
    return {
        host_of.get(line["file"])
        for mailbox in document["mailboxes"]
        if mailbox["access"] in SHOWS_READING and mailbox["intrusion"] in still
        for line in mailbox.get("evidence", ())
    }
