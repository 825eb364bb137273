"""Every event that a rule matched, in one table, whatever log it came from.

    matches(rule, kind, source_id, line, offset, time, host, source_ip, request_id, canary, url, status, method, bytes,
            target, account, cmdlet, parameters, record)

``record`` is the number that an event log gave the event. ``source_ip`` is null where the line cannot name the
client: back-end sites see the front end's address.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from brokenseal.detections.taxonomy import request_id_sql, source_ip_sql
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_name, sql_text
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.event_sql import HOST, HOST_JOIN, client_sql
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

MATCHES = "matches"

_NULL = "NULL::VARCHAR"


#: The fields of a Windows event's own data that are asked for: taken out together, for reading the data takes long.
_OWN = (
    *("User", "SubjectDomainName", "SubjectUserName", "Cmdlet", "Parameters"),
    *("CommandLine", "TargetFilename", "TargetObject", "ScriptBlockText"),
)
_POINTERS = ", ".join(sql_text(f"/{name}") for name in _OWN)


def _data(name: str) -> str:
    """SQL: a field of a Windows event's own data."""
    return f"nullif(own[{_OWN.index(name) + 1}], '')"


#: The address under which the web server shows a file that was written to one of its folders.
_WRITTEN_URL = (
    f"nullif(regexp_replace(regexp_extract(replace({_data('TargetFilename')}, '\\', '/'), "
    "'(?i)/(?:frontend/httpproxy|inetpub/wwwroot|clientaccess)(/.+)$', 1), '/+', '/', 'g'), '')"
)
_DETAILS: dict[str, dict[str, str]] = {
    "iis": {
        "source_ip": 'CASE WHEN "s-port" IN (81, 444) THEN NULL ELSE "c-ip" END',
        "canary": "nullif(regexp_extract(\"cs-uri-query\", '(?i)msExchEcpCanary=([^&;]+)', 1), '')",
        "url": '"cs-uri-stem"',
        "status": '"sc-status"',
        "method": '"cs-method"',
        "bytes": '"sc-bytes"',
        "account": '"cs-username"',
    },
    "httpproxy": {
        "canary": "nullif(regexp_extract(AnchorMailbox, '(?i)msExchEcpCanary=([^&;#]+)', 1), '')",
        "url": "UrlStem",
        "status": "HttpStatus",
        "method": "Method",
        "bytes": "ResponseBytes",
        "target": "AnchorMailbox",
        "account": "AuthenticatedUser",
    },
    "ecp_server": {
        "canary": "Canary",
        "url": "URL",
        "cmdlet": "Cmdlet",
        "parameters": "Parameters",
    },
    "oab_generator": {"target": "Path"},
    "ews": {
        # The back end sees the server that passed the request on, not who asked.
        "source_ip": "NULL",
        "status": "HttpStatus",
        "target": "coalesce(ActAsUser, ImpersonatedUser)",
        "account": "AuthenticatedUser",
        "cmdlet": "SoapAction",
    },
    "mapi": {
        "status": "HttpStatusCode",
        "target": "MailboxId",
        "account": "AuthenticatedUser",
    },
    "cmdlet": {
        "account": "AuthenticatedUser",
        "cmdlet": "Cmdlet",
        "parameters": "Parameters",
    },
    WINDOWS_TABLE: {
        "account": f"coalesce({_data('User')}, nullif(concat_ws('\\', {_data('SubjectDomainName')}, "
        f"{_data('SubjectUserName')}), ''))",
        "cmdlet": _data("Cmdlet"),
        "parameters": _data("Parameters"),
        "target": f"coalesce({_data('CommandLine')}, {_data('TargetFilename')}, {_data('TargetObject')}, "
        f"{_data('ScriptBlockText')})",
        "url": _WRITTEN_URL,
        "record": "EventRecordID",
    },
    WEB_FILE: {
        "url": "url",
        "target": "path",
    },
    "message_tracking": {
        "account": '"sender-address"',
        "target": '"message-subject"',
    },
}


