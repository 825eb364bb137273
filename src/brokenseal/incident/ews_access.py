"""Accesses to mail through Exchange Web Services: each forged request and the back-end row that names the mailbox.

The request is a row of HttpProxy (it has the bytes) or, where HttpProxy is missing, of IIS. It is joined to the EWS row by
request id; where that fails, one to one by the nearest time within two seconds among EWS rows of the server that was asked
(or that was called on) which act for somebody else or come from a machine account.
"""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_text, sql_texts
from brokenseal.incident.findings import EVIDENCE_LINES, Key, Line
from brokenseal.incident.ledger_rows import BY_TIME, EWS_SSRF, NO_BACKEND, NO_BYTES, MailboxAccess, number
from brokenseal.incident.matches import MATCHES

#: EWS actions that hand out the content of the items they name.
READING_ACTIONS = ("getitem", "getattachment", "exportitems", "getconversationitems")
#: SQL: the action of an EWS row, and how many items it handed out.
ACTION_SQL = "lower(regexp_replace(SoapAction, '^.*[/:#]', ''))"
ITEMS_SQL = (
    f"CASE WHEN {ACTION_SQL} IN ({sql_texts(READING_ACTIONS)}) AND ErrorCode IS NULL AND coalesce(HttpStatus, 200) < 400 "
    "THEN coalesce(LocalIdCount, 0) + coalesce(RemoteIdCount, 0) ELSE 0 END"
)
#: Calls between servers that touch no mail; they are too common to be joined by time.
SERVER_CALLS = "^(getuseravailability|getmailtips|getserviceconfiguration|getuseroofsettings|getroomlists|resolvenames)"
NEAR_SECONDS = 2
#: The first label of the server that a forged anchor names.
TARGET_HOST = "split_part(lower(regexp_extract(target, '(?i)^ServerInfo~(?:.*[\\]@])?\\[?([^:/?#\\]]+)', 1)), '.', 1)"


def ews_access(store: EventStore, members: Mapping[Key, str]) -> list[MailboxAccess]:
    """One row for each intrusion and mailbox. *members*: finding key → intrusion, of the rules that mark such requests."""
    if not members:
        return []
    rules = sql_texts(rule for rule, _, _ in members)
    # One request may match several rules, and stand in both logs: it is one access, and HttpProxy has its bytes.
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE forged AS WITH rows AS (SELECT min(rule) AS rule, kind, host, source_ip, source_id, "
        'line, any_value("offset") AS "offset", any_value(time) AS time, any_value(request_id) AS request_id, '
        f"any_value(bytes) AS bytes, any_value({TARGET_HOST}) AS target_host FROM {MATCHES} WHERE rule IN ({rules}) "
        "AND kind IN ('httpproxy', 'iis') GROUP BY kind, host, source_ip, source_id, line) "
        "SELECT * FROM rows i WHERE kind = 'httpproxy' OR NOT EXISTS "
        "(SELECT 1 FROM rows p WHERE p.kind = 'httpproxy' AND p.request_id = i.request_id)"
    )
    _join_backend(store)
    rows = store.engine.query(
        "SELECT f.rule, f.host, coalesce(f.source_ip, '') AS source_ip, b.mailbox, count(*) AS requests, "
        "epoch_ms(min(f.time)) AS first_ms, epoch_ms(max(f.time)) AS last_ms, "
        "coalesce(sum(f.bytes), 0)::BIGINT AS bytes, coalesce(sum(b.items), 0)::BIGINT AS items, "
        "list_sort(list(DISTINCT f.source_ip) FILTER (f.source_ip IS NOT NULL)) AS ips, "
        "count(*) FILTER (f.bytes IS NULL) AS without_bytes, count(*) FILTER (b.how = 'time') AS by_time, "
        "count(*) FILTER (b.how IS NULL) AS without_backend "
        "FROM forged f LEFT JOIN backend b ON b.source_id = f.source_id AND b.line = f.line GROUP BY ALL"
    ).to_pylist()
    ledger: dict[tuple[str, str | None], MailboxAccess] = {}
    for row in sorted(
        rows, key=lambda row: (row["first_ms"], row["rule"], row["host"], row["source_ip"], row["mailbox"] or "")
    ):
        intrusion = members.get((row["rule"], row["host"], row["source_ip"]))
        if intrusion is None:
            continue
        _add(ledger, intrusion, row)
    _ews_lines(store, members, ledger)
    return list(ledger.values())


