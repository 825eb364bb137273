"""What of the result rests on findings that people marked as false positives, by the ids that the document itself names.

The result is not computed anew, so little is said, and only what is certain: an intrusion is one only while a finding of it
shows more than a probe; a web shell is listed for the findings that show it; a row of the ledger needs a finding of its kind
of access in its intrusion, or, for somebody signed in, an address that findings make the intruder's; settings are an
intruder's only where he broke in. A finding of a rule
that this version does not have is taken for one that is needed, so that too little is said to fall, never too much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from brokenseal.incident.ledger_rows import (
    AUDITED,
    EXPORT_DOWNLOAD,
    EXPORT_REQUEST,
    FORWARDED,
    SETTINGS_CHANGED,
    SIGNED_IN,
)
from brokenseal.report.shape import Finding, IncidentDocument, Intrusion, Mailbox, WebShell
from brokenseal.review.verdict import Grades
from brokenseal.sentences import say

_INSIDE = ("breached", "mail_read")
_ABOVE_PROBE = ("attempted", *_INSIDE)


@dataclass(frozen=True, slots=True)
class Rest:
    """``marked``: ids of those marked as false positives among the findings that something rests on, ``left``: how many are
    not marked. Nothing marked: nothing to say."""

    marked: Sequence[str] = ()
    left: int = 0

    @property
    def falls(self) -> bool:
        """Whether it rests on nothing else: without these findings the scan would not have listed it."""
        return bool(self.marked) and not self.left


@dataclass(frozen=True, slots=True)
class Standing:
    """By the place in the document: of its intrusions, of the web shells of each, of its mailboxes."""

    intrusions: Sequence[Rest]
    webshells: Sequence[Sequence[Rest]]
    mailboxes: Sequence[Rest]


def standing(
    document: IncidentDocument, left_out: Collection[str], grades: Grades, access: Mapping[str, str | None]
) -> Standing:
    """``left_out``: ids of the marked findings. ``access``: the access to mail that each known rule marks, by its id."""
    by_id = {finding["id"]: finding for finding in document["findings"]}
    members = {
        one["id"]: [by_id[name] for name in one.get("findings", ()) if name in by_id] for one in document["intrusions"]
    }

    def intrusion(one: Intrusion) -> Rest:
        return _rest(_graded(members[one["id"]], grades, _ABOVE_PROBE), left_out)

    def shell(one: WebShell) -> Rest:
        return _rest([by_id[name] for name in one.get("findings", ()) if name in by_id], left_out)

    def mailbox(one: Mailbox) -> Rest:
        of = members.get(one["intrusion"] or "", [])
        if one["access"] in (SIGNED_IN, AUDITED):
            return _of_actor(document, one, of, left_out, grades)
        if one["access"] in (FORWARDED, SETTINGS_CHANGED):
            return _rest(_graded(of, grades, _INSIDE), left_out)
        wanted = EXPORT_REQUEST if one["access"] == EXPORT_DOWNLOAD else one["access"]
        return _rest([each for each in of if access.get(each["rule"], wanted) == wanted], left_out)

    return Standing(
        [intrusion(one) for one in document["intrusions"]],
        [[shell(each) for each in one["webshells"]] for one in document["intrusions"]],
        [mailbox(one) for one in document["mailboxes"]],
    )


def _of_actor(
    document: IncidentDocument, row: Mailbox, members: Sequence[Finding], left_out: Collection[str], grades: Grades
) -> Rest:
    """Mail read by somebody signed in: the intrusion must have broken in, and its findings name the address."""
    signs = [one for one in document.get("actors", ()) if one["intrusion"] == row["intrusion"]]
    if any(one["why"] in (say("actor.named_address"), say("actor.named_agent")) for one in signs):
        return Rest()
    inside = _rest(_graded(members, grades, _INSIDE), left_out)
    addresses = set(row.get("source_ips", ()))
    named = _rest([one for one in members if one["source_ip"] in addresses], left_out)
    # Where a user agent gives him away too, no address alone decides.
    by_agent = any(one["agent"] for one in signs)
    return named if named.falls and not by_agent and not inside.falls else inside


def _graded(findings: Iterable[Finding], grades: Grades, wanted: Collection[str]) -> list[Finding]:
    return [finding for finding in findings if grades.of(finding) in wanted]


def _rest(needed: Sequence[Finding], left_out: Collection[str]) -> Rest:
    marked = tuple(finding["id"] for finding in needed if finding["id"] in left_out)
    return Rest(marked, len(needed) - len(marked))
