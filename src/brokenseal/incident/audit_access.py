"""Mail read as audit records tell it: mailbox audit logs of Exchange, and the unified audit log of Microsoft 365.

A *Bind* names the messages; a *Sync* stands for a whole folder. Records that Microsoft repeats within an hour count once.
After *throttled* a mailbox's accesses are not recorded for a day, so the list ends there.

References:
    https://learn.microsoft.com/en-us/purview/audit-log-investigate-accounts
"""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.event_sql import client_sql
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.ledger_rows import AUDITED, NO_ITEMS, NO_SIZES, SYNCED, THROTTLED, MailboxAccess
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT

#: Operations that show mail or its folders to whoever does them.
READING = ("mailitemsaccessed", "messagebind", "folderbind", "copy", "searchqueryinitiated")
#: Lists kept of one mailbox.
MOST_FOLDERS, MOST_MESSAGES = 200, 1000
_HOUR_MS = 3_600_000


def audit_access(store: EventStore) -> list[MailboxAccess]:
    """One row for each intrusion and mailbox whose records name an intruder's address, agent or application."""
    events = store.events(MAIL_AUDIT)
    if events is None:
        return []
    engine = store.engine
    ip = client_sql("e.ClientIP")
    reading = sql_texts(READING)
    # Records of one export may share a line, so line numbers do not tell them apart.
    agent = "concat_ws(' ', e.Agent, e.AppId, e.Client)"
    same = "coalesce(Duplicate, RecordId, concat_ws(' ', source_id, line, time, MessageIds, Folders, Target, Agent))"
    engine.execute(
        "CREATE OR REPLACE TABLE actor_audit AS WITH mine AS (SELECT e.*, (SELECT min(a.number) FROM "
        f"{ACTORS} a WHERE {of_actor_sql(ip, agent, 'epoch_ms(e.time)')}) AS number, epoch_ms(e.time) AS time_ms, "
        f'{ip} AS ip, lower(coalesce(e.Mailbox, e.MailboxGuid, e.MailboxSid, e."User")) AS box, r.rank, '
        f"lower(e.Operation) IN ({reading}) AS reads FROM {events} e JOIN source_ranks r ON r.source_id = e.source_id) "
        f"SELECT mine.*, a.intrusion FROM mine JOIN (SELECT number, intrusion FROM {ACTORS}) a USING (number) "
        # The first of records that are one and the same; exports that overlap repeat them as well.
        f"QUALIFY coalesce(time_ms - lag(time_ms) OVER (PARTITION BY a.intrusion, box, Operation, {same} "
        f"ORDER BY time, rank, line) > {_HOUR_MS}, true)"
    )
    rows = engine.query(
        "SELECT intrusion, box, epoch_ms(min(time)) AS first_ms, epoch_ms(max(time)) AS last_ms, "
        "count(*) FILTER (reads) AS records, "
        "bool_or(AccessType = 'Sync' OR lower(Operation) = 'folderbind') AS synced, "
        "bool_or(Throttled = 'true') AS throttled, bool_or(reads AND AccessType IS DISTINCT FROM 'Sync' AND Items IS NULL "
        "AND lower(Operation) <> 'folderbind') AS uncounted, "
        "bool_and(ItemBytes IS NOT NULL) FILTER (reads) AS sized, "
        "list_sort(list(DISTINCT ip)) AS ips, "
        'list_sort(list(DISTINCT lower("User")) FILTER ("User" IS NOT NULL)) AS users, '
        "list_sort(list(DISTINCT coalesce(AppId, Client, Agent)) FILTER (coalesce(AppId, Client, Agent) IS NOT NULL)) "
        "AS apps, "
        "bool_or(reads) AS reads FROM actor_audit GROUP BY intrusion, box ORDER BY ALL"
    ).to_pylist()
    ledger: dict[tuple[str | None, str | None], MailboxAccess] = {}
    for row in rows:
        if not row["reads"]:
            continue
        entry = MailboxAccess(
            row["intrusion"], row["box"], AUDITED, row["first_ms"], row["last_ms"], row["records"], 0, 0, []
        )
        entry.source_ips, entry.users, entry.protocols = row["ips"], row["users"] or [], (row["apps"] or [])[:20]
        entry.items_known = not (row["synced"] or row["throttled"] or row["uncounted"])
        entry.bytes_known = bool(row["sized"]) and entry.items_known
        reasons = ((SYNCED, row["synced"]), (THROTTLED, row["throttled"]), (NO_ITEMS, row["uncounted"]))
        entry.incomplete = [reason for reason, true in reasons if true] + [NO_SIZES] * (not row["sized"])
        ledger[row["intrusion"], row["box"]] = entry
    _count_messages(store, ledger)
    _list_details(store, ledger)
    return list(ledger.values())


