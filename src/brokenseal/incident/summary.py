"""The verdict as one sentence that an administrator can read out on the telephone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from brokenseal.events.sources import rfc3339
from brokenseal.incident.hosts import UNKNOWN
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.ledger_rows import EXPORT_REQUEST, SHOWS_READING, MailboxAccess
from brokenseal.incident.stages import Ladder

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
    where = _named(names) if names else "the evidence"
    title = " and ".join(campaign_titles)
    # Dates and steps are those of what the verdict speaks of, not of a failed try elsewhere.
    meant = [i for i in intrusions if not names or (set(i.hosts) & set(names) and ladder.broke_in(i.findings))]
    intrusions = meant or intrusions
    if verdict == "mail_read":
        sentence = f"Broken into, and mail was read: {_mail(ledger)} on {where}, {_span(intrusions, ledger)}."
    elif verdict == "breached":
        sentence = f"Broken into: {where}, {_span(intrusions)}. Highest step: {_step(intrusions, ladder)}."
        sentence += _other_ways(ledger)
    elif verdict == "attempted":
        sentence = f"Attacked, but nothing shows that it succeeded: {where}. Highest step: {_step(intrusions, ladder)}."
    elif verdict == "probed":
        sentence = f"Probed only: somebody tested {where} for the flaws of {title}; nothing further was seen."
    elif verdict == "no_evidence":
        sentence = f"No evidence that {where} was broken into by {title}, and the logs cover the time in question."
    else:
        sentence = f"Cannot tell whether {where} was broken into by {title}: the logs that would show it are missing."
    if changed or whole:
        boxes = [("1 mailbox" if changed == 1 else f"{changed} mailboxes")] if changed else []
        boxes += ["the whole organisation"] if whole else []
        sentence += (
            f" Settings of {' and of '.join(boxes)} were changed so that somebody else gets mail: see whose mail."
        )
    blind = sorted(host for host, own in hosts.items() if own == "cannot_tell")
    if blind and verdict != "cannot_tell":
        sentence += f" For {_named(blind)} the logs do not suffice to tell."
    return sentence


def amount(number: int) -> str:
    """Bytes in the largest unit that leaves at least one: 31,200,000 as '31.2 MB'."""
    value = float(number)
    for unit in _UNITS:
        if value < _STEP or unit == _UNITS[-1]:
            return f"{number} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= _STEP
    raise AssertionError


def _other_ways(ledger: Sequence[MailboxAccess]) -> str:
    exported = {row.mailbox or "?" for row in ledger if row.access == EXPORT_REQUEST}
    left = sum(row.bytes_at_least for row in ledger)
    sentence = ""
    if exported:
        sentence += f" In its time {len(exported)} mailbox(es) were exported: see whose mail."
    if left:
        sentence += f" At least {amount(left)} left by forged requests; whose data it was is not known."
    return sentence or " No reading of mail by this way was seen."


def _mail(ledger: Sequence[MailboxAccess]) -> str:
    mailboxes = {row.mailbox for row in ledger if row.mailbox is not None}
    left = sum(row.bytes_at_least for row in ledger)
    if not mailboxes:
        return f"at least {amount(left)} left, of mailboxes that the logs do not name"
    count = "1 mailbox" if len(mailboxes) == 1 else f"{len(mailboxes)} mailboxes"
    more = ", and more of mailboxes that the logs do not name" if any(row.mailbox is None for row in ledger) else ""
    return f"{count}{more}, at least {amount(left)} in all"


def _span(intrusions: Sequence[Intrusion], ledger: Sequence[MailboxAccess] = ()) -> str:
    """From the first to the last finding, and to the last reading that only the ledger knows."""
    if not intrusions:
        return "at an unknown time"
    told = [row for row in ledger if row.access in SHOWS_READING]
    first = min([*(intrusion.first_ms for intrusion in intrusions), *(row.first_ms for row in told)])
    last = max([*(intrusion.last_ms for intrusion in intrusions), *(row.last_ms for row in told)])
    if rfc3339(first)[:10] == rfc3339(last)[:10]:
        return f"on {rfc3339(first)[:10]}"
    return f"between {rfc3339(first)[:10]} and {rfc3339(last)[:10]}"


def _step(intrusions: Sequence[Intrusion], ladder: Ladder) -> str:
    stage = ladder.highest([finding for intrusion in intrusions for finding in intrusion.findings])
    return stage.title.rstrip(".")[:1].lower() + stage.title.rstrip(".")[1:] if stage else "unknown"


def _in_words(host: str) -> str:
    if host == UNKNOWN:
        return "a server whose name is not known"
    if host.startswith(UNKNOWN):
        return f"a server whose name is not known {host.removeprefix(UNKNOWN).strip()}"
    return host


def _named(names: Sequence[str], most: int = 4) -> str:
    names = list(dict.fromkeys(_in_words(name) for name in names))
    if len(names) > most:
        return f"{len(names)} servers ({', '.join(names[:most])} and {len(names) - most} more)"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
