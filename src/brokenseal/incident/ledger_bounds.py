"""What a ledger's numbers can be at most, how sure they are, and which rows mean the same person."""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.incident.identities import Identities
from brokenseal.incident.ledger_rows import (
    AUDITED,
    BY_TIME,
    EXPORT_REQUEST,
    FORWARDED,
    SETTINGS_CHANGED,
    SIGNED_IN,
    MailboxAccess,
)

HIGH, MEDIUM, LOW = "high", "medium", "low"
#: Lists kept when rows of one person are put together.
_MOST = 1000


def finished(ledger: Sequence[MailboxAccess], order: Sequence[str], identities: Identities) -> list[MailboxAccess]:
    """The rows by intrusion (*order*; those of others last) and first access, with upper bounds, persons and confidence."""
    merged = _by_person(ledger, identities)
    unknown = _unknown_bytes(merged)
    for row in merged:
        row.bytes_at_most = _bytes_at_most(row, unknown)
        row.items_at_most = row.items_at_least if row.items_known and row.mailbox is not None else None
        row.confidence, row.confidence_because = _confidence(row, order)
    place = {intrusion: at for at, intrusion in enumerate(order)}
    return sorted(
        merged,
        key=lambda row: (
            place.get(row.intrusion or "", len(place)),
            row.mailbox is None,
            row.first_ms,
            row.mailbox or "",
            row.access,
        ),
    )


def _by_person(ledger: Sequence[MailboxAccess], identities: Identities) -> list[MailboxAccess]:
    """Rows that mean the same person in one way of access become one; without a directory nothing is guessed."""
    found: dict[tuple[str | None, str, str | None], MailboxAccess] = {}
    for row in ledger:
        person = identities.person(row.mailbox)
        if row.mailbox is not None:
            row.known_as = [row.mailbox]
        if person is not None:
            row.mailbox, row.display_name = person.name, person.display_name
        key = (row.intrusion, row.access, row.mailbox)
        known = found.get(key)
        if known is None:
            found[key] = row
        else:
            _add(known, row)
    return list(found.values())


def _add(known: MailboxAccess, row: MailboxAccess) -> None:
    known.first_ms, known.last_ms = min(known.first_ms, row.first_ms), max(known.last_ms, row.last_ms)
    known.requests += row.requests
    known.items_at_least += row.items_at_least
    known.bytes_at_least += row.bytes_at_least
    known.items_known &= row.items_known
    known.bytes_known &= row.bytes_known
    for name in (
        "hosts",
        "protocols",
        "source_ips",
        "users",
        "known_as",
        "folders",
        "message_ids",
        "subjects",
        "tied_by",
    ):
        setattr(known, name, sorted({*getattr(known, name), *getattr(row, name)})[:_MOST])
    known.incomplete = list(dict.fromkeys([*known.incomplete, *row.incomplete]))
    known.lines = sorted([*known.lines, *row.lines], key=lambda line: line.time_ms)[:50]
    known.changes = sorted([*known.changes, *row.changes], key=lambda change: change.time_ms)
    for operation, times in row.actions.items():
        known.actions[operation] = known.actions.get(operation, 0) + times


def _unknown_bytes(ledger: Sequence[MailboxAccess]) -> dict[str | None, int]:
    """Bytes of each intrusion of which no mailbox is known: each may be of any mailbox it read."""
    unknown: dict[str | None, int] = {}
    for row in ledger:
        if row.mailbox is None:
            unknown[row.intrusion] = unknown.get(row.intrusion, 0) + row.bytes_at_least
    return unknown


def _bytes_at_most(row: MailboxAccess, unknown: dict[str | None, int]) -> int | None:
    if not row.bytes_known or row.access == EXPORT_REQUEST:
        return None
    return row.bytes_at_least + (unknown.get(row.intrusion, 0) if row.mailbox is not None else 0)


def _confidence(row: MailboxAccess, order: Sequence[str]) -> tuple[str, str]:
    """high: the log itself names mailbox and intruder; medium: joined by time, or by an address that users may share.

    The second says what it rests on, as in ``incident.schema.json``.
    """
    if row.mailbox is None:
        return LOW, "mailbox-unknown"
    if row.intrusion not in order:
        return LOW, "named-by-user"
    if row.access in (FORWARDED, SETTINGS_CHANGED):
        return MEDIUM, f"setting-{'-'.join(row.tied_by)}"
    if row.access in (SIGNED_IN, AUDITED):
        return MEDIUM, "address"
    return (MEDIUM, "time") if BY_TIME in row.incomplete else (HIGH, "logs")
