"""Mail read as audit records tell it: mailbox audit logs of Exchange, and the unified audit log of Microsoft 365.

A *Bind* names the messages; a *Sync* stands for a whole folder. Records that Microsoft repeats within an hour count once.
After *throttled* a mailbox's accesses are not recorded for a day, so the list ends there.

References:
    https://learn.microsoft.com/en-us/purview/audit-log-investigate-accounts
"""

from __future__ import annotations

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_text
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.ledger_rows import AUDITED, NO_ITEMS, NO_SIZES, SYNCED, THROTTLED, MailboxAccess
from brokenseal.incident.mail_requests import client_sql

MAIL_AUDIT = "mail_audit"
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
    reading = ", ".join(f"'{name}'" for name in READING)
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
    ledger = []
    for row in rows:
        if not row["reads"]:
            continue
        entry = MailboxAccess(
            row["intrusion"], row["box"], AUDITED, row["first_ms"], row["last_ms"], row["records"], 0, 0, []
        )
        entry.source_ips, entry.users, entry.protocols = row["ips"], row["users"], row["apps"][:20]
        _count_messages(store, entry, row["box"])
        entry.items_known = not (row["synced"] or row["throttled"] or row["uncounted"])
        entry.bytes_known = bool(row["sized"]) and entry.items_known
        reasons = ((SYNCED, row["synced"]), (THROTTLED, row["throttled"]), (NO_ITEMS, row["uncounted"]))
        entry.incomplete = [reason for reason, true in reasons if true] + [NO_SIZES] * (not row["sized"])
        ledger.append(entry)
    return ledger


def _count_messages(store: EventStore, entry: MailboxAccess, box: str | None) -> None:
    """Messages by their ids, each once; folders; what else was done; the first records as proof."""
    engine = store.engine
    where = f"intrusion IS NOT DISTINCT FROM {_text(entry.intrusion)} AND box IS NOT DISTINCT FROM {_text(box)}"
    counted = engine.query(
        "SELECT count(DISTINCT id) AS messages FROM (SELECT unnest(from_json(MessageIds, '[\"VARCHAR\"]')) AS id "
        f"FROM actor_audit WHERE {where} AND reads AND MessageIds IS NOT NULL)"
    ).to_pylist()
    unnamed = engine.query(
        f"SELECT coalesce(sum(Items), 0)::BIGINT AS items FROM actor_audit WHERE {where} AND reads AND MessageIds IS NULL"
    ).to_pylist()
    entry.items_at_least = counted[0]["messages"] + unnamed[0]["items"]
    sized = engine.query(
        "SELECT coalesce(sum(bytes), 0)::BIGINT AS bytes FROM (SELECT max(ItemBytes) AS bytes FROM actor_audit "
        f"WHERE {where} AND reads AND ItemBytes IS NOT NULL GROUP BY coalesce(MessageIds, RecordId))"
    ).to_pylist()
    entry.bytes_at_least = sized[0]["bytes"]
    for column, kept, most in (
        ("Folders", entry.folders, MOST_FOLDERS),
        ("MessageIds", entry.message_ids, MOST_MESSAGES),
        ("Subjects", entry.subjects, MOST_MESSAGES),
    ):
        values = engine.query(
            f"SELECT DISTINCT unnest(from_json({column}, '[\"VARCHAR\"]')) AS value FROM actor_audit "
            f"WHERE {where} AND reads AND {column} IS NOT NULL ORDER BY value LIMIT {most}"
        )
        kept += [str(value) for value in values.column("value").to_pylist() if value]
    actions = engine.query(
        f"SELECT Operation, count(*) AS times FROM actor_audit WHERE {where} AND Operation IS NOT NULL "
        "GROUP BY Operation ORDER BY Operation"
    ).to_pylist()
    entry.actions = {row["Operation"]: row["times"] for row in actions}
    lines = engine.query(
        f'SELECT source_id, line, "offset", time_ms FROM actor_audit WHERE {where} ORDER BY reads DESC, time, rank, line '
        f"LIMIT {EVIDENCE_LINES}"
    ).to_pylist()
    entry.lines = [Line(row["source_id"], row["line"], row["offset"], row["time_ms"]) for row in lines]


def _text(value: str | None) -> str:
    return "NULL" if value is None else sql_text(value)