def build_matches(store: EventStore, found: Sequence[tuple[str, str, pa.Table]]) -> None:
    """Make the table ``matches`` in the store's engine.

    ``found`` holds (kind, relation, keys) with keys in ``MATCH_SCHEMA``; the details come from the relation. Needs the
    tables ``source_hosts`` and ``host_spellings``.
    """
    store.engine.execute(
        f'CREATE OR REPLACE TABLE {MATCHES} (rule VARCHAR, kind VARCHAR, source_id INTEGER, line BIGINT, "offset" BIGINT, '
        "time TIMESTAMPTZ, host VARCHAR, source_ip VARCHAR, request_id VARCHAR, canary VARCHAR, url VARCHAR, "
        "status INTEGER, method VARCHAR, bytes BIGINT, target VARCHAR, account VARCHAR, cmdlet VARCHAR, parameters VARCHAR, "
        "record BIGINT)"
    )
    for number, (kind, relation, keys) in enumerate(found):
        if keys.num_rows == 0:
            continue
        name = f"match_keys_{number}"
        store.engine.register(name, keys)
        store.engine.execute(f"INSERT INTO {MATCHES} {_select(kind, relation, name)}")
    _client_of_proxied(store)
    _client_of_canary(store)


def _select(kind: str, relation: str, keys: str) -> str:
    if kind == WINDOWS_TABLE:
        relation = f"(SELECT *, json_extract_string(Data, [{_POINTERS}]) AS own FROM {relation})"
    details = {"source_ip": source_ip_sql(kind), "request_id": request_id_sql(kind), **_DETAILS[kind]}

    def text(column: str) -> str:
        return f"({details[column]})::VARCHAR" if column in details else _NULL

    return (
        f'SELECT k.rule, {sql_text(kind)}, e.source_id, e.line, e."offset", e.time, '
        f"{HOST}, {client_sql(text('source_ip'))}, "
        f"trim(lower({text('request_id')}), '{{}}'), {text('canary')}, {text('url')}, "
        f"{details.get('status', 'NULL')}::INTEGER, {text('method')}, {details.get('bytes', 'NULL')}::BIGINT, "
        f"{text('target')}, {text('account')}, {text('cmdlet')}, {text('parameters')}, "
        f"{details.get('record', 'NULL')}::BIGINT "
        f"FROM {sql_name(keys)} k JOIN {relation} e ON e.source_id = k.source_id AND e.line = k.line "
        f"{HOST_JOIN}"
    )


def _client_of_proxied(store: EventStore) -> None:
    """Behind a load balancer IIS sees the balancer; HttpProxy's row of the same request may know the client."""
    proxied = store.events("httpproxy")
    if proxied is None:
        return
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE proxied AS SELECT lower(RequestId) AS request_id, "
        "any_value(lower(regexp_replace(ClientIpAddress, '%.*$', ''))) AS client "
        f"FROM {proxied} WHERE lower(RequestId) IN (SELECT request_id FROM {MATCHES} WHERE kind = 'iis') "
        "GROUP BY ALL HAVING count(DISTINCT ClientIpAddress) = 1"
    )
    store.engine.execute(
        f"UPDATE {MATCHES} SET source_ip = p.client FROM proxied p "
        f"WHERE {MATCHES}.kind = 'iis' AND {MATCHES}.source_ip IS NOT NULL AND {MATCHES}.request_id = p.request_id "
        "AND p.client IS NOT NULL"
    )


def _client_of_canary(store: EventStore) -> None:
    """A line of the control panel names no client, but its canary is that of one client's requests in HttpProxy."""
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE canaries AS SELECT canary, any_value(source_ip) AS client "
        f"FROM {MATCHES} WHERE kind = 'httpproxy' AND canary IS NOT NULL AND source_ip IS NOT NULL "
        "GROUP BY canary HAVING count(DISTINCT source_ip) = 1"
    )
    store.engine.execute(
        f"UPDATE {MATCHES} SET source_ip = c.client FROM canaries c "
        f"WHERE {MATCHES}.source_ip IS NULL AND {MATCHES}.canary = c.canary"
    )
