"""Every request that can hand out mail, whichever protocol it came by, in one view: who asked, as whom, for which mailbox.

    mail_requests(protocol, host, time, ip, agent, signed_in, mailbox, action, bytes, source_id, line, offset, request_id)

The front end knows client, user and bytes: HttpProxy, or IIS in the hours of which a server has no HttpProxy rows. The back
end knows the mailbox and how many items (EWS, MAPI); it is asked only for the requests of an intruder, by request id
(:func:`back_end_sql`). Requests that failed are left out.
"""

from __future__ import annotations

from brokenseal.events import EventStore
from brokenseal.incident.event_sql import HOST, HOST_JOIN, client_sql
from brokenseal.incident.ews_access import ITEMS_SQL

MAIL_REQUESTS = "mail_requests"

#: Protocols of HttpProxy by which a client reads mail, in lower case.
PROTOCOLS = ("ews", "mapi", "owa", "owacalendar", "eas", "rpchttp", "rest")
#: First part of the path in IIS → protocol.
_STEMS = {
    "ews": "ews",
    "mapi": "mapi",
    "owa": "owa",
    "microsoft-server-activesync": "eas",
    "rpc": "rpchttp",
    "api": "rest",
}
#: Requests of Outlook on the web that show no mail: pages, scripts and pictures that anybody gets.
_STATIC = (
    r"(?i)^/+owa/+(?:auth|prem|[0-9.]+/(?:scripts|themes|resources|owa2))(?:/|$)"
    r"|\.(?:js|css|gif|png|svg|ico|eot|ttf|woff2?|htm|html|jpg)$"
)

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
#: SQL: the mailbox that a row of HttpProxy was routed by, null where its anchor names none.
ANCHOR_SQL = (
    "nullif(CASE WHEN AnchorMailbox SIMILAR TO '(?i)(smtp[:~]).*' THEN lower(substr(AnchorMailbox, 6)) "
    "WHEN AnchorMailbox SIMILAR TO '(?i)(sid~|mailboxguid~).*' THEN "
    f"lower(regexp_extract(AnchorMailbox, '(?i)(S-1-[0-9-]+|{_GUID})', 1)) END, '')"
)


#: In the path of Outlook on the web: the mailbox of somebody else that a user opened.
_OPENED = r"(?i)^/+owa/+([^/?]+@[^/?]+)(?:/|$)"


def build_mail_requests(store: EventStore) -> None:
    """Make the view :data:`MAIL_REQUESTS`. Needs ``source_hosts``, ``host_spellings`` and ``source_ranks``."""
    httpproxy, iis = store.events("httpproxy"), store.events("iis")
    parts = [_NOTHING]
    store.engine.execute(f"CREATE OR REPLACE TABLE proxied_hours AS {_hours(httpproxy)}")
    if httpproxy is not None:
        parts.append(_of_httpproxy(httpproxy))
    if iis is not None:
        parts.append(_of_iis(iis))
    store.engine.execute(
        f"CREATE OR REPLACE VIEW {MAIL_REQUESTS} AS {' UNION ALL '.join(f'({part})' for part in parts)}"
    )


_NOTHING = (
    "SELECT NULL::VARCHAR AS protocol, NULL::VARCHAR AS host, NULL::TIMESTAMPTZ AS time, NULL::VARCHAR AS ip, "
    "NULL::VARCHAR AS agent, NULL::VARCHAR AS signed_in, NULL::VARCHAR AS mailbox, NULL::VARCHAR AS action, "
    'NULL::BIGINT AS bytes, NULL::INTEGER AS source_id, NULL::BIGINT AS line, NULL::BIGINT AS "offset", '
    "NULL::VARCHAR AS request_id WHERE false"
)


def _hours(httpproxy: str | None) -> str:
    if httpproxy is None:
        return "SELECT NULL::VARCHAR AS host, NULL::TIMESTAMPTZ AS hour WHERE false"
    return f"SELECT DISTINCT {HOST} AS host, date_trunc('hour', e.time) AS hour FROM {httpproxy} e {HOST_JOIN}"


