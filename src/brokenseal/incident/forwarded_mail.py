"""Mail that went to an intruder because a setting sent it on: what message tracking shows after the setting was made.

A message counts when the log has it for the address that the setting names, and ties it to the mailbox: as the recipient
that was replaced (``related-recipient-address``), as the mailbox whose rule made it (source MAILBOXRULE), or, where the
address is of another domain, as its sender or as a mailbox that the same message was delivered to. What was only on
its way, or failed for that address, does not count.

References:
    https://learn.microsoft.com/en-us/exchange/mail-flow/transport-logs/message-tracking
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from brokenseal.events import EventStore
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.identities import Identities
from brokenseal.incident.ledger_rows import FORWARD_LASTS, FORWARDED, NO_BYTES, MailboxAccess
from brokenseal.incident.mailbox_changes import MailboxChange
from brokenseal.incident.small_tables import NUMBER, TEXT, register_rows

#: SQL: one name for all rows of a message, on every server.
MESSAGE_KEY = (
    "lower(coalesce(nullif(t.\"message-id\", ''), nullif(t.\"network-message-id\", ''), t.source_id || ' ' || t.line))"
)
#: Changes that send mail on; others let somebody read it.
SENDS_ON = ("forwarding", "inbox-rule", "transport-rule", "journal-rule")
_LEFT = "('SEND', 'SENDEXTERNAL', 'DELIVER')"
_FAILED = "('FAIL', 'DROP', 'BADMAIL')"


def forwarded_mail(store: EventStore, changes: Sequence[MailboxChange], identities: Identities) -> list[MailboxAccess]:
    """One row for each intrusion and mailbox of which forwarded mail is seen. *changes*: those of the intruders."""
    tracking = store.events("message_tracking")
    forwards = [
        (change.intrusion, change.mailbox, to, change.time_ms)
        for change in changes
        if change.what in SENDS_ON
        for to in _smtp(change.to, identities)
    ]
    if tracking is None or not forwards:
        return []
    names = [
        (box, name)
        for box in sorted({each[1] for each in forwards if each[1]})
        for name in smtp_names([box], identities)
    ]
    whose = {"intrusion": TEXT, "box": TEXT, "recipient": TEXT, "from_ms": NUMBER}
    register_rows(store, "forwards", whose, forwards)
    register_rows(store, "forward_names", {"box": TEXT, "name": TEXT}, names)
    engine = store.engine
    # All rows of the messages that went to one of the addresses, each by recipient.
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE forward_rows AS WITH rows AS ("
        f'SELECT t.source_id, t.line, t."offset", t.time, {MESSAGE_KEY} AS message, '
        'upper(t.source) AS source, upper(t."event-id") AS event, '
        f"{_each('recipient-address')} AS recipients, {_each('related-recipient-address')} AS related, "
        f'lower(t."sender-address") AS sender, t."total-bytes" AS bytes FROM {tracking} t), '
        "chosen AS (SELECT DISTINCT message FROM (SELECT message, unnest(recipients) AS recipient FROM rows) "
        "WHERE recipient IN (SELECT recipient FROM forwards)) "
        "SELECT * FROM rows SEMI JOIN chosen USING (message)"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE forwarded AS WITH sent AS (SELECT r.message, f.intrusion, f.box, f.recipient, "
        f"max(r.time) FILTER (r.event IN {_LEFT}) AS gone, max(r.time) FILTER (r.event IN {_FAILED}) AS failed "
        "FROM forward_rows r JOIN forwards f "
        "ON list_contains(r.recipients, f.recipient) AND epoch_ms(r.time) >= f.from_ms "
        f"WHERE r.event IN {_LEFT} OR r.event IN {_FAILED} GROUP BY ALL), "
        # At least: handed over, and not failed after that.
        "counted AS (SELECT * FROM sent WHERE gone IS NOT NULL AND (failed IS NULL OR gone > failed)), "
        "outside AS (SELECT DISTINCT c.message, c.recipient, n.box "
        "FROM counted c JOIN forward_names n ON n.box = c.box "
        "WHERE split_part(n.name, '@', 2) <> split_part(c.recipient, '@', 2)), "
        "tied AS (SELECT c.intrusion, c.message, c.box FROM counted c JOIN forward_rows r USING (message) "
        "JOIN forward_names n ON n.box = c.box "
        "LEFT JOIN outside o ON (o.message, o.recipient, o.box) = (c.message, c.recipient, c.box) "
        "WHERE list_contains(r.related, n.name) OR (r.source = 'MAILBOXRULE' AND r.sender = n.name) "
        "OR (o.box IS NOT NULL AND (r.sender = n.name "
        "OR (r.event = 'DELIVER' AND list_contains(r.recipients, n.name)))) "
        # What reaches every mailbox: whoever the same message was delivered to, or who sent it.
        "UNION ALL SELECT c.intrusion, c.message, unnest(r.recipients) "
        "FROM counted c JOIN forward_rows r USING (message) WHERE c.box IS NULL AND r.event = 'DELIVER' "
        "UNION ALL SELECT c.intrusion, c.message, r.sender "
        "FROM counted c JOIN forward_rows r USING (message) WHERE c.box IS NULL AND r.event = 'SUBMIT') "
        "SELECT DISTINCT intrusion, message, box FROM tied "
        "WHERE box <> '' AND box NOT IN (SELECT recipient FROM forwards)"
    )
    rows = engine.query(
        "WITH sizes AS (SELECT message, max(bytes) AS bytes FROM forward_rows GROUP BY message), "
        "times AS (SELECT f.intrusion, f.box, f.message, "
        "min(epoch_ms(r.time)) AS first_ms, max(epoch_ms(r.time)) AS last_ms "
        "FROM forwarded f JOIN forward_rows r USING (message) JOIN forwards w "
        "ON list_contains(r.recipients, w.recipient) AND w.intrusion IS NOT DISTINCT FROM f.intrusion GROUP BY ALL) "
        "SELECT t.intrusion, t.box, count(*) AS messages, coalesce(sum(s.bytes), 0)::BIGINT AS bytes, "
        "count(*) FILTER (s.bytes IS NULL) AS unsized, min(first_ms) AS first_ms, max(last_ms) AS last_ms "
        "FROM times t JOIN sizes s USING (message) GROUP BY t.intrusion, t.box ORDER BY ALL"
    ).to_pylist()
    ledger = {}
    for row in rows:
        entry = MailboxAccess(
            row["intrusion"],
            row["box"],
            FORWARDED,
            row["first_ms"],
            row["last_ms"],
            row["messages"],
            row["messages"],
            row["bytes"],
            [],
            [FORWARD_LASTS] + [NO_BYTES] * bool(row["unsized"]),
        )
        entry.protocols = ["smtp"]
        own = [each for each in changes if each.what in SENDS_ON and each.intrusion == row["intrusion"]]
        entry.tie(each for each in own if each.mailbox in (None, row["box"]))
        ledger[row["intrusion"], row["box"]] = entry
    _lines(store, ledger)
    return list(ledger.values())


def _each(column: str) -> str:
    """SQL: the addresses in a column of message tracking, lower case."""
    return f"list_transform(string_split(lower(coalesce(t.\"{column}\", '')), ';'), lambda x: trim(x))"


def smtp_names(known_as: Iterable[str], identities: Identities) -> list[str]:
    """All SMTP addresses of a mailbox that the logs call by *known_as*, lower case, sorted; none where nothing knows one."""
    names: set[str] = set()
    for name in known_as:
        person = identities.person(name)
        candidates = [name] if person is None else [name, person.name, *person.addresses]
        names.update(each.strip().lower() for each in candidates if "@" in each)
    return sorted(names)


def _smtp(to: Sequence[str], identities: Identities) -> list[str]:
    found: dict[str, None] = {}
    for name in to:
        person = identities.person(name)
        address = name if person is None else person.name
        if "@" in address:
            found[address.strip().lower()] = None
    return list(found)


def _lines(store: EventStore, ledger: dict[tuple[str | None, str], MailboxAccess]) -> None:
    rows = store.engine.query(
        'SELECT f.intrusion, f.box, r.source_id, r.line, r."offset", epoch_ms(r.time) AS time_ms FROM forwarded f '
        "JOIN forward_rows r USING (message) JOIN source_ranks k ON k.source_id = r.source_id "
        "WHERE EXISTS (SELECT 1 FROM forwards w WHERE list_contains(r.recipients, w.recipient)) "
        "QUALIFY row_number() OVER (PARTITION BY f.intrusion, f.box ORDER BY r.time, k.rank, r.line) "
        f"<= {EVIDENCE_LINES} ORDER BY r.time, k.rank, r.line"
    ).to_pylist()
    for row in rows:
        line = Line(row["source_id"], row["line"], row["offset"], row["time_ms"])
        ledger[row["intrusion"], row["box"]].lines.append(line)