def _count_messages(store: EventStore, ledger: Mapping[tuple[str | None, str | None], MailboxAccess]) -> None:
    """Messages by their ids, each once, and where no ids are given by their number; sizes once a message set."""
    named = (
        "SELECT intrusion, box, count(DISTINCT id) AS items, 0 AS bytes FROM (SELECT intrusion, box, "
        "unnest(from_json(MessageIds, '[\"VARCHAR\"]')) AS id FROM actor_audit WHERE reads AND MessageIds IS NOT NULL) "
        "GROUP BY ALL"
    )
    unnamed = (
        "SELECT intrusion, box, coalesce(sum(Items), 0) AS items, 0 AS bytes FROM actor_audit "
        "WHERE reads AND MessageIds IS NULL GROUP BY intrusion, box"
    )
    sized = (
        "SELECT intrusion, box, 0 AS items, sum(bytes) AS bytes FROM (SELECT intrusion, box, max(ItemBytes) AS bytes "
        "FROM actor_audit WHERE reads AND ItemBytes IS NOT NULL GROUP BY intrusion, box, coalesce(MessageIds, RecordId)) "
        "GROUP BY intrusion, box"
    )
    rows = store.engine.query(
        "SELECT intrusion, box, sum(items)::BIGINT AS items, sum(bytes)::BIGINT AS bytes FROM "
        f"({' UNION ALL '.join((named, unnamed, sized))}) GROUP BY intrusion, box"
    ).to_pylist()
    for row in rows:
        entry = ledger.get((row["intrusion"], row["box"]))
        if entry is not None:
            entry.items_at_least, entry.bytes_at_least = row["items"], row["bytes"]


def _list_details(store: EventStore, ledger: Mapping[tuple[str | None, str | None], MailboxAccess]) -> None:
    """Folders, ids and subjects; what else was done; the first records as proof."""
    engine = store.engine
    for column, name, most in (
        ("Folders", "folders", MOST_FOLDERS),
        ("MessageIds", "message_ids", MOST_MESSAGES),
        ("Subjects", "subjects", MOST_MESSAGES),
    ):
        values = engine.query(
            f"SELECT * FROM (SELECT DISTINCT intrusion, box, unnest(from_json({column}, '[\"VARCHAR\"]')) AS value "
            f"FROM actor_audit WHERE reads AND {column} IS NOT NULL) "
            f"QUALIFY row_number() OVER (PARTITION BY intrusion, box ORDER BY value) <= {most} ORDER BY value"
        ).to_pylist()
        for row in values:
            entry = ledger.get((row["intrusion"], row["box"]))
            if entry is not None and row["value"]:
                getattr(entry, name).append(str(row["value"]))
    actions = engine.query(
        "SELECT intrusion, box, Operation, count(*) AS times FROM actor_audit WHERE Operation IS NOT NULL "
        "GROUP BY ALL ORDER BY Operation"
    ).to_pylist()
    for row in actions:
        entry = ledger.get((row["intrusion"], row["box"]))
        if entry is not None:
            entry.actions[row["Operation"]] = row["times"]
    lines = engine.query(
        'SELECT intrusion, box, source_id, line, "offset", time_ms FROM actor_audit QUALIFY row_number() OVER '
        f"(PARTITION BY intrusion, box ORDER BY reads DESC, time, rank, line) <= {EVIDENCE_LINES} "
        "ORDER BY reads DESC, time, rank, line"
    ).to_pylist()
    for row in lines:
        entry = ledger.get((row["intrusion"], row["box"]))
        if entry is not None:
            entry.lines.append(Line(row["source_id"], row["line"], row["offset"], row["time_ms"]))
