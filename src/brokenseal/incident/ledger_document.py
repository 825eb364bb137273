"""The mailbox ledger, what left the server, and who is taken for the intruder, as the document shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from brokenseal.events import Source
from brokenseal.events.sources import rfc3339
from brokenseal.incident.actors import Actor
from brokenseal.incident.ledger_rows import GAPS, MailboxAccess
from brokenseal.incident.mailbox_changes import MailboxChange
from brokenseal.incident.outflow import Outflow
from brokenseal.incident.references import reference
from brokenseal.incident.tracked_mail import Received, TrackedMail, TrackedMessage
from brokenseal.incident.travel import TravelHint

Json = dict[str, object]


def mailbox_entry(
    row: MailboxAccess, incomplete: Sequence[str], by_id: Mapping[int, Source], *, subjects: bool
) -> Json:
    """The ``mailbox`` of ``incident.schema.json``. What bounds nothing is null: it may be the whole mailbox."""
    complete = not incomplete
    return {
        "mailbox": row.mailbox,
        "display_name": row.display_name,
        "known_as": row.known_as,
        "intrusion": row.intrusion,
        "access": row.access,
        "first": rfc3339(row.first_ms),
        "last": rfc3339(row.last_ms),
        "requests": row.requests,
        "items_at_least": row.items_at_least,
        "items_at_most": row.items_at_most if complete else None,
        "bytes_at_least": row.bytes_at_least,
        "bytes_at_most": row.bytes_at_most if complete or (row.bytes_known and GAPS not in incomplete) else None,
        "complete": complete,
        "incomplete_because": list(incomplete),
        "confidence": row.confidence,
        "confidence_because": row.confidence_because,
        "protocols": row.protocols,
        "source_ips": row.source_ips,
        "users": row.users,
        "folders": row.folders,
        "actions": [{"operation": name, "count": times} for name, times in sorted(row.actions.items())],
        "changes": [change_entry(change, by_id) for change in row.changes],
        "received": _received(row.received),
        "estimate": _estimate(row),
        "tracked_total": _tracked_total(row.tracked, subjects=subjects),
        "hints": [hint_entry(hint, by_id) for hint in row.hints],
        **(_single_messages(row) if subjects else {}),
        "evidence": [reference(line, by_id) for line in row.lines],
    }


def _received(received: Received | None) -> Json | None:
    if received is None:
        return None
    return {
        "first": rfc3339(received.first_ms),
        "last": rfc3339(received.last_ms),
        "messages": received.messages,
        "bytes": received.size,
        "complete": received.complete,
    }


def _estimate(row: MailboxAccess) -> Json | None:
    """How many messages the bytes may be, where nothing counts them; never a bound."""
    mean = row.received.mean if row.received is not None else None
    if row.received is None or mean is None or not row.bytes_at_least:
        return None
    return {"messages": round(row.bytes_at_least / mean), "message_bytes": mean, "of": row.received.messages}


def _tracked_total(tracked: TrackedMail | None, *, subjects: bool) -> Json | None:
    """Sums of a row. Without *subjects* a sum over one message is left out: it would be that message's own."""
    if tracked is None:
        return None
    told = subjects or tracked.messages > 1
    return {
        "messages": tracked.messages,
        "sent": tracked.sent,
        "senders": tracked.senders,
        "bytes": tracked.size if told else None,
        "first": _moment(tracked.first_ms) if told else None,
        "last": _moment(tracked.last_ms) if told else None,
    }


def _single_messages(row: MailboxAccess) -> Json:
    """What is private: facts of single messages."""
    listed = row.tracked.listed if row.tracked is not None else []
    return {
        "messages": row.message_ids,
        "subjects": row.subjects,
        "tracked": [_tracked(message) for message in listed],
    }


def _moment(time_ms: int | None) -> str | None:
    return None if time_ms is None else rfc3339(time_ms)


def _tracked(message: TrackedMessage) -> Json:
    return {
        "how": message.how,
        "sender": message.sender,
        "recipients": message.recipients,
        "bytes": message.size,
        "delivered": _moment(message.delivered_ms),
        "id": message.message_id,
        "subject": message.subject,
    }


def change_entry(change: MailboxChange, by_id: Mapping[int, Source]) -> Json:
    """The ``change`` of ``incident.schema.json``."""
    return {
        "what": change.what,
        "when": rfc3339(change.time_ms),
        "by": change.by,
        "from": change.source_ip,
        "to": change.to,
        "detail": change.detail,
        "intrusion": change.intrusion,
        "evidence": [reference(line, by_id) for line in change.lines],
    }


def hint_entry(hint: TravelHint, by_id: Mapping[int, Source]) -> Json:
    """The ``hint`` of ``incident.schema.json``."""
    return {
        "user": hint.user,
        "from": hint.first_ip,
        "from_place": hint.first_place,
        "to": hint.second_ip,
        "to_place": hint.second_place,
        "left": rfc3339(hint.left_ms),
        "arrived": rfc3339(hint.arrived_ms),
        "km": hint.km,
        "hours": hint.hours,
        "evidence": [reference(line, by_id) for line in hint.lines],
    }


def outflow_entry(outflow: Outflow) -> Json:
    """The ``outflow`` of ``incident.schema.json``."""
    return {
        "clients": [
            {
                "ip": client.ip,
                "bytes": client.bytes,
                "unexplained_bytes": client.unexplained,
                "requests": client.requests,
                "first": rfc3339(client.first_ms),
                "last": rfc3339(client.last_ms),
                "users": client.users,
                "intrusion": client.intrusion,
            }
            for client in outflow.clients
        ],
        "hours": [
            {"hour": rfc3339(hour.time_ms), "actor_bytes": hour.actor, "other_bytes": hour.others}
            for hour in outflow.hours
        ],
    }


def actor_entries(actors: Sequence[Actor]) -> list[Json]:
    """The ``actors`` of ``incident.schema.json``."""
    return [{"intrusion": actor.intrusion, "ip": actor.ip, "agent": actor.agent, "why": actor.why} for actor in actors]
