"""The mailbox ledger: which mailbox an intrusion read, how often, how many items and bytes at least, and how complete.

A forged request to Exchange Web Services is one HttpProxy row (it has the bytes) and one back-end EWS row (it has the
mailbox, the SOAP action and the number of item ids). They are joined by request id; where that fails, one to one by the
nearest time within two seconds among EWS rows that act for somebody else or come from a machine account. What cannot be
joined is outflow with no mailbox known: a row of its own, never dropped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_text
from brokenseal.incident.findings import EVIDENCE_LINES, Line
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.matches import MATCHES

EWS_SSRF = "ews-ssrf"
EXPORT_REQUEST = "export-request"

#: EWS actions that hand out the content of the items they name.
READING_ACTIONS = (
    "getitem",
    "getattachment",
    "exportitems",
    "getclientaccesstoken",
    "getconversationitems",
    "convertid",
)
NEAR_SECONDS = 2

BY_TIME = "some back-end rows were matched by time, because their request ids differ"
NO_BACKEND = "no back-end EWS row was found for some requests"
NO_BYTES = "the response size of some requests was not logged"
EXPORT_SIZE = "the log of an export request does not say how much was exported"

_MAILBOX_PARAMETER = re.compile(r"-Mailbox\s+\"?([^\"\s]+)|(?:^|[{.;,\s])Mailbox=['\"]*([^'\";,}]+)", re.IGNORECASE)


@dataclass(slots=True)
class MailboxAccess:
    """One mailbox read by one intrusion in one way. ``mailbox`` null: bytes that left with no mailbox known.

    Times in milliseconds since 1970 UTC; items and bytes are lower bounds.
    """

    intrusion: str
    mailbox: str | None
    access: str
    first_ms: int
    last_ms: int
    requests: int
    items_at_least: int
    bytes_at_least: int
    hosts: list[str]
    incomplete: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def account_for_mail(store: EventStore, intrusions: Sequence[Intrusion]) -> list[MailboxAccess]:
    """The ledger, by intrusion and first access."""
    ledger = [*_ews(store, intrusions), *_exports(store, intrusions)]
    number = {intrusion.id: at for at, intrusion in enumerate(intrusions)}
    ledger.sort(
        key=lambda row: (number[row.intrusion], row.mailbox is None, row.first_ms, row.mailbox or "", row.access)
    )
    return ledger


def _members(intrusions: Sequence[Intrusion], access: str) -> dict[tuple[str, str, str], str]:
    """Finding key → intrusion id, for the rules whose matches are accesses to mail."""
    return {
        finding.key: intrusion.id
        for intrusion in intrusions
        for finding in (*intrusion.findings, *intrusion.context)
        if finding.rule.mail_access == access
    }


def _ews(store: EventStore, intrusions: Sequence[Intrusion]) -> list[MailboxAccess]:
    members = _members(intrusions, EWS_SSRF)
    if not members:
        return []
    rules = ", ".join(sql_text(rule) for rule in sorted({rule for rule, _, _ in members}))
    store.engine.execute(
        # One request may match several rules: it is one access.
        "CREATE OR REPLACE TEMP TABLE forged AS SELECT min(rule) AS rule, host, source_ip, source_id, line, "
        'any_value("offset") AS "offset", any_value(time) AS time, any_value(request_id) AS request_id, '
        f"any_value(bytes) AS bytes FROM {MATCHES} WHERE rule IN ({rules}) AND kind = 'httpproxy' "
        "GROUP BY host, source_ip, source_id, line"
    )
    _join_backend(store)
    rows = store.engine.query(
        "SELECT f.rule, f.host, coalesce(f.source_ip, '') AS source_ip, b.mailbox, count(*) AS requests, "
        "epoch_ms(min(f.time)) AS first_ms, epoch_ms(max(f.time)) AS last_ms, "
        "coalesce(sum(f.bytes), 0)::BIGINT AS bytes, coalesce(sum(b.items), 0)::BIGINT AS items, "
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
    actions = ", ".join(sql_text(action) for action in READING_ACTIONS)
    store.engine.execute(
        'CREATE OR REPLACE TEMP TABLE near_ews AS SELECT source_id AS ews_source, line AS ews_line, "offset" AS ews_offset, '
        "time AS ews_time, lower(RequestId) AS request_id, lower(ServerHostName) AS ews_host, "
        "lower(coalesce(ActAsUser, ImpersonatedUser, ProxyAsUser)) AS mailbox, "
        "ActAsUser IS NOT NULL OR ends_with(AuthenticatedUser, '$') AS on_behalf, "
        f"CASE WHEN lower(regexp_replace(SoapAction, '^.*[/:#]', '')) IN ({actions}) "
        "THEN coalesce(LocalIdCount, 0) + coalesce(RemoteIdCount, 0) ELSE 0 END AS items "
        f"FROM {ews} WHERE time BETWEEN (SELECT min(time) FROM forged) - INTERVAL {NEAR_SECONDS + 60} SECOND "
        f"AND (SELECT max(time) FROM forged) + INTERVAL {NEAR_SECONDS + 60} SECOND"
    )
    order = "abs(epoch_ms(ews_time) - epoch_ms(time)), ews_rank, ews_line"
    ranked = "JOIN source_ranks r ON r.source_id = ews_source"
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE backend AS "
        "SELECT f.source_id, f.line, mailbox, items, 'request id' AS how, ews_source, ews_line, ews_offset, ews_time "
        f"FROM forged f JOIN (SELECT *, r.rank AS ews_rank FROM near_ews {ranked}) e ON e.request_id = f.request_id "
        f"QUALIFY row_number() OVER (PARTITION BY f.source_id, f.line ORDER BY {order}) = 1"
    )
    # Greedy and one to one: each round gives every free forged request its nearest free row, and each row to one request.
    for _ in range(3):
        store.engine.execute(
            "INSERT INTO backend SELECT source_id, line, mailbox, items, 'time', ews_source, ews_line, ews_offset, "
            "ews_time FROM ("
            "SELECT f.source_id, f.line, f.time, s.rank AS forged_rank, e.* FROM forged f "
            "JOIN source_ranks s ON s.source_id = f.source_id "
            f"JOIN (SELECT *, r.rank AS ews_rank FROM near_ews {ranked} WHERE on_behalf AND NOT EXISTS "
            "(SELECT 1 FROM backend b WHERE b.ews_source = near_ews.ews_source AND b.ews_line = near_ews.ews_line)) e "
            f"ON e.ews_time BETWEEN f.time - INTERVAL {NEAR_SECONDS} SECOND AND f.time + INTERVAL {NEAR_SECONDS} SECOND "
            "WHERE NOT EXISTS (SELECT 1 FROM backend b WHERE b.source_id = f.source_id AND b.line = f.line) "
            f"QUALIFY row_number() OVER (PARTITION BY f.source_id, f.line ORDER BY {order}) = 1) "
            "QUALIFY row_number() OVER (PARTITION BY ews_source, ews_line "
            "ORDER BY abs(epoch_ms(ews_time) - epoch_ms(time)), forged_rank, line) = 1"
        )


def _add(ledger: dict[tuple[str, str | None], MailboxAccess], intrusion: str, row: Mapping[str, object]) -> None:
    mailbox = row["mailbox"]
    key = (intrusion, mailbox if isinstance(mailbox, str) else None)
    entry = ledger.get(key)
    first, last, host = _number(row["first_ms"]), _number(row["last_ms"]), str(row["host"])
    if entry is None:
        entry = ledger[key] = MailboxAccess(intrusion, key[1], EWS_SSRF, first, last, 0, 0, 0, [])
    entry.first_ms, entry.last_ms = min(entry.first_ms, first), max(entry.last_ms, last)
    entry.requests += _number(row["requests"])
    entry.items_at_least += _number(row["items"])
    entry.bytes_at_least += _number(row["bytes"])
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


def _exports(store: EventStore, intrusions: Sequence[Intrusion]) -> list[MailboxAccess]:
    """New-MailboxExportRequest seen in cmdlet logs: a whole mailbox, of a size the log does not tell."""
    members = _members(intrusions, EXPORT_REQUEST)
    if not members:
        return []
    rules = ", ".join(sql_text(rule) for rule in sorted({rule for rule, _, _ in members}))
    rows = store.engine.query(
        f"SELECT rule, host, coalesce(source_ip, '') AS source_ip, parameters, m.source_id, line, \"offset\", "
        f"epoch_ms(time) AS time_ms FROM {MATCHES} m JOIN source_ranks r ON r.source_id = m.source_id "
        f"WHERE rule IN ({rules}) ORDER BY time, r.rank, line, rule"
    )
    ledger: dict[tuple[str, str | None], MailboxAccess] = {}
    seen: dict[tuple[str, str | None], set[tuple[int, int]]] = defaultdict(set)
    for row in rows.to_pylist():
        intrusion = members.get((row["rule"], row["host"], row["source_ip"]))
        if intrusion is None:
            continue
        mailbox = mailbox_parameter(row["parameters"] or "")
        key = (intrusion, mailbox)
        if (row["source_id"], row["line"]) in seen[key]:
            continue
        seen[key].add((row["source_id"], row["line"]))
        entry = ledger.setdefault(
            key,
            MailboxAccess(
                intrusion,
                mailbox,
                EXPORT_REQUEST,
                row["time_ms"],
                row["time_ms"],
                0,
                0,
                0,
                [row["host"]],
                [EXPORT_SIZE],
            ),
        )
        entry.requests += 1
        entry.last_ms = max(entry.last_ms, row["time_ms"])
        if len(entry.lines) < EVIDENCE_LINES:
            entry.lines.append(Line(row["source_id"], row["line"], row["offset"], row["time_ms"]))
    return list(ledger.values())


def mailbox_parameter(parameters: str) -> str | None:
    """The value of ``-Mailbox`` in a cmdlet's parameters, lower case."""
    found = _MAILBOX_PARAMETER.search(parameters)
    return (found.group(1) or found.group(2)).strip().lower() if found else None


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
