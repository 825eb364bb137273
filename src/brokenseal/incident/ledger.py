"""The mailbox ledger: which mailbox an intrusion read, how often, how many items and bytes at least, and how complete.

Seven ways: Exchange Web Services through forged requests (``ews_access``), export requests seen in cmdlet logs,
the exported files fetched over the web (``export_downloads``), answers to
other forged requests, requests of somebody signed in from an intruder's address (``signed_in_access``), audit records
(``audit_access``), and mail that a changed setting sent on (``forwarded_mail``). Mailboxes whose settings were changed are
rows too (``mailbox_changes``). What cannot be joined to a mailbox is outflow with no mailbox known: a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.incident.audit_access import audit_access
from brokenseal.incident.ews_access import ews_access
from brokenseal.incident.export_downloads import export_downloads
from brokenseal.incident.export_parameters import mailbox_parameter
from brokenseal.incident.findings import EVIDENCE_LINES, Key, Line
from brokenseal.incident.forwarded_mail import forwarded_mail
from brokenseal.incident.identities import Identities
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.ledger_bounds import finished
from brokenseal.incident.ledger_rows import (
    EWS_SSRF,
    EXPORT_REQUEST,
    EXPORT_SIZE,
    OTHER_PAGE,
    OTHER_SSRF,
    MailboxAccess,
)
from brokenseal.incident.mailbox_changes import MailboxChange, changed_mailboxes, mailbox_changes, with_changes
from brokenseal.incident.matches import MATCHES
from brokenseal.incident.sent_messages import add_sent_messages
from brokenseal.incident.signed_in_access import signed_in_access
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE


@dataclass(frozen=True, slots=True)
class MailLedger:
    """``rows`` by intrusion and first access; ``changes``: settings an intruder changed that reach every mailbox."""

    rows: list[MailboxAccess]
    changes: list[MailboxChange]


def account_for_mail(
    store: EventStore,
    intrusions: Sequence[Intrusion],
    inside: Sequence[Intrusion],
    identities: Identities,
    forged_rules: str,
) -> MailLedger:
    """The ledger. Needs the tables ``mail_requests`` and ``actors``. ``inside``: the intrusions that broke in.

    ``forged_rules``: SQL texts of the rules on forged requests (see :func:`forged_rules_of`).
    """
    ledger = ews_access(store, _members(intrusions, EWS_SSRF))
    exports = _members(intrusions, EXPORT_REQUEST)
    ledger += _exports(store, exports)
    ledger += export_downloads(store, exports)
    ledger += _other(store, _members(intrusions, OTHER_SSRF), _members(intrusions, EWS_SSRF))
    ledger += signed_in_access(store, forged_rules)
    ledger += audit_access(store)
    changes = mailbox_changes(store, inside, identities)
    ledger += forwarded_mail(store, changes, identities)
    ledger += changed_mailboxes(changes)
    rows = with_changes(finished(ledger, [intrusion.id for intrusion in intrusions], identities))
    add_sent_messages(store, rows, identities)
    return MailLedger(rows, [change for change in changes if change.mailbox is None])


def forged_rules_of(knowledge: Knowledge) -> str:
    """SQL texts of the rules whose matches are forged requests: mail, or bytes of other pages, left by them."""
    return sql_texts(rule.id for rule in knowledge.by_id.values() if rule.mail_access in (EWS_SSRF, OTHER_SSRF))


def _members(intrusions: Sequence[Intrusion], access: str) -> dict[Key, str]:
    """Finding key → intrusion id, for the rules whose matches are accesses to mail."""
    return {
        finding.key: intrusion.id
        for intrusion in intrusions
        for finding in (*intrusion.findings, *intrusion.context)
        if finding.rule.mail_access == access
    }


def _exports(store: EventStore, members: dict[Key, str]) -> list[MailboxAccess]:
    """New-MailboxExportRequest seen in cmdlet logs or among the events of Exchange's cmdlets: a whole
    mailbox, of a size the log does not tell."""
    return _gathered(store, members, f"kind IN ('cmdlet', '{WINDOWS_TABLE}')", EXPORT_REQUEST, EXPORT_SIZE)


def _other(store: EventStore, members: dict[Key, str], read: dict[Key, str]) -> list[MailboxAccess]:
    """Answers to forged requests for other pages: bytes that left, of whom is not known."""
    rules = sql_texts(rule for rule, _, _ in read)
    condition = (
        "kind = 'httpproxy' AND bytes > 0 AND NOT EXISTS (SELECT 1 FROM matches r "
        f"WHERE r.rule IN ({rules}) AND r.source_id = m.source_id AND r.line = m.line)"
    )
    return _gathered(store, members, condition, OTHER_SSRF, OTHER_PAGE)


def _gathered(
    store: EventStore, members: dict[Key, str], condition: str, access: str, incomplete: str
) -> list[MailboxAccess]:
    """Rows by intrusion and by the mailbox that the matches' parameters name; an event counts once."""
    if not members:
        return []
    rules = sql_texts(rule for rule, _, _ in members)
    rows = store.engine.query(
        f"SELECT rule, host, coalesce(source_ip, '') AS source_ip, parameters, bytes, m.source_id, line, \"offset\", "
        f"epoch_ms(time) AS time_ms FROM {MATCHES} m JOIN source_ranks r ON r.source_id = m.source_id "
        f"WHERE rule IN ({rules}) AND {condition} ORDER BY time, r.rank, line, rule"
    )
    ledger: dict[tuple[str, str | None], MailboxAccess] = {}
    seen: set[tuple[int, int]] = set()
    for row in rows.to_pylist():
        intrusion = members.get((row["rule"], row["host"], row["source_ip"]))
        if intrusion is None or (row["source_id"], row["line"]) in seen:
            continue
        seen.add((row["source_id"], row["line"]))
        mailbox, at = mailbox_parameter(row["parameters"] or ""), row["time_ms"]
        entry = ledger.setdefault(
            (intrusion, mailbox),
            MailboxAccess(intrusion, mailbox, access, at, at, 0, 0, 0, [row["host"]], [incomplete]),
        )
        entry.requests += 1
        entry.bytes_at_least += row["bytes"] or 0
        entry.last_ms = max(entry.last_ms, at)
        if len(entry.lines) < EVIDENCE_LINES:
            entry.lines.append(Line(row["source_id"], row["line"], row["offset"], at))
    return list(ledger.values())