def back_end_sql(store: EventStore, wanted: str) -> str:
    """SQL giving (request_id, mailbox, action, items) of the EWS and MAPI rows whose request ids are in the relation
    *wanted* (request_id); ``items`` is null where the log does not count them."""
    parts = [
        "SELECT NULL::VARCHAR AS request_id, NULL::VARCHAR AS mailbox, NULL::VARCHAR AS action, NULL::BIGINT AS items "
        "WHERE false"
    ]
    ews, mapi = store.events("ews"), store.events("mapi")
    if ews is not None:
        parts.append(
            f"SELECT {_ID} AS request_id, "
            "lower(coalesce(ActAsUser, ImpersonatedUser, ProxyAsUser, AuthenticatedUser)) AS mailbox, SoapAction AS action, "
            f"{ITEMS_SQL} AS items FROM {ews}"
        )
    if mapi is not None:
        parts.append(
            f"SELECT {_ID} AS request_id, "
            "lower(coalesce(ActAsUserEmail, MailboxId, AuthenticatedUserEmail, AuthenticatedUser)) AS mailbox, "
            f"RequestType AS action, NULL::BIGINT AS items FROM {mapi}"
        )
    return (
        "SELECT request_id, min(mailbox) AS mailbox, min(action) AS action, max(items) AS items "
        f"FROM ({' UNION ALL '.join(parts)}) SEMI JOIN {wanted} USING (request_id) GROUP BY request_id"
    )


_ID = "trim(lower(RequestId), '{}')"


def _opened(stem: str) -> str:
    return f"nullif(lower(regexp_extract({stem}, '{_OPENED}', 1)), '')"


def _of_httpproxy(events: str) -> str:
    protocols = ", ".join(f"'{name}'" for name in PROTOCOLS)
    asked = f"nullif(lower(regexp_extract(UrlQuery, '(?i)MailboxId=({_GUID}(?:@[^&; ]+)?)', 1)), '')"
    return (
        f"SELECT lower(e.Protocol), {HOST}, e.time, {client_sql('e.ClientIpAddress')}, e.UserAgent, "
        f"lower(nullif(e.AuthenticatedUser, '')), coalesce({_opened('e.UrlStem')}, {asked}, {ANCHOR_SQL}, "
        "lower(nullif(e.AuthenticatedUser, ''))), coalesce(nullif(e.ProtocolAction, ''), e.UrlStem), "
        "e.ResponseBytes, e.source_id, e.line, e.\"offset\", trim(lower(e.RequestId), '{}') "
        f"FROM {events} e {HOST_JOIN} "
        f"WHERE lower(e.Protocol) IN ({protocols}) AND coalesce(e.HttpStatus, 200) < 400 "
        "AND e.HttpStatus IS DISTINCT FROM 302 "
        f"AND NOT coalesce(regexp_matches(e.UrlStem, '{_STATIC}'), false)"
    )


def _of_iis(events: str) -> str:
    stem, query = 'e."cs-uri-stem"', 'e."cs-uri-query"'
    first = f"lower(regexp_extract({stem}, '^/+([^/]+)', 1))"
    protocol = " ".join(f"WHEN '{part}' THEN '{name}'" for part, name in _STEMS.items())
    stems = ", ".join(f"'{part}'" for part in _STEMS)
    client = client_sql('e."c-ip"')
    request_id = f"nullif(regexp_extract(lower({query}), 'cafereqid=({_GUID})', 1), '')"
    asked = f"nullif(lower(regexp_extract({query}, '(?i)MailboxId=({_GUID}(?:@[^&; ]+)?)', 1)), '')"
    device = f"nullif(lower(regexp_extract({query}, '(?i)(?:^|&)User=([^&; ]+)', 1)), '')"
    return (
        f"WITH requests AS (SELECT CASE {first} {protocol} END AS protocol, {HOST} AS host, e.time, {client} AS ip, "
        'e."cs-user-agent" AS agent, lower(nullif(e."cs-username", \'\')) AS signed_in, '
        f'{asked} AS asked, {device} AS device, {stem} AS stem, e."sc-bytes" AS bytes, e.source_id, e.line, '
        f'e."offset", {request_id} AS request_id FROM {events} e {HOST_JOIN} WHERE {first} IN ({stems}) '
        'AND e."s-port" NOT IN (81, 444) AND e."sc-status" BETWEEN 200 AND 299 '
        f"AND NOT coalesce(regexp_matches({stem}, '{_STATIC}'), false)) "
        f"SELECT r.protocol, r.host, r.time, r.ip, r.agent, r.signed_in, coalesce({_opened('r.stem')}, r.asked, r.device, "
        "r.signed_in), r.stem, "
        'r.bytes, r.source_id, r.line, r."offset", r.request_id FROM requests r '
        "ANTI JOIN proxied_hours p ON p.host = r.host AND p.hour = date_trunc('hour', r.time)"
    )
