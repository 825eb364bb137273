"""Mail read by somebody signed in: requests from an intruder's address or agent that the server answered as for any user.

Who asks so has a user's password, session or device. Normal use of the same mailbox from other addresses is not counted.
"""

from __future__ import annotations

from brokenseal.events import EventStore
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.ledger_rows import NO_BYTES, NO_ITEMS, SIGNED_IN, MailboxAccess
from brokenseal.incident.mail_requests import MAIL_REQUESTS, back_end_sql
from brokenseal.incident.matches import MATCHES


def signed_in_access(store: EventStore, forged_rules: str) -> list[MailboxAccess]:
    """One row for each intrusion and mailbox. Needs ``mail_requests`` and ``actors``.

    ``forged_rules``: SQL texts of the rules on forged requests, whose mail is accounted for elsewhere.
    """
    engine = store.engine
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE actor_fronts AS SELECT q.*, a.intrusion, epoch_ms(q.time) AS time_ms "
        f"FROM {MAIL_REQUESTS} q JOIN {ACTORS} a ON {of_actor_sql('q.ip', 'q.agent', 'epoch_ms(q.time)')} "
        "WHERE q.signed_in IS NOT NULL QUALIFY row_number() OVER (PARTITION BY q.source_id, q.line ORDER BY a.number) = 1"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE actor_requests AS SELECT f.* REPLACE (coalesce(b.mailbox, f.mailbox) AS mailbox, "
        "coalesce(b.action, f.action) AS action), b.items FROM actor_fronts f LEFT JOIN "
        f"({back_end_sql(store, '(SELECT DISTINCT request_id FROM actor_fronts)')}) b USING (request_id) "
        f"WHERE NOT EXISTS (SELECT 1 FROM {MATCHES} m WHERE m.rule IN ({forged_rules}) "
        "AND (m.source_id = f.source_id AND m.line = f.line OR m.request_id = f.request_id))"
    )
    rows = engine.query(
        "SELECT intrusion, mailbox, epoch_ms(min(time)) AS first_ms, epoch_ms(max(time)) AS last_ms, count(*) AS requests, "
        "sum(bytes)::BIGINT AS bytes, count(*) FILTER (bytes IS NULL) AS without_bytes, sum(items)::BIGINT AS items, "
        "count(*) FILTER (items IS NULL) AS without_items, list_sort(list(DISTINCT protocol)) AS protocols, "
        "list_sort(list(DISTINCT host)) AS hosts, list_sort(list(DISTINCT ip)) AS ips, "
        "list_sort(list(DISTINCT signed_in)) AS users FROM actor_requests GROUP BY intrusion, mailbox ORDER BY ALL"
    ).to_pylist()
    ledger = []
    for row in rows:
        entry = MailboxAccess(
            row["intrusion"],
            row["mailbox"],
            SIGNED_IN,
            row["first_ms"],
            row["last_ms"],
            row["requests"],
            row["items"] or 0,
            row["bytes"] or 0,
            row["hosts"],
        )
        entry.protocols, entry.source_ips, entry.users = row["protocols"], row["ips"], row["users"]
        entry.bytes_known = not row["without_bytes"]
        entry.items_known = not row["without_items"]
        entry.incomplete = [NO_BYTES] * bool(row["without_bytes"]) + [NO_ITEMS] * bool(row["without_items"])
        ledger.append(entry)
    _lines(store, ledger)
    return ledger


def _lines(store: EventStore, ledger: list[MailboxAccess]) -> None:
    by_key = {(entry.intrusion, entry.mailbox): entry for entry in ledger}
    rows = store.engine.query(
        'SELECT intrusion, mailbox, q.source_id, line, "offset", time_ms FROM actor_requests q '
        "JOIN source_ranks r ON r.source_id = q.source_id QUALIFY row_number() OVER "
        f"(PARTITION BY intrusion, mailbox ORDER BY time, r.rank, line) <= {EVIDENCE_LINES} ORDER BY time, r.rank, line"
    ).to_pylist()
    for row in rows:
        line = Line(row["source_id"], row["line"], row["offset"], row["time_ms"])
        by_key[row["intrusion"], row["mailbox"]].lines.append(line)
