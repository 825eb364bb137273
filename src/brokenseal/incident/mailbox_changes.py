"""Settings that an intruder changed so that somebody else gets mail: forwarding, rules, rights, applications, transport.

What a log says of one act in several places is one change with several lines of evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from brokenseal.events import EventStore
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.identities import Identities, plain_name
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.ledger_rows import FORWARDS, RIGHTS, RULES, SETTINGS_CHANGED, MailboxAccess
from brokenseal.incident.setting_events import SettingEvent, setting_events
from brokenseal.incident.setting_kinds import SettingKind, operations, parameters, plain_operation, setting_kinds

#: Two logs have one act within so many milliseconds.
_ONE_ACT_MS = 5_000


@dataclass(slots=True)
class MailboxChange:
    """One setting changed by an intruder. ``mailbox`` null: it reaches every mailbox. Time in milliseconds since 1970 UTC.

    ``by`` is the account as logged, ``source_ip`` the client, null where the log names none; ``to`` who gets the mail or the
    rights; ``detail`` what was set, as logged.
    """

    what: str
    mailbox: str | None
    time_ms: int
    by: str | None
    source_ip: str | None
    to: list[str]
    detail: str
    intrusion: str | None
    hosts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def mailbox_changes(store: EventStore, intrusions: Sequence[Intrusion], identities: Identities) -> list[MailboxChange]:
    """All changes of the intruders, by time. *intrusions*: those that broke in."""
    found: list[MailboxChange] = []
    by_number: dict[int, list[MailboxChange]] = {}
    for event in setting_events(store, operations(), intrusions):
        for change in _changes(event):
            told = by_number.setdefault(event.number, [])
            known = next(
                (each for each in told if (each.what, each.to) == (change.what, change.to)),
                next((each for each in found if _same(each, change, identities)), None),
            )
            if known is not None:
                _add(known, change)
            elif not event.copy:
                # A row that only stands near an intruder's must say the very same; else it is somebody else's.
                found.append(change)
                told.append(change)
    return sorted(found, key=lambda each: (each.time_ms, each.mailbox or "", each.what, each.detail))


def changed_mailboxes(changes: Sequence[MailboxChange]) -> list[MailboxAccess]:
    """A row of the ledger for each intrusion and mailbox that was changed; of reading it says nothing."""
    rows: dict[tuple[str | None, str], MailboxAccess] = {}
    for change in changes:
        if change.mailbox is None:
            continue
        key, at = (change.intrusion, change.mailbox), change.time_ms
        row = rows.setdefault(key, MailboxAccess(*key, SETTINGS_CHANGED, at, at, 0, 0, 0, []))
        row.requests += 1
        row.last_ms = at
        row.changes.append(change)
        row.tie([change])
        row.hosts = sorted({*row.hosts, *change.hosts})
        row.source_ips = sorted({*row.source_ips, *([change.source_ip] if change.source_ip else [])})
        row.users = sorted({*row.users, *([change.by.lower()] if change.by else [])})
        row.incomplete = list(dict.fromkeys([*row.incomplete, _reason(change)]))
        row.lines = [*row.lines, *change.lines][:EVIDENCE_LINES]
    return list(rows.values())


def with_changes(ledger: Sequence[MailboxAccess]) -> list[MailboxAccess]:
    """*ledger* in its order, with the changes of a mailbox that was read at its first row, and no row for them alone."""
    first: dict[tuple[str | None, str | None], MailboxAccess] = {}
    for row in ledger:
        if row.access != SETTINGS_CHANGED:
            first.setdefault((row.intrusion, row.mailbox), row)
    kept = []
    for row in ledger:
        reading = first.get((row.intrusion, row.mailbox)) if row.access == SETTINGS_CHANGED else None
        if reading is None:
            kept.append(row)
        else:
            reading.changes = row.changes
    return kept


def _changes(event: SettingEvent) -> list[MailboxChange]:
    given = parameters(event.parameters, event.kind)
    if event.target:
        given.setdefault("target", event.target)
    operation = plain_operation(event.operation)
    found = []
    for kind in setting_kinds():
        if kind.fits(operation, given):
            found.append(
                MailboxChange(
                    kind.what,
                    _mailbox(kind, given, event),
                    event.time_ms,
                    event.account,
                    event.ip,
                    kind.receivers(given),
                    kind.detail(event.operation, given),
                    event.intrusion,
                    [event.host] if event.host else [],
                    [Line(event.source_id, event.line, event.offset, event.time_ms, event.record)],
                )
            )
    return found


def _mailbox(kind: SettingKind, given: dict[str, str], event: SettingEvent) -> str | None:
    if kind.whole or "true" in given.get("consentcontext.isadminconsent", "").lower():
        return None
    named = next((given[name] for name in kind.mailbox if given.get(name)), None)
    if named is None:
        signed_in = event.mailbox or event.account
        return signed_in.lower() if signed_in else "(not named by the log)"
    # Of a folder, user:\folder.
    return named.partition(":\\")[0].strip().lower()


def _same(known: MailboxChange, change: MailboxChange, identities: Identities) -> bool:
    """Whether two rows tell of one act: the same thing for the same mailbox within seconds, in different files."""
    return (
        (known.what, known.to, known.intrusion) == (change.what, change.to, change.intrusion)
        and abs(known.time_ms - change.time_ms) <= _ONE_ACT_MS
        and _name(known.mailbox, identities) == _name(change.mailbox, identities)
        and all(line.source_id != change.lines[0].source_id for line in known.lines)
    )


def _name(mailbox: str | None, identities: Identities) -> str | None:
    person = identities.person(mailbox)
    return person.name if person is not None else plain_name(mailbox) if mailbox else None


def _add(known: MailboxChange, change: MailboxChange) -> None:
    known.lines = [*known.lines, *change.lines][:EVIDENCE_LINES]
    known.hosts = sorted({*known.hosts, *change.hosts})
    known.by = known.by or change.by
    known.source_ip = known.source_ip or change.source_ip


def _reason(change: MailboxChange) -> str:
    if change.what == "forwarding":
        return FORWARDS
    return RULES if change.what == "inbox-rule" else RIGHTS
