"""The verdict as one sentence that an administrator can read out on the telephone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from brokenseal.events.sources import rfc3339
from brokenseal.incident.hosts import UNKNOWN
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.ledger_rows import EXPORT_REQUEST, FORWARDED, OTHER_SSRF, SHOWS_READING, MailboxAccess
from brokenseal.incident.stages import Ladder
from brokenseal.sentences import Sentence, joined, say

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000


def summarise(
    verdict: str,
    hosts: Mapping[str, str],
    campaign_titles: Sequence[str],
    intrusions: Sequence[Intrusion],
    ledger: Sequence[MailboxAccess],
    whole: int,
    ladder: Ladder,
) -> str:
    """*hosts* maps each host to its verdict. The sentence says also which hosts cannot be judged.

    ``whole``: how many settings were changed that reach every mailbox.
    """
    changed = len({row.mailbox for row in ledger if row.changes})
    ledger = [row for row in ledger if row.read]
    names = sorted(host for host, own in hosts.items() if own == verdict)
    if verdict == "mail_read" and not names:
        # Only audit records show the reading, and they name no server.
        names = sorted(host for host, own in hosts.items() if own == "breached")
    where = _named(names) if names else say("summary.the_evidence")
    title = joined("list.and", [Sentence(title) for title in campaign_titles])
    # Dates and steps are those of what the verdict speaks of, not of a failed try elsewhere.
    meant = [i for i in intrusions if not names or (set(i.hosts) & set(names) and ladder.broke_in(i.findings))]
    intrusions = meant or intrusions
    if verdict == "mail_read":
        sentence = _read(ledger, where, _span(intrusions, ledger), _by_findings(intrusions, ladder))
    elif verdict == "breached":
        step = _step(intrusions, ladder)
        sentence = say("summary.breached", where=where, when=_span(intrusions), step=step, mail=_other_ways(ledger))
    elif verdict == "attempted":
        sentence = say("summary.attempted", where=where, step=_step(intrusions, ladder))
    elif verdict == "probed":
        sentence = say("summary.probed", where=where, campaigns=title)
    elif verdict == "no_evidence":
        sentence = say("summary.no_evidence", where=where, campaigns=title)
    else:
        sentence = say("summary.cannot_tell", where=where, campaigns=title)
    if changed or whole:
        boxes = [boxes_in_words(changed)] if changed else []
        boxes += [say("summary.organisation")] if whole else []
        sentence = say("summary.changed", sentence=sentence, boxes=joined("list.and_of", boxes))
    blind = sorted(host for host, own in hosts.items() if own == "cannot_tell")
    if blind and verdict != "cannot_tell":
        sentence = say("summary.blind", sentence=sentence, hosts=_named(blind))
    return sentence


def _read(ledger: Sequence[MailboxAccess], where: str, when: str, by_findings: bool) -> str:
    """Mail that was only sent on was not read on the server: the sentence says which it was."""
    sent_on = [row for row in ledger if row.access == FORWARDED]
    others = [row for row in ledger if row.access not in (FORWARDED, OTHER_SSRF)]
    if not sent_on:
        return say("summary.mail_read", mail=_mail(ledger), where=where, when=when)
    if others or by_findings:
        return say("summary.mail_read_and_sent_on", mail=_mail(ledger), where=where, when=when)
    sentence = say("summary.mail_sent_on", mail=_mail(sent_on), where=where, when=when)
    left = sum(row.bytes_at_least for row in ledger if row.access == OTHER_SSRF)
    return say("summary.left", before=sentence, amount=amount(left)) if left else sentence


def _by_findings(intrusions: Sequence[Intrusion], ladder: Ladder) -> bool:
    return any(ladder.grade(finding) == "mail_read" for each in intrusions for finding in each.findings)


def boxes_in_words(number: int) -> str:
    return say("summary.boxes", n=number)


def amount(number: int) -> str:
    """Bytes in the largest unit that leaves at least one: 31,200,000 as '31.2 MB'."""
    value = float(number)
    for unit in _UNITS:
        if value < _STEP or unit == _UNITS[-1]:
            return say("amount.bytes", n=number) if unit == "bytes" else say(f"amount.{unit}", value=value)
        value /= _STEP
    raise AssertionError


def _other_ways(ledger: Sequence[MailboxAccess]) -> str:
    exported = {row.mailbox or "?" for row in ledger if row.access == EXPORT_REQUEST}
    left = sum(row.bytes_at_least for row in ledger)
    sentence = ""
    if exported:
        sentence = say("summary.exported", before=sentence, n=len(exported))
    if left:
        sentence = say("summary.left", before=sentence, amount=amount(left))
    return sentence or say("summary.nothing_read")


def _mail(ledger: Sequence[MailboxAccess]) -> str:
    mailboxes = {row.mailbox for row in ledger if row.mailbox is not None}
    left = sum(row.bytes_at_least for row in ledger)
    if not mailboxes:
        return say("summary.unnamed_mail", amount=amount(left))
    more = say("summary.more_mail") if any(row.mailbox is None for row in ledger) else ""
    return say("summary.mail", n=len(mailboxes), more=more, amount=amount(left))


def _span(intrusions: Sequence[Intrusion], ledger: Sequence[MailboxAccess] = ()) -> str:
    """From the first to the last finding, and to the last reading that only the ledger knows."""
    if not intrusions:
        return say("summary.unknown_time")
    told = [row for row in ledger if row.access in SHOWS_READING]
    first = min([*(intrusion.first_ms for intrusion in intrusions), *(row.first_ms for row in told)])
    last = max([*(intrusion.last_ms for intrusion in intrusions), *(row.last_ms for row in told)])
    return days_in_words(first, last)


def days_in_words(first_ms: int, last_ms: int) -> str:
    """The day or days of two times in milliseconds since 1970 UTC."""
    first, last = rfc3339(first_ms)[:10], rfc3339(last_ms)[:10]
    return say("summary.on_day", day=first) if first == last else say("summary.between", first=first, last=last)


def _step(intrusions: Sequence[Intrusion], ladder: Ladder) -> str:
    stage = ladder.highest([finding for intrusion in intrusions for finding in intrusion.findings])
    if stage is None:
        return say("summary.unknown_step")
    return Sentence(stage.title.rstrip(".")[:1].lower() + stage.title.rstrip(".")[1:])


def _in_words(host: str) -> str:
    if host == UNKNOWN:
        return say("summary.nameless")
    if host.startswith(UNKNOWN):
        return say("summary.nameless_part", part=host.removeprefix(UNKNOWN).strip())
    return host


def _named(names: Sequence[str], most: int = 4) -> str:
    names = list(dict.fromkeys(_in_words(name) for name in names))
    if len(names) > most:
        listed = joined("list.comma", names[:most])
        return say("summary.servers", n=len(names), hosts=listed, rest=len(names) - most)
    return names[0] if len(names) == 1 else say("list.and", first=joined("list.comma", names[:-1]), second=names[-1])
