"""Mail read by somebody signed in: requests from an intruder's address or agent that the server answered as for any user.

Who asks so has a user's password, session or device. Normal use of the same mailbox from other addresses is not counted.
"""

from __future__ import annotations

from brokenseal.events import EventStore
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.event_sql import ACCOUNT
from brokenseal.incident.ews_access import NEAR_SECONDS
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.ledger_rows import BY_TIME, NO_BACKEND, NO_BYTES, NO_ITEMS, SIGNED_IN, MailboxAccess
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
        "CREATE OR REPLACE TEMP TABLE actor_backs AS "
        f"{back_end_sql(store, '(SELECT DISTINCT request_id FROM actor_fronts)')}"
    )
    _near_in_time(store)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE actor_requests AS SELECT f.* REPLACE ("
        # Of several mailboxes at the same moment none is known.
        "CASE WHEN n.boxes = 1 THEN n.mailbox WHEN n.boxes IS NULL THEN coalesce(b.mailbox, f.mailbox) END AS mailbox, "
        "coalesce(b.action, f.action) AS action), b.items, n.boxes IS NOT NULL AS by_time FROM actor_fronts f "
        "LEFT JOIN actor_backs b USING (request_id) LEFT JOIN near_backs n ON n.source_id = f.source_id AND n.line = f.line "
        f"WHERE NOT EXISTS (SELECT 1 FROM {MATCHES} m WHERE m.rule IN ({forged_rules}) "
        "AND (m.source_id = f.source_id AND m.line = f.line OR m.request_id = f.request_id))"
    )
    rows = engine.query(
        "SELECT intrusion, mailbox, epoch_ms(min(time)) AS first_ms, epoch_ms(max(time)) AS last_ms, count(*) AS requests, "
        "sum(bytes)::BIGINT AS bytes, count(*) FILTER (bytes IS NULL) AS without_bytes, sum(items)::BIGINT AS items, "
        "count(*) FILTER (items IS NULL) AS without_items, "
        "count(*) FILTER (items IS NULL AND protocol = 'ews') AS without_backend, count(*) FILTER (by_time) AS by_time, "
        "list_sort(list(DISTINCT protocol)) AS protocols, "
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
        uncounted = row["without_items"] > row["without_backend"]
        lost = row["without_backend"] > row["by_time"]
        reasons = {NO_BYTES: row["without_bytes"], NO_ITEMS: uncounted, NO_BACKEND: lost, BY_TIME: row["by_time"]}
        entry.incomplete = [reason for reason, true in reasons.items() if true]
        ledger.append(entry)
    _lines(store, ledger)
    return ledger


def _near_in_time(store: EventStore) -> None:
    """Table ``near_backs(source_id, line, boxes, mailbox)``: where request ids of EWS differ between front and back end, the
    mailboxes that the account had there within seconds. What was handed out cannot be told so, only whose it was."""
    ews = store.events("ews")
    none = "SELECT NULL::INTEGER AS source_id, NULL::BIGINT AS line, NULL::BIGINT AS boxes, NULL::VARCHAR AS mailbox"
    lost = "protocol = 'ews' AND coalesce(request_id, '') NOT IN (SELECT request_id FROM actor_backs)"
    near = f"INTERVAL {NEAR_SECONDS} SECOND"
    found = (
        "SELECT f.source_id, f.line, count(DISTINCT e.mailbox) AS boxes, min(e.mailbox) AS mailbox FROM "
        f"(SELECT *, {ACCOUNT.format('signed_in')} AS account FROM actor_fronts WHERE {lost}) f JOIN "
        "(SELECT time, trim(lower(RequestId), '{}') AS request_id, "
        f"{ACCOUNT.format('AuthenticatedUser')} AS account, "
        "lower(coalesce(ActAsUser, ImpersonatedUser, ProxyAsUser, AuthenticatedUser)) AS mailbox "
        f"FROM {ews} WHERE time BETWEEN (SELECT min(time) FROM actor_fronts) - {near} "
        f"AND (SELECT max(time) FROM actor_fronts) + {near}) e "
        f"ON e.account = f.account AND e.time BETWEEN f.time - {near} AND f.time + {near} "
        # A row with a request of its own is that request's.
        f"ANTI JOIN (SELECT request_id FROM {MAIL_REQUESTS} WHERE protocol = 'ews') q ON q.request_id = e.request_id "
        "GROUP BY f.source_id, f.line"
    )
    store.engine.execute(
        f"CREATE OR REPLACE TEMP TABLE near_backs AS {f'{none} WHERE false' if ews is None else found}"
    )


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
