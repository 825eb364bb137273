"""Messages that an intruder sent in a user's name: his call that sends mail, and message tracking at the same moment."""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.events import EventStore
from brokenseal.incident.findings import Line
from brokenseal.incident.identities import Identities, plain_name
from brokenseal.incident.ledger_rows import SIGNED_IN, MailboxAccess
from brokenseal.incident.tracked_mail import MOST_TRACKED, TrackedMail, TrackedMessage

#: How an action of a ledger row is called.
SENT = "message sent (message tracking)"
#: Calls of EWS, Outlook on the web and ActiveSync that send mail.
_SENDING = "createitem|senditem|sendmail|smartreply|smartforward"
#: The server takes a message over within so many seconds of the call.
_NEAR_SECONDS = 5
#: Lines of evidence added to a row.
_MOST_LINES = 10


def add_sent_messages(store: EventStore, ledger: Sequence[MailboxAccess], identities: Identities) -> None:
    """Add to the rows of *ledger* the messages that were sent, with their lines. Needs the table ``actor_requests``."""
    tracking = store.events("message_tracking")
    if tracking is None or not any(row.access == SIGNED_IN for row in ledger):
        return
    rows = store.engine.query(
        'SELECT DISTINCT q.intrusion, q.mailbox, t."sender-address" AS sender, t."message-id" AS message, '
        't."recipient-count" AS recipients, t."total-bytes" AS size, t."message-subject" AS subject, '
        't.source_id, t.line, t."offset", epoch_ms(t.time) AS time_ms, r.rank FROM actor_requests q '
        f"JOIN {tracking} t ON t.time BETWEEN q.time - INTERVAL {_NEAR_SECONDS} SECOND "
        f"AND q.time + INTERVAL {_NEAR_SECONDS} SECOND JOIN source_ranks r ON r.source_id = t.source_id "
        f"WHERE regexp_matches(lower(q.action), '{_SENDING}') AND upper(t.\"event-id\") = 'SUBMIT' "
        "ORDER BY time_ms, r.rank, t.line"
    ).to_pylist()
    seen: set[tuple[str | None, str]] = set()
    senders: dict[int, set[str]] = {}
    for row in rows:
        if not row["sender"] or _name(row["sender"], identities) != _name(row["mailbox"], identities):
            continue
        for entry in ledger:
            told = entry.access == SIGNED_IN and entry.intrusion == row["intrusion"]
            if not told or _name(entry.mailbox, identities) != _name(row["mailbox"], identities):
                continue
            key = (row["intrusion"], row["message"] or f"{row['source_id']} {row['line']}")
            if key in seen:
                continue
            seen.add(key)
            entry.actions[SENT] = entry.actions.get(SENT, 0) + 1
            sender = row["sender"].lower()
            senders.setdefault(id(entry), set()).add(sender)
            entry.tracked = tracked = entry.tracked or TrackedMail(first_ms=row["time_ms"])
            tracked.messages, tracked.sent = entry.actions[SENT], entry.actions[SENT]
            tracked.senders, tracked.size = len(senders[id(entry)]), tracked.size + (row["size"] or 0)
            tracked.last_ms = row["time_ms"]
            if len(tracked.listed) < MOST_TRACKED:
                told = (row["message"] or "", sender, row["recipients"], row["size"], row["time_ms"])
                tracked.listed.append(TrackedMessage("sent", *told, row["subject"]))
            if entry.actions[SENT] <= _MOST_LINES:
                entry.lines.append(Line(row["source_id"], row["line"], row["offset"], row["time_ms"]))


def _name(name: str | None, identities: Identities) -> str | None:
    person = identities.person(name)
    return person.name if person is not None else plain_name(name) if name else None
