"""What an intruder did to settings of mailboxes, out of every log that shows it, before it is told what each did.

A log of cmdlets names no client, so a row is the intruder's only where something ties it to one:

* the control panel's log, by the request that HttpProxy (or IIS) has of it: the same canary, the nearest in time;
* cmdlet logs and the event log of cmdlets, by a request for PowerShell of the same user within a minute; by the process of
  an intrusion that ran it; or because the server's own account ran it while somebody was inside the server;
* audit records, by the address, agent or application that they name.

What an administrator did in the same time stays a finding beside the intrusion: nothing in a log tells it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brokenseal.detections.taxonomy import source_ip_sql
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_text, sql_texts
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.event_sql import ACCOUNT, HOST, HOST_JOIN, client_sql
from brokenseal.incident.intrusions import SHELL_BIRTH_MS, Intrusion
from brokenseal.incident.mail_requests import ANCHOR_SQL
from brokenseal.incident.small_tables import NUMBER, TEXT, register_rows
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT
from brokenseal.parsers.windows_event import CMDLET_PROVIDER
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

#: A request and the control panel's row of it; a request for PowerShell and the cmdlet; one act in two logs. Milliseconds.
_PANEL_MS, _SHELL_MS, _COPY_MS = 60_000, 60_000, 2_000
#: How long a process of an intrusion is taken to be the one with its number.
_PROCESS_MS = 3_600_000
#: Accounts that no person signs in with.
_SYSTEM = ("nt authority\\system", "s-1-5-18", "system")
#: An operation as ``setting_kinds`` compares it, and that a record did not fail.
_OPERATION = "lower(rtrim(trim({}), '.'))"
_DONE = "coalesce(lower(Result), '') NOT IN ('false', 'failed', 'failure')"
_CANARY = "(?i)msExchEcpCanary=([^&;#]+)"


@dataclass(frozen=True, slots=True)
class SettingEvent:
    """One row of a log. ``copy``: nothing ties it to an intruder but that it stands beside one of his rows, whose ``number``
    it has. ``mailbox``: of whoever was signed in. ``ip`` is null where the row follows from something else than a client.
    Times in milliseconds since 1970 UTC."""

    number: int
    copy: bool
    kind: str
    intrusion: str | None
    operation: str
    parameters: str | None
    target: str | None
    account: str | None
    mailbox: str | None
    ip: str | None
    host: str | None
    source_id: int
    line: int
    offset: int
    time_ms: int
    record: int | None


def setting_events(store: EventStore, operations: Sequence[str], intrusions: Sequence[Intrusion]) -> list[SettingEvent]:
    """The rows of the intruders by time, and then the copies of them.

    *operations*: in lower case; *intrusions*: those that broke in.
    Needs ``actors``, ``source_ranks`` and, where there are audit records, ``actor_audit``.
    """
    parts = _parts(store, sql_texts(operations))
    engine = store.engine
    found = []
    if parts:
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE setting_rows AS "
            "SELECT row_number() OVER (ORDER BY p.time, r.rank, p.line) AS number, "
            f"p.*, epoch_ms(p.time) AS time_ms FROM ({' UNION ALL '.join(parts)}) p "
            "JOIN source_ranks r ON r.source_id = p.source_id"
        )
        _fronts(store)
        _tie(store, intrusions)
        found += engine.query(
            "WITH first AS (SELECT number, min_by("
            "{'intrusion': intrusion, 'signed_in': signed_in, 'mailbox': mailbox, 'ip': ip}, "
            "(place, coalesce(intrusion, '~'))) AS w FROM setting_ties GROUP BY number), "
            "copies AS (SELECT c.number, min_by(f.number, (abs(c.time_ms - s.time_ms), f.number)) AS of_number "
            "FROM setting_rows c JOIN setting_rows s ON c.operation = s.operation AND c.host = s.host "
            f"AND abs(c.time_ms - s.time_ms) <= {_COPY_MS} JOIN first f ON f.number = s.number "
            "WHERE c.number NOT IN (SELECT number FROM first) GROUP BY c.number) "
            "SELECT coalesce(c.of_number, s.number) AS number, c.of_number IS NOT NULL AS copy, kind, w.intrusion, "
            "logged AS operation, parameters, NULL AS target, coalesce(account, w.signed_in) AS account, "
            "coalesce(w.mailbox, w.signed_in) AS mailbox, "
            'w.ip, host, source_id, line, "offset", time_ms, record FROM setting_rows s '
            "LEFT JOIN copies c USING (number) JOIN first f ON f.number = coalesce(c.of_number, s.number) "
            "ORDER BY s.number"
        ).to_pylist()
    if store.events(MAIL_AUDIT) is not None:
        found += engine.query(
            "SELECT -row_number() OVER (ORDER BY time, rank, line) AS number, false AS copy, "
            f"'{MAIL_AUDIT}' AS kind, intrusion, Operation AS operation, Parameters AS parameters, "
            'Target AS target, "User" AS account, box AS mailbox, ip, '
            'NULL AS host, source_id, line, "offset", time_ms, NULL AS record FROM actor_audit '
            f"WHERE {_OPERATION.format('Operation')} IN ({sql_texts(operations)}) AND {_DONE} "
            "ORDER BY time, rank, line"
        ).to_pylist()
    return [SettingEvent(**row) for row in sorted(found, key=_order)]


def _order(row: dict[str, Any]) -> tuple[bool, int, str, int]:
    return row["copy"], row["time_ms"], row["kind"], row["number"]


def _parts(store: EventStore, operations: str) -> list[str]:
    parts = []
    ecp, cmdlets, windows, audit = (store.events(kind) for kind in ("ecp_server", "cmdlet", WINDOWS_TABLE, MAIL_AUDIT))

    def part(kind: str, relation: str, operation: str, condition: str, **columns: str) -> str:
        told = {name: "NULL" for name in ("parameters", "account", "canary", "stem", "pid", "record")} | columns
        return (
            f"SELECT '{kind}' AS kind, {HOST} AS host, e.time, e.source_id, e.line, e.\"offset\", "
            f"{operation} AS logged, {_OPERATION.format(operation)} AS operation, "
            f"{told['parameters']}::VARCHAR AS parameters, {told['account']}::VARCHAR AS account, "
            f"{told['canary']}::VARCHAR AS canary, {told['stem']}::VARCHAR AS stem, "
            f"{told['pid']}::BIGINT AS pid, {told['record']}::BIGINT AS record FROM {relation} e {HOST_JOIN} "
            f"WHERE {_OPERATION.format(operation)} IN ({operations}) AND {condition}"
        )

    if ecp is not None:
        stem = "nullif(lower(split_part(e.URL, '?', 1)), '')"
        parts.append(
            part("ecp_server", ecp, "e.Cmdlet", "e.EX IS NULL", parameters="e.Parameters", canary="e.Canary", stem=stem)
        )
    if cmdlets is not None:
        done = "e.ErrorType IS NULL AND coalesce(lower(e.ExecutionResult), 'success') = 'success'"
        columns = {
            "parameters": "e.Parameters",
            "account": "e.AuthenticatedUser",
            "pid": "TRY_CAST(e.ProcessId AS BIGINT)",
        }
        parts.append(part("cmdlet", cmdlets, "e.Cmdlet", done, **columns))
    if windows is not None:
        chosen = f"(SELECT * FROM {windows} WHERE Provider_Name = {sql_text(CMDLET_PROVIDER)} AND EventID = 1)"
        process = "TRY_CAST(regexp_extract(json_extract_string(e.Data, '$.Process'), '^([0-9]+)', 1) AS BIGINT)"
        columns = {
            "parameters": "json_extract_string(e.Data, '$.Parameters')",
            "account": "json_extract_string(e.Data, '$.User')",
            "pid": process,
            "record": "e.EventRecordID",
        }
        parts.append(part(WINDOWS_TABLE, chosen, "json_extract_string(e.Data, '$.Cmdlet')", "true", **columns))
    if audit is not None:
        # An administrator audit log names who, and no client.
        columns = {"parameters": "e.Parameters", "account": 'e."User"'}
        parts.append(part(MAIL_AUDIT, audit, "e.Operation", f"e.ClientIP IS NULL AND {_DONE}", **columns))
    return parts


def _fronts(store: EventStore) -> None:
    """Table ``setting_fronts``: the requests for the control panel and for PowerShell that the front end passed on."""
    httpproxy, iis = store.events("httpproxy"), store.events("iis")
    parts = [
        "SELECT NULL::VARCHAR AS protocol, NULL::VARCHAR AS host, NULL::BIGINT AS time_ms, NULL::VARCHAR AS ip, "
        "NULL::VARCHAR AS agent, NULL::VARCHAR AS signed_in, NULL::VARCHAR AS mailbox, NULL::VARCHAR AS stem, "
        "NULL::VARCHAR AS canary WHERE false"
    ]
    if httpproxy is not None:
        parts.append(
            f"SELECT lower(e.Protocol), {HOST}, epoch_ms(e.time), {client_sql('e.ClientIpAddress')}, e.UserAgent, "
            f"lower(nullif(e.AuthenticatedUser, '')), {ANCHOR_SQL}, lower(e.UrlStem), "
            f"nullif(regexp_extract(concat_ws('&', e.UrlQuery, e.AnchorMailbox), '{_CANARY}', 1), '') "
            f"FROM {httpproxy} e {HOST_JOIN} WHERE (lower(e.Protocol) IN ('ecp', 'powershell') OR "
            "contains(e.AnchorMailbox, 'msExchEcpCanary')) AND coalesce(e.HttpStatus, 200) < 400"
        )
    elif iis is not None:
        first = "lower(regexp_extract(e.\"cs-uri-stem\", '^/+([^/]+)', 1))"
        parts.append(
            f'SELECT {first}, {HOST}, epoch_ms(e.time), {client_sql(source_ip_sql("iis"))}, e."cs-user-agent", '
            'lower(nullif(e."cs-username", \'\')), NULL, lower(e."cs-uri-stem"), '
            f"nullif(regexp_extract(e.\"cs-uri-query\", '{_CANARY}', 1), '') FROM {iis} e {HOST_JOIN} "
            f"WHERE {first} IN ('ecp', 'powershell') AND e.\"s-port\" NOT IN (81, 444) AND e.\"sc-status\" < 400"
        )
    store.engine.execute(f"CREATE OR REPLACE TEMP TABLE setting_fronts AS {' UNION ALL '.join(parts)}")


def _tie(store: EventStore, intrusions: Sequence[Intrusion]) -> None:
    """Table ``setting_ties(number, place, intrusion, signed_in, mailbox, ip)``: which rows are an intruder's.

    The lowest place counts.
    """
    spans = [(i.id, host, i.first_ms, i.last_ms + SHELL_BIRTH_MS) for i in intrusions for host in i.hosts]
    whose = {"intrusion": TEXT, "host": TEXT}
    register_rows(store, "setting_spans", {**whose, "first_ms": NUMBER, "last_ms": NUMBER}, spans)
    numbers = [
        (intrusion.id, process.host, number, process.time_ms)
        for intrusion in intrusions
        for process in intrusion.processes
        if process.time_ms is not None and (number := _number(process.pid)) is not None
    ]
    register_rows(store, "setting_processes", {**whose, "pid": NUMBER, "time_ms": NUMBER}, numbers)
    mine = of_actor_sql("f.ip", "f.agent", "f.front_ms")
    nearest = "row_number() OVER (PARTITION BY s.number ORDER BY abs(s.time_ms - f.time_ms), f.ip, f.signed_in) = 1"
    # The nearest request of anybody, and only then whether it is an intruder's: a stolen session has the owner's canary.
    by_canary = (
        "SELECT s.number, f.* RENAME (time_ms AS front_ms) FROM setting_rows s JOIN setting_fronts f ON f.canary = "
        "s.canary "
        f"WHERE abs(s.time_ms - f.time_ms) <= {_PANEL_MS} QUALIFY row_number() OVER (PARTITION BY s.number ORDER BY "
        "(f.stem = s.stem) DESC, abs(s.time_ms - f.time_ms), f.ip) = 1"
    )
    account = ACCOUNT.format("s.account")
    by_user = (
        "SELECT s.number, f.* RENAME (time_ms AS front_ms) FROM setting_rows s JOIN setting_fronts f "
        f"ON {ACCOUNT.format('f.signed_in')} = {account} WHERE s.kind <> 'ecp_server' AND f.protocol = 'powershell' "
        f"AND abs(s.time_ms - f.time_ms) <= {_SHELL_MS} QUALIFY {nearest}"
    )
    system = f"(ends_with(s.account, '$') OR lower(s.account) IN ({sql_texts(_SYSTEM)}))"
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE setting_ties AS "
        f"SELECT f.number, 1 AS place, a.intrusion, f.signed_in, f.mailbox, f.ip FROM ({by_canary}) f JOIN {ACTORS} "
        f"a ON {mine} "
        f"UNION ALL SELECT f.number, 2, a.intrusion, f.signed_in, f.mailbox, f.ip FROM ({by_user}) f JOIN {ACTORS} "
        f"a ON {mine} "
        "UNION ALL SELECT s.number, 3, p.intrusion, NULL, NULL, NULL FROM setting_rows s JOIN setting_processes p "
        f"ON p.pid = s.pid AND p.host = s.host WHERE s.time_ms BETWEEN p.time_ms AND p.time_ms + {_PROCESS_MS} "
        "UNION ALL SELECT s.number, 4, p.intrusion, NULL, NULL, NULL FROM setting_rows s JOIN setting_spans p "
        f"ON p.host = s.host WHERE {system} AND s.time_ms BETWEEN p.first_ms AND p.last_ms"
    )


def _number(pid: str | None) -> int | None:
    try:
        return int(pid or "", 0)
    except ValueError:
        return None
