"""Which events a Sigma log source means, and what its field names mean there.

A *kind* is an event table. Its fields are the columns of the parser's declared schema plus the names that public
rules use for the same thing; names are compared without case, ``_`` counts as ``-`` and ``cs(Name)`` as ``cs-Name``.

``category: webserver`` (or ``service: iis``) means the IIS log. Public rules put paths into ``cs-uri-query``, so that
name sees stem and query as one text (``stem?query``, or the stem where there is no query); the column alone is
``query-only``. ``request-id`` is the id that IIS, HttpProxy, EWS and MAPI write for the same request (lower case).
IIS writes a space inside a value as ``+``: a space in a rule's text matches either there.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-appendix-taxonomy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from types import MappingProxyType

from brokenseal.detections.windows_logs import EXCHANGE_CMDLET, PREFIX, view_name
from brokenseal.events.engine import sql_name
from brokenseal.events.sources import WEB_FILE
from brokenseal.parsers.base import parser_of_table
from brokenseal.parsers.columns import Cell
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE


class FieldType(Enum):
    """How values of a field are compared: as text, as whole numbers, or as a time (UTC)."""

    TEXT = "text"
    INTEGER = "integer"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class EventField:
    """One field of a kind.

    ``sql`` is an expression over the table's ``columns``. ``in_line``: values stand in the raw log line as they are,
    except that they may differ there at the characters of ``cuts``, and that a JSON text has them ``escaped``.
    ``searched``: part of a keyword search. ``names``: what rules call values of a whole number (lower case → digits).
    """

    name: str
    sql: str
    type: FieldType
    columns: tuple[str, ...]
    in_line: bool = True
    cuts: str = ""
    searched: bool = False
    escaped: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event table as rules see it.

    ``source_ip`` and ``request_id`` (lower case) are SQL text expressions, null where the table has no such thing.
    ``plus_is_space``: the log writes spaces inside values as ``+``. ``json``: values come from JSON, where '-' is a value
    and not the sign of a missing one.
    """

    name: str
    fields: MappingProxyType[str, EventField]
    source_ip: str
    request_id: str
    plus_is_space: bool = False
    json: bool = False

    def field(self, name: str) -> EventField | None:
        """The field a rule means by *name*, None if these events have no such field."""
        return self.fields.get(normal_field_name(name))

    @property
    def searched(self) -> tuple[EventField, ...]:
        """The text fields a keyword search looks at: all that stand in the line as logged."""
        return tuple({field.name: field for field in self.fields.values() if field.searched}.values())


_NOTHING = "CAST(NULL AS VARCHAR)"
_SOURCE_IP = {
    "iis": "c-ip",
    "httpproxy": "ClientIpAddress",
    "ews": "ClientIpAddress",
    "mapi": "ClientIP",
    "message_tracking": "original-client-ip",
}
_REQUEST_ID = {
    "httpproxy": "RequestId",
    "ews": "RequestId",
    "mapi": "RequestId",
    "cmdlet": "RequestId",
    "ecp_server": "ACTID",
}
#: The logs that name the same request by the same id.
_SHARED_REQUEST = ("iis", "httpproxy", "ews", "mapi")
_GUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CAFE_REQUEST_ID = f"""NULLIF(regexp_extract(lower("cs-uri-query"), 'cafereqid=({_GUID})', 1), '')"""

_WEB_ADDRESS = "cs-uri"
_ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    "iis": {
        _WEB_ADDRESS: ("cs-uri-query", "c-uri", "c-uri-query", "uri", "url", "request-url"),
        "cs-uri-stem": ("c-uri-stem", "uri-path"),
        "cs-user-agent": ("c-useragent", "cs-useragent", "user-agent", "useragent", "http-user-agent"),
        "cs-referer": ("cs-referrer", "c-referer", "referer", "referrer"),
        "cs-cookie": ("c-cookie", "cookie"),
        "cs-host": ("c-host",),
        "cs-method": ("method", "http-method"),
        "cs-username": ("username", "user"),
        "sc-status": ("status", "http-status", "status-code"),
        "s-ip": ("dst-ip", "destinationip"),
        "s-port": ("dst-port", "destinationport"),
    }
}
_SOURCE_IP_ALIASES = ("c-ip", "src-ip", "source-ip", "sourceip", "clientip", "client-ip", "clientipaddress")
#: Values that the parser puts together: they are not in the line as they are.
_MADE_UP = {"Build", "extra"}
#: Values where the parser may have changed what separates their parts.
_CUTS = {("ecp_server", "Parameters"): "=. ", ("ecp_server", "Canary"): "%"}

