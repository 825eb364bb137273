"""What the ledger adds to the verdict: mail read by somebody signed in, or sent on, shows reading that no rule finds.

Findings say how somebody came in; the ledger says that an intruder's addresses then read mail with valid sign-ins, or that
settings of his sent it on. Both make the verdict ``mail_read``. Where only the user says whose an address is, the reason
says so, and the summary says what the evidence alone shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from brokenseal.incident.actors import Actor
from brokenseal.incident.forwarded_mail import SENDS_ON
from brokenseal.incident.intrusions import Intrusion, NamedByUser
from brokenseal.incident.ledger_rows import AUDITED, FORWARDED, SHOWS_READING, MailboxAccess
from brokenseal.incident.mailbox_changes import MailboxChange
from brokenseal.incident.stages import VERDICTS
from brokenseal.incident.summary import amount, boxes_in_words, days_in_words
from brokenseal.incident.verdicts import Judgement
from brokenseal.sentences import say

MAIL_READ = "mail_read"
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading that the ledger shows of one intrusion: on which hosts, and the reason as a sentence."""

    intrusion: str | None
    hosts: frozenset[str]
    reason: str
    by_user: bool


def readings(
    rows: Sequence[MailboxAccess],
    inside: Collection[str],
    actors: Sequence[Actor],
    host_of: Callable[[int], str],
) -> list[Reading]:
    """*inside*: the intrusions that broke in; of all others only the user says that they are intruders'.

    *host_of*: the host of a source by its number, for rows that name none.
    """
    found = []
    for intrusion in dict.fromkeys(row.intrusion for row in rows if row.access in SHOWS_READING):
        own = [row for row in rows if row.intrusion == intrusion]
        by_user = intrusion not in inside
        for forwarded in (False, True):
            told = [row for row in own if row.access in SHOWS_READING and (row.access == FORWARDED) is forwarded]
            if told:
                hosts = {host for row in told for host in _hosts(row, host_of)}
                reason = _forwarded(told, own) if forwarded else _signed_in(told, intrusion, actors, by_user)
                found.append(Reading(intrusion, frozenset(hosts), reason, by_user))
    return found


def raised(judged: Mapping[str, Judgement], shown: Sequence[Reading]) -> dict[str, Judgement]:
    """The hosts' verdicts with the ledger's reasons; one that is worse already keeps its own, and what the user named."""
    found = dict(judged)
    for host, own in judged.items():
        more = [each.reason for each in shown if host in each.hosts and (each.by_user or own.verdict != MAIL_READ)]
        if more:
            found[host] = Judgement(MAIL_READ, [*more, *own.reasons])
    return found


def named_intrusion(
    number: str,
    rows: Sequence[MailboxAccess],
    changes: Sequence[MailboxChange],
    host_of: Callable[[int], str],
) -> Intrusion | None:
    """What the user's addresses and agents did, as an intrusion of its own; None if they did nothing that is seen."""
    own = [row for row in rows if row.intrusion == number]
    also = [change for change in changes if change.intrusion == number]
    if not own and not also:
        return None
    times = [time for row in own for time in (row.first_ms, row.last_ms)] + [change.time_ms for change in also]
    hosts = {host for row in own for host in _hosts(row, host_of)} | {host for change in also for host in change.hosts}
    ips = {ip for row in own for ip in row.source_ips} | {change.source_ip for change in also if change.source_ip}
    return Intrusion([], id=number, named=NamedByUser(min(times), max(times), sorted(hosts), sorted(ips)))


def named_sentence(rows: Sequence[MailboxAccess], actors: Sequence[Actor]) -> str:
    """For the summary: what was read by whom only the user names. *rows*: those of such intrusions."""
    told = [row for row in rows if row.access in SHOWS_READING]
    when = days_in_words(min(row.first_ms for row in told), max(row.last_ms for row in told))
    size = amount(sum(row.bytes_at_least for row in told))
    names, boxes = _names(told, actors), _boxes(told)
    if any(row.access != FORWARDED for row in told):
        return say("reading.named_read", names=names, boxes=boxes, amount=size, when=when)
    return say("reading.named_forwarded", names=names, boxes=boxes, amount=size, when=when)


def worse(verdict: str) -> str:
    """The worse of *verdict* and mail read."""
    return max(verdict, MAIL_READ, key=VERDICTS.index)


def _signed_in(told: Sequence[MailboxAccess], intrusion: str | None, actors: Sequence[Actor], by_user: bool) -> str:
    if by_user:
        return say("reading.named", names=_names(told, actors), boxes=_boxes(told))
    return say("reading.signed_in", boxes=_boxes(told), intrusion=intrusion)


def _forwarded(told: Sequence[MailboxAccess], own: Sequence[MailboxAccess]) -> str:
    sending = [change for row in own for change in row.changes if change.what in SENDS_ON]
    to = sorted({name for change in sending for name in change.to if "@" in name})
    where = say("reading.to", names=_listed(to)) if to else ""
    items = sum(row.items_at_least for row in told)
    return say("reading.forwarded", boxes=_boxes(told), to=where, n=items)


def _names(told: Sequence[MailboxAccess], actors: Sequence[Actor]) -> str:
    """The addresses and agents that the user named and that these rows are from."""
    intrusions = {row.intrusion for row in told}
    seen = {ip for row in told for ip in row.source_ips}
    named = [each for each in actors if each.named and each.intrusion in intrusions]
    names = [each.ip for each in named if each.ip in seen and each.ip is not None]
    names += [f"'{each.agent[:60]}'" for each in named if each.agent]
    names = names or sorted(seen)
    return _listed(names) if names else say("reading.it")


def _boxes(told: Sequence[MailboxAccess]) -> str:
    return boxes_in_words(len({row.mailbox for row in told}))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else say("list.more", items=shown, n=len(names) - _MOST_NAMED)


def _hosts(row: MailboxAccess, host_of: Callable[[int], str]) -> list[str]:
    """Where it was read; an export of audit records says nothing of a server."""
    if row.access == AUDITED:
        return []
    return row.hosts or sorted({host_of(line.source_id) for line in row.lines})
