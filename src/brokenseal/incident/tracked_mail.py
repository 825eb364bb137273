"""What message tracking adds to rows of the ledger: the messages that audit records name, and how much arrived at all.

* A message whose id an audit record names: sender, recipients, size as it travelled, when it was delivered. Such facts of
  single messages are private; the sums of a row are not.
* Where nothing counts the messages that were read: how many were delivered to the mailbox from the begin of the message
  tracking log to the last access. Of *this* mail no more can have been read; of older mail it says nothing.
* An estimate of how many messages a number of bytes is, by the mean size of what the mailbox gets.

None of it goes into the numbers of at least and at most: a size in message tracking is that of the message on its way,
encoded, which is mostly larger than the message in the mailbox; and that a message was opened does not say that all of it
was sent out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from brokenseal.events import EventStore
from brokenseal.events.sources import rfc3339
from brokenseal.incident.coverage import SourceCoverage, uncovered
from brokenseal.incident.forwarded_mail import MESSAGE_KEY, smtp_names
from brokenseal.incident.identities import Identities
from brokenseal.incident.ledger_rows import AUDITED, FORWARDED, SETTINGS_CHANGED, MailboxAccess
from brokenseal.incident.small_tables import NUMBER, TEXT, register_rows
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT

TRACKING = "message_tracking"
#: Messages listed of one row, and how many the mean size must be of.
MOST_TRACKED, FEWEST_FOR_MEAN = 200, 10
_HOW = ("read", "sent", "other")


@dataclass(frozen=True, slots=True)
class TrackedMessage:
    """A message as message tracking has it; ``how`` an audit record or a call names it. Size in bytes, time in ms UTC."""

    how: str
    message_id: str
    sender: str | None
    recipients: int | None
    size: int | None
    delivered_ms: int | None
    subject: str | None


@dataclass(slots=True)
class TrackedMail:
    """All such messages of a row, and the first :data:`MOST_TRACKED` of them in ``listed``.

    ``senders``: how many different ones; ``size``: bytes of those whose size is known; times of delivery in ms UTC.
    """

    messages: int = 0
    sent: int = 0
    senders: int = 0
    size: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    listed: list[TrackedMessage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Received:
    """Mail delivered to a mailbox in a time (ms UTC); ``complete``: the logs have no gap in it."""

    first_ms: int
    last_ms: int
    messages: int
    size: int
    complete: bool

    @property
    def mean(self) -> int | None:
        """Mean size in bytes, if it is of enough messages."""
        return max(1, self.size // self.messages) if self.messages >= FEWEST_FOR_MEAN and self.size else None


def add_tracked_mail(
    store: EventStore,
    ledger: Sequence[MailboxAccess],
    identities: Identities,
    seen: Mapping[str, Sequence[SourceCoverage]],
) -> None:
    """Add to the rows of *ledger* what message tracking knows. Needs ``actor_audit`` where there are audit records."""
    tracking = store.events(TRACKING)
    if tracking is None:
        return
    if store.events(MAIL_AUDIT) is not None:
        _add_named(store, tracking, ledger)
    _add_received(store, tracking, ledger, identities, seen)


def _add_named(store: EventStore, tracking: str, ledger: Sequence[MailboxAccess]) -> None:
    boxes = [
        (number, row.intrusion, box)
        for number, row in enumerate(ledger)
        if row.access == AUDITED
        for box in row.known_as
    ]
    if not boxes:
        return
    register_rows(store, "tracked_boxes", {"number": NUMBER, "intrusion": TEXT, "box": TEXT}, boxes)
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE tracked_messages AS "
        "WITH ids AS (SELECT b.number, lower(unnest(from_json(a.MessageIds, '[\"VARCHAR\"]'))) AS message, "
        "CASE WHEN a.reads THEN 0 WHEN lower(a.Operation) IN ('send', 'sendas', 'sendonbehalf') THEN 1 ELSE 2 END AS how "
        "FROM actor_audit a JOIN tracked_boxes b ON b.box = a.box AND b.intrusion IS NOT DISTINCT FROM a.intrusion "
        "WHERE a.MessageIds IS NOT NULL), named AS (SELECT number, message, min(how) AS how FROM ids GROUP BY ALL) "
        'SELECT n.number, n.how, min(t."message-id") AS message_id, lower(min(t."sender-address")) AS sender, '
        'max(t."recipient-count") AS recipients, max(t."total-bytes") AS size, '
        "epoch_ms(coalesce(min(t.time) FILTER (upper(t.\"event-id\") = 'DELIVER'), min(t.time))) AS delivered_ms, "
        'min(t."message-subject") AS subject '
        f'FROM named n JOIN {tracking} t ON lower(t."message-id") = n.message GROUP BY n.number, n.how, n.message'
    )
    totals = store.engine.query(
        f"SELECT number, count(*) AS messages, count(*) FILTER (how = {_HOW.index('sent')}) AS sent, "
        "count(DISTINCT sender) AS senders, coalesce(sum(size), 0)::BIGINT AS size, min(delivered_ms) AS first_ms, "
        "max(delivered_ms) AS last_ms FROM tracked_messages GROUP BY number"
    ).to_pylist()
    for row in totals:
        number = row.pop("number")
        ledger[number].tracked = TrackedMail(**row)
    listed = store.engine.query(
        "SELECT * FROM tracked_messages "
        f"QUALIFY row_number() OVER (PARTITION BY number ORDER BY delivered_ms, message_id) <= {MOST_TRACKED} "
        "ORDER BY number, delivered_ms, message_id"
    ).to_pylist()
    for row in listed:
        tracked = ledger[row.pop("number")].tracked
        assert tracked is not None
        tracked.listed.append(TrackedMessage(_HOW[row.pop("how")], **row))


def _add_received(
    store: EventStore,
    tracking: str,
    ledger: Sequence[MailboxAccess],
    identities: Identities,
    seen: Mapping[str, Sequence[SourceCoverage]],
) -> None:
    logs = [own for entries in seen.values() if (own := [entry for entry in entries if entry.kind == TRACKING])]
    begun = min((entry.first_ms for own in logs for entry in own if entry.first_ms is not None), default=None)
    names = [
        (number, name, row.last_ms)
        for number, row in enumerate(ledger)
        if row.mailbox is not None and not row.items_known and row.access not in (FORWARDED, SETTINGS_CHANGED)
        for name in smtp_names([*row.known_as, row.mailbox], identities)
    ]
    if begun is None or not names:
        return
    register_rows(store, "received_boxes", {"number": NUMBER, "name": TEXT, "last_ms": NUMBER}, names)
    rows = store.engine.query(
        f"WITH delivered AS (SELECT {MESSAGE_KEY} AS message, "
        "trim(unnest(string_split(lower(t.\"recipient-address\"), ';'))) AS name, epoch_ms(t.time) AS time_ms, "
        f't."total-bytes" AS bytes FROM {tracking} t WHERE upper(t."event-id") = \'DELIVER\'), '
        "once AS (SELECT b.number, d.message, max(d.bytes) AS bytes FROM delivered d JOIN received_boxes b USING (name) "
        "WHERE d.time_ms <= b.last_ms GROUP BY ALL) "
        "SELECT number, count(*) AS messages, coalesce(sum(bytes), 0)::BIGINT AS size FROM once GROUP BY number "
        "ORDER BY number"
    ).to_pylist()
    told = {row["number"]: (row["messages"], row["size"]) for row in rows}
    # A mailbox to which nothing was delivered lies elsewhere, in the cloud say: that would be no bound.
    for number, (messages, size) in told.items():
        row = ledger[number]
        whole = all(not uncovered((begun, row.last_ms), own) for own in logs)
        row.received = Received(begun, row.last_ms, messages, size, whole)
        row.incomplete.append(
            f"what lay in the mailbox before message tracking begins ({rfc3339(begun)[:10]}) is bounded by nothing"
        )
