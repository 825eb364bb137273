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
from brokenseal.incident.audit_records import BOX, OWNERS, READS, SEARCHES, build_actor_audit
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.ledger_rows import (
    AUDITED,
    CUT_RECORDS,
    MIXED_IDS,
    NO_ITEMS,
    NO_SIZES,
    SEARCHED,
    SYNCED,
    THROTTLED,
    MailboxAccess,
)
from brokenseal.incident.small_tables import NUMBER, TEXT, register_rows
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT

#: Lists kept of one mailbox.
MOST_FOLDERS, MOST_MESSAGES = 200, 1000
#: How long after a record that says *throttled* the mailbox's accesses are not recorded.
_THROTTLED_MS = 24 * 3_600_000


def audit_access(store: EventStore) -> list[MailboxAccess]:
    """One row for each intrusion and mailbox whose records name an intruder's address, agent or application."""
    events = store.events(MAIL_AUDIT)
    if events is None:
        return []
    engine = store.engine
    build_actor_audit(store, events)
    searches = f"lower(Operation) IN ({sql_texts(SEARCHES)})"
    rows = engine.query(
        "SELECT intrusion, box, epoch_ms(min(time) FILTER (reads)) AS first_ms, "
        "epoch_ms(max(time) FILTER (reads)) AS last_ms, count(*) FILTER (reads) AS records, "
        "bool_or(AccessType = 'Sync' OR lower(Operation) = 'folderbind') AS synced, "
        f"bool_or(reads AND {searches}) AS searched, "
        "bool_or(reads AND AccessType IS DISTINCT FROM 'Sync' AND Items IS NULL "
        f"AND lower(Operation) <> 'folderbind' AND NOT {searches}) AS uncounted, "
        f"bool_or(reads AND NOT {searches} AND json_array_length(Sizes) IS DISTINCT FROM Items) AS unsized, "
        "list_sort(list(DISTINCT ip) FILTER (ip IS NOT NULL)) AS ips, "
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
        entry.source_ips, entry.users, entry.protocols = row["ips"] or [], row["users"] or [], (row["apps"] or [])[:20]
        columns = {SYNCED: "synced", SEARCHED: "searched", NO_ITEMS: "uncounted", NO_SIZES: "unsized"}
        entry.incomplete = [reason for reason, column in columns.items() if row[column]]
        ledger[row["intrusion"], row["box"]] = entry
    _not_recorded(store, events, ledger)
    _count_messages(store, ledger)
    for entry in ledger.values():
        entry.items_known = not {SYNCED, SEARCHED, NO_ITEMS, THROTTLED, CUT_RECORDS, MIXED_IDS} & set(entry.incomplete)
        entry.bytes_known = entry.items_known and NO_SIZES not in entry.incomplete
    _list_details(store, ledger)
    return list(ledger.values())


def _not_recorded(
    store: EventStore, events: str, ledger: Mapping[tuple[str | None, str | None], MailboxAccess]
) -> None:
    """What is not in the records: throttling is the mailbox's, whoever brought it about, and a cut record names nobody."""
    engine = store.engine
    register_rows(
        store,
        "audit_rows",
        {"intrusion": TEXT, "box": TEXT, "first_ms": NUMBER, "last_ms": NUMBER},
        [(*key, row.first_ms, row.last_ms) for key, row in ledger.items()],
    )
    throttled = (
        f"SELECT DISTINCT w.intrusion, w.box FROM {events} e {OWNERS} JOIN audit_rows w ON w.box = {BOX} "
        "WHERE e.Throttled = 'true' AND epoch_ms(e.time) "
        f"BETWEEN w.first_ms - {_THROTTLED_MS} AND w.last_ms + {_THROTTLED_MS}"
    )
    cut = (
        f'SELECT DISTINCT w.intrusion, w.box FROM {events} e JOIN audit_rows w ON w.box = lower(e."User") '
        f"WHERE {READS} AND coalesce(e.ClientIP, e.AppId, e.Agent, e.MailboxGuid, e.AccessType, e.Folders) IS NULL"
    )
    for reason, relation in ((THROTTLED, throttled), (CUT_RECORDS, cut)):
        for row in engine.query(relation).to_pylist():
            ledger[row["intrusion"], row["box"]].incomplete.append(reason)


def _count_messages(store: EventStore, ledger: Mapping[tuple[str | None, str | None], MailboxAccess]) -> None:
    """Different messages, and the bytes of each once.

    Records name messages by their own id, by one that the mailbox gives them, or by the subject. The same message may be
    named in more ways than one, so at least as many were read as the way that names most has.
    """
    lists = " UNION ALL ".join(
        f"SELECT intrusion, box, {kind} AS kind, unnest(from_json({column}, '[\"VARCHAR\"]')) AS id, NULL AS size "
        f"FROM actor_audit WHERE reads AND {condition}"
        for kind, (column, condition) in enumerate(
            (
                ("MessageIds", "MessageIds IS NOT NULL"),
                ("ItemIds", "ItemIds IS NOT NULL"),
                ("Subjects", "coalesce(MessageIds, ItemIds) IS NULL AND Subjects IS NOT NULL"),
            )
        )
    )
    sizes = (
        "SELECT intrusion, box, NULL AS kind, pair[1] AS id, TRY_CAST(pair[2] AS BIGINT) AS size FROM (SELECT intrusion, "
        "box, unnest(from_json(Sizes, '[[\"VARCHAR\"]]')) AS pair FROM actor_audit WHERE reads AND Sizes IS NOT NULL)"
    )
    rows = store.engine.query(
        f"WITH told AS ({lists} UNION ALL {sizes}), each AS (SELECT intrusion, box, id, min(kind) AS kind, "
        "min(size) AS least, max(size) AS most FROM told GROUP BY ALL), "
        "ways AS (SELECT intrusion, box, kind, count(*) AS items, coalesce(sum(least), 0) AS least, "
        "coalesce(sum(most), 0) AS most FROM each WHERE kind IS NOT NULL GROUP BY ALL) "
        "SELECT intrusion, box, max(items) AS items, least(max(least), 9223372036854775807)::BIGINT AS bytes, "
        "count(*) > 1 OR max(kind) = 2 AS mixed, bool_or(most <> least) AS resized FROM ways GROUP BY intrusion, box"
    ).to_pylist()
    for row in rows:
        entry = ledger.get((row["intrusion"], row["box"]))
        if entry is not None:
            entry.items_at_least, entry.bytes_at_least = row["items"], row["bytes"]
            entry.incomplete += [MIXED_IDS] * row["mixed"] + [NO_SIZES] * row["resized"]
            entry.incomplete = list(dict.fromkeys(entry.incomplete))


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