def _join_backend(store: EventStore) -> None:
    """Table ``backend(source_id, line, mailbox, items, how, ews_source, ews_line ...)``: each forged request's EWS row."""
    ews = store.events("ews")
    empty = "NULL::INTEGER AS source_id, NULL::BIGINT AS line, NULL::VARCHAR AS mailbox, NULL::BIGINT AS items, "
    empty += "NULL::VARCHAR AS how, NULL::INTEGER AS ews_source, NULL::BIGINT AS ews_line, NULL::BIGINT AS ews_offset, "
    empty += "NULL::TIMESTAMPTZ AS ews_time"
    if ews is None:
        store.engine.execute(f"CREATE OR REPLACE TEMP TABLE backend AS SELECT {empty} WHERE false")
        return
    store.engine.execute(
        'CREATE OR REPLACE TEMP TABLE near_ews AS SELECT source_id AS ews_source, line AS ews_line, "offset" AS ews_offset, '
        "time AS ews_time, trim(lower(RequestId), '{}') AS request_id, "
        "split_part(lower(ServerHostName), '.', 1) AS ews_host, "
        "lower(coalesce(ActAsUser, ImpersonatedUser, ProxyAsUser)) AS mailbox, r.rank AS ews_rank, "
        "(ActAsUser IS NOT NULL OR ends_with(AuthenticatedUser, '$')) "
        f"AND NOT coalesce(regexp_matches({ACTION_SQL}, {sql_text(SERVER_CALLS)}), false) AS on_behalf, "
        f"{ITEMS_SQL} AS items "
        f"FROM {ews} JOIN source_ranks r USING (source_id) "
        f"WHERE time BETWEEN (SELECT min(time) FROM forged) - INTERVAL {NEAR_SECONDS + 60} SECOND "
        f"AND (SELECT max(time) FROM forged) + INTERVAL {NEAR_SECONDS + 60} SECOND "
        # A second copy of the same log must not offer a row twice.
        "QUALIFY row_number() OVER (PARTITION BY time, RequestId, ServerHostName, SoapAction, ActAsUser, ImpersonatedUser, "
        "LocalIdCount, RemoteIdCount, RequestSize ORDER BY r.rank, line) = 1"
    )
    order = "abs(epoch_ms(ews_time) - epoch_ms(time)), ews_rank, ews_line"
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE backend AS "
        "SELECT f.source_id, f.line, mailbox, items, 'request id' AS how, ews_source, ews_line, ews_offset, ews_time "
        "FROM forged f JOIN near_ews e ON e.request_id = f.request_id "
        f"QUALIFY row_number() OVER (PARTITION BY f.source_id, f.line ORDER BY {order}) = 1"
    )
    # Greedy and one to one: each round gives every free forged request its nearest free row, and each row to one request.
    for _ in range(3):
        store.engine.execute(
            "INSERT INTO backend SELECT source_id, line, mailbox, items, 'time', ews_source, ews_line, ews_offset, "
            "ews_time FROM ("
            "SELECT f.source_id, f.line, f.time, s.rank AS forged_rank, e.* FROM forged f "
            "JOIN source_ranks s ON s.source_id = f.source_id "
            "JOIN (SELECT * FROM near_ews WHERE on_behalf AND NOT EXISTS "
            "(SELECT 1 FROM backend b WHERE b.ews_source = near_ews.ews_source AND b.ews_line = near_ews.ews_line)) e "
            f"ON e.ews_time BETWEEN f.time - INTERVAL {NEAR_SECONDS} SECOND AND f.time + INTERVAL {NEAR_SECONDS} SECOND "
            "AND e.ews_host IN (f.target_host, split_part(lower(f.host), '.', 1)) "
            "WHERE NOT EXISTS (SELECT 1 FROM backend b WHERE b.source_id = f.source_id AND b.line = f.line) "
            f"QUALIFY row_number() OVER (PARTITION BY f.source_id, f.line ORDER BY {order}) = 1) "
            "QUALIFY row_number() OVER (PARTITION BY ews_source, ews_line "
            "ORDER BY abs(epoch_ms(ews_time) - epoch_ms(time)), forged_rank, line) = 1"
        )


def _add(ledger: dict[tuple[str, str | None], MailboxAccess], intrusion: str, row: Mapping[str, object]) -> None:
    mailbox = row["mailbox"]
    key = (intrusion, mailbox if isinstance(mailbox, str) else None)
    entry = ledger.get(key)
    first, last, host = number(row["first_ms"]), number(row["last_ms"]), str(row["host"])
    if entry is None:
        entry = ledger[key] = MailboxAccess(intrusion, key[1], EWS_SSRF, first, last, 0, 0, 0, [])
        entry.bytes_known, entry.items_known, entry.protocols = True, True, ["ews"]
    entry.first_ms, entry.last_ms = min(entry.first_ms, first), max(entry.last_ms, last)
    entry.requests += number(row["requests"])
    entry.items_at_least += number(row["items"])
    entry.bytes_at_least += number(row["bytes"])
    entry.bytes_known &= not row["without_bytes"]
    entry.items_known &= not (row["without_backend"] or row["by_time"])
    ips = row["ips"]
    entry.source_ips = sorted({*entry.source_ips, *(ips if isinstance(ips, list) else ())})
    if host not in entry.hosts:
        entry.hosts = sorted([*entry.hosts, host])
    for column, reason in (("by_time", BY_TIME), ("without_backend", NO_BACKEND), ("without_bytes", NO_BYTES)):
        if row[column] and reason not in entry.incomplete:
            entry.incomplete.append(reason)


def _ews_lines(
    store: EventStore,
    members: Mapping[tuple[str, str, str], str],
    ledger: Mapping[tuple[str, str | None], MailboxAccess],
) -> None:
    rows = store.engine.query(
        "SELECT f.rule, f.host, coalesce(f.source_ip, '') AS source_ip, b.mailbox, f.source_id, f.line, f.\"offset\", "
        "epoch_ms(f.time) AS time_ms, ews_source, ews_line, ews_offset, epoch_ms(ews_time) AS ews_ms FROM forged f "
        "JOIN source_ranks r ON r.source_id = f.source_id "
        "LEFT JOIN backend b ON b.source_id = f.source_id AND b.line = f.line "
        "QUALIFY row_number() OVER (PARTITION BY f.rule, f.host, f.source_ip, b.mailbox ORDER BY f.time, r.rank, f.line) "
        f"<= {EVIDENCE_LINES} ORDER BY f.time, r.rank, f.line"
    )
    for row in rows.to_pylist():
        intrusion = members.get((row["rule"], row["host"], row["source_ip"]))
        entry = ledger.get((intrusion or "", row["mailbox"]))
        if entry is None or len(entry.lines) >= EVIDENCE_LINES:
            continue
        entry.lines.append(Line(row["source_id"], row["line"], row["offset"], row["time_ms"]))
        if row["ews_line"] is not None:
            entry.lines.append(Line(row["ews_source"], row["ews_line"], row["ews_offset"], row["ews_ms"]))