_SERVICES = {
    "httpproxy": "httpproxy",
    "ecp-server": "ecp_server",
    "oab-generator": "oab_generator",
    "ews": "ews",
    "mapi": "mapi",
    "cmdlet": "cmdlet",
    "message-tracking": "message_tracking",
    "web-file": WEB_FILE,
}


def normal_field_name(name: str) -> str:
    """*name* as it is compared: lower case, '_' as '-', 'cs(Referer)' as 'cs-referer'."""
    return re.sub(r"^(cs|sc|c|s)\((.+)\)$", r"\1-\2", name.strip().lower().replace("_", "-"))


def kinds_of_logsource(category: str | None, product: str | None, service: str | None) -> tuple[str, ...]:
    """The kinds of events that a rule with this ``logsource`` sees; empty if this version reads no such log."""
    category, product, service = ((part or "").strip().lower() for part in (category, product, service))
    if product == "exchange" and not category:
        kind = _SERVICES.get(service.replace("_", "-"))
        if kind == "cmdlet":
            return kind, PREFIX + EXCHANGE_CMDLET
        return () if kind is None else (kind,)
    if category == "webserver" and service in ("", "iis"):
        return ("iis",)
    if service == "iis" and not category and product in ("", "windows"):
        return ("iis",)
    windows = view_name(category, product, service)
    return () if windows is None else (windows,)


def table_of(kind: str) -> str:
    """The table that holds the events of *kind*: the kind itself, or that of which it is a view."""
    return WINDOWS_TABLE if kind.startswith(PREFIX) else kind


@cache
def event_kind(name: str) -> EventKind:
    """The kind *name* (a table's name, e.g. ``iis``).

    Raises KeyError if no parser makes such events.
    """
    if name.startswith(PREFIX):
        from brokenseal.detections.windows_kind import windows_kind  # that module builds on this one

        return windows_kind(name)
    if name == WEB_FILE:
        from brokenseal.detections.web_file_kind import web_file_kind  # likewise

        return web_file_kind()
    parser = parser_of_table(name)
    plus_is_space = name == "iis"
    fields: dict[str, EventField] = {
        "host": EventField("host", sql_name("host"), FieldType.TEXT, ("host",), in_line=False),
        "time": EventField("time", sql_name("time"), FieldType.TIME, ("time",), in_line=False),
    }
    for column in (*parser.columns, *parser.derived):
        text = column.cell is Cell.TEXT
        fields[normal_field_name(column.name)] = EventField(
            column.name,
            sql_name(column.name),
            FieldType.TEXT if text else FieldType.INTEGER,
            (column.name,),
            in_line=column.name not in _MADE_UP,
            cuts=_CUTS.get((name, column.name), ""),
            searched=text and column in parser.columns,
        )
    if name == "iis":
        fields["query-only"] = replace(fields.pop("cs-uri-query"), searched=False)
        fields["cs-uri-stem"] = replace(fields["cs-uri-stem"], searched=False)
        fields[_WEB_ADDRESS] = EventField(
            _WEB_ADDRESS,
            """NULLIF(concat_ws('?', "cs-uri-stem", "cs-uri-query"), '')""",
            FieldType.TEXT,
            ("cs-uri-stem", "cs-uri-query"),
            cuts="?",
            searched=True,
        )
    for target, aliases in _ALIASES.get(name, {}).items():
        for alias in aliases:
            fields.setdefault(alias, fields[target])
    source_ip = _SOURCE_IP.get(name)
    if source_ip is not None:
        for alias in _SOURCE_IP_ALIASES:
            fields.setdefault(alias, fields[normal_field_name(source_ip)])
    request_id = f"lower({sql_name(_REQUEST_ID[name])})" if name in _REQUEST_ID else _NOTHING
    if name == "iis":
        request_id = _CAFE_REQUEST_ID
    if name in _SHARED_REQUEST:
        id_column = _REQUEST_ID.get(name, "cs-uri-query")
        fields["request-id"] = EventField("request-id", request_id, FieldType.TEXT, (id_column,), in_line=False)
    return EventKind(
        name,
        MappingProxyType(fields),
        source_ip=_NOTHING if source_ip is None else sql_name(source_ip),
        request_id=request_id,
        plus_is_space=plus_is_space,
    )


def source_ip_sql(kind: str) -> str:
    """SQL text expression of the address an event of *kind* came from."""
    return event_kind(kind).source_ip


def request_id_sql(kind: str) -> str:
    """SQL text expression (lower case) of the id that an event of *kind* shares with other logs of the same request."""
    return event_kind(kind).request_id
