"""Exchange Control Panel server log (ECP Server): each request with the cmdlets it ran and their parameters.

``EventData`` is a list of ``S:KEY=value`` items separated by ';'. An item with special characters is wrapped in single
quotes with inner ones doubled; Exchange 2013 may leave the quote open, which makes the line invalid CSV. ``S:CMD`` holds
``Cmdlet.Parameter=value.Parameter=value``.

References:
    https://www.microsoft.com/en-us/security/blog/2021/03/02/hafnium-targeting-exchange-servers/
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.columns import NULL_TEXT, Column
from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.exchange_log import BUILD, log_type
from brokenseal.parsers.segments import Header
from brokenseal.parsers.times import iso_time
from brokenseal.parsers.whole_lines import WholeLineParser, group, groups

_FIELDS = ("TimeStamp", "ServerName", "EventId", "EventData")
_LINE = r"(?s)^\s*(?P<time>[^,]*),(?P<server>[^,]*),(?P<event>[^,]*),(?P<data>.*)$"
#: An item in single quotes; CMD as it is, whose values may be quoted; any other; nothing at all.
_ITEM = r"(?:'(?:[^']|'')*'|S:CMD=(?:[^;']|'[^']*')*|[^';][^;]*|)"
_WELL_FORMED = rf"(?s)^(?:{_ITEM};)*{_ITEM}$"
#: As Exchange 2016 and later write them; _KEYS are those that have a column.
_ORDER = (
    *("TIME", "SID", "CMD", "REQID", "URL", "REFERRER", "EX", "ACTID", "RS", "BLD", "TNAME", "TID", "USID", "EDOID"),
    "ACID",
)
_KEYS = ("SID", "CMD", "REQID", "URL", "REFERRER", "EX", "ACTID", "RS", "BLD", "TNAME", "USID")
_CMDLET = r"(?s)(?:^|[.|;, ])(?P<cmdlet>[A-Za-z]+-[A-Za-z0-9]+)(?:\.(?P<parameters>.*))?"
_BUILD = r"^0*(?P<a>[0-9]+)\.0*(?P<b>[0-9]+)\.0*(?P<c>[0-9]+)\.0*(?P<d>[0-9]+)$"
_HEADERLESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[^,]*,[^,]*,ECP\.\w+,")


class EcpServer(WholeLineParser):
    __doc__ = __doc__
    kind = "ecp_server"
    timeless = "line is not TimeStamp,ServerName,EventId,EventData with a readable time"
    columns = (
        Column("EventId", "kind of the event, mostly ECP.Request"),
        Column("EventData", "the whole data of the event, as logged"),
        Column("SID", "session"),
        Column("CMD", "cmdlet with parameters, as Cmdlet.Name=value.Name=value; may be a pipeline"),
        Column("REQID", "request id"),
        Column("URL", "URL of the request, with msExchEcpCanary"),
        Column("REFERRER", "referring page"),
        Column("EX", "exception; empty when the request went through"),
        Column("ACTID", "activity id"),
        Column("RS", "result"),
        Column("BLD", "build as logged"),
        Column("TNAME", "tenant"),
        Column("USID", "user session id"),
    )
    derived = (
        Column("Cmdlet", "first cmdlet of CMD"),
        Column("Parameters", "what follows it in CMD: its parameters as Name=value.Name=value"),
        Column("Canary", "msExchEcpCanary of the URL; joins with HttpProxy's AnchorMailbox"),
        BUILD,
    )

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return log_type(head) == "ecp server log" or bool(_HEADERLESS.match(head))

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)ECPServer_?\d{8,10}-\d+\.log(\.gz)?$", name, re.IGNORECASE))

    def header_by_shape(self, text: str) -> Header | None:
        return Header(_FIELDS) if _HEADERLESS.match(text) else None

    def unusable(self, header: Header) -> str | None:
        if [name.lower() for name in header.fields] == [name.lower() for name in _FIELDS]:
            return None
        return f"the header before this row is not {','.join(_FIELDS)}"

    def lines(self, text: pa.ChunkedArray, numbers: Positions) -> dict[str, pa.ChunkedArray]:
        cells = groups(text, _LINE)
        data = _unquoted_cell(cells["data"])
        arrays = {
            "time": iso_time(cells["time"]),
            "host": cells["server"],
            "EventId": cells["event"],
            "EventData": data,
        }
        arrays |= _items(data)
        arrays["Cmdlet"], arrays["Parameters"] = groups(arrays["CMD"], _CMDLET).values()
        arrays["Canary"] = group(arrays["URL"], r"(?i)msExchEcpCanary=(?P<canary>[^&;'\"\s]+)")
        build = groups(arrays["BLD"], _BUILD).values()
        arrays["Build"] = pc.binary_join_element_wise(*build, ".", null_handling="emit_null")
        return arrays


def _unquoted_cell(data: pa.ChunkedArray) -> pa.ChunkedArray:
    """A CSV cell without its double quotes; one that is never closed is taken to the end of the line."""
    quoted = pc.fill_null(pc.starts_with(data, '"'), False)
    inner = pc.replace_substring(pc.replace_substring_regex(data, r'^"|"$', ""), '""', '"')
    return pc.if_else(quoted, inner, data)


def _items(data: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """The value of each key."""
    at, values = _usual_items(data)
    if len(at) < len(data):
        others = np.delete(np.arange(len(data)), at)
        order = np.argsort(np.concatenate([at, others]))
        found = _unusual_items(data.take(pa.array(others)))
        values = {
            key: pa.chunked_array([*value.chunks, *found[key].chunks]).take(order) for key, value in values.items()
        }
    empties = pa.array(["", "<null>"])
    return {key: pc.if_else(pc.is_in(value, empties), NULL_TEXT, value) for key, value in values.items()}


def _usual_items(data: pa.ChunkedArray) -> tuple[Positions, dict[str, pa.ChunkedArray]]:
    """Which rows hold all items in their usual order and none in quotes, and their values: several times as fast."""
    text = pc.fill_null(data, "")
    items = pc.split_pattern(text, ";")
    usual = pc.and_(pc.equal(pc.list_value_length(items), len(_ORDER)), pc.invert(pc.match_substring(text, "'")))
    items = items.filter(usual)
    cells = {key: pc.list_element(items, place) for place, key in enumerate(_ORDER)}
    fits = np.ones(len(items), dtype=np.bool_)
    for key, cell in cells.items():
        fits &= np.asarray(pc.starts_with(cell, f"S:{key}="), dtype=np.bool_)
    fit = pa.array(fits)
    values = {key: pc.utf8_slice_codeunits(cells[key].filter(fit), len(f"S:{key}=")) for key in _KEYS}
    return np.flatnonzero(np.asarray(usual, dtype=np.bool_))[fits], values


def _unusual_items(data: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """The value of each key in any rows; where quotes are broken, as far as it can be told."""
    values = {key: _value(data, key) for key in _KEYS}
    broken = pc.invert(pc.fill_null(pc.match_substring_regex(data, _WELL_FORMED), True))
    if pc.any(broken).as_py():
        # What an attacker can write stands in CMD and URL: the last item of a name is more likely Exchange's own, and CMD
        # reaches to the last item that can follow it.
        damaged = pc.if_else(broken, data, NULL_TEXT)
        for key in _KEYS:
            if key == "CMD":
                whole = group(damaged, r"(?s)(?:^|;)'?S:CMD=(?P<value>.*);'?S:REQID=")
                values[key] = pc.coalesce(whole, values[key])
            else:
                late = group(damaged, rf"(?s)^.*;'?S:{key}=(?P<value>[^;]*)")
                values[key] = pc.coalesce(values[key], late)
    return values


def _value(data: pa.ChunkedArray, key: str) -> pa.ChunkedArray:
    # Anchored at the start and walking whole items, so that a ';S:KEY=' inside a quoted value is never taken for an item.
    plain = r"(?:[^;']|'[^']*')*" if key == "CMD" else r"[^;]*"
    pattern = rf"(?s)^(?:{_ITEM};)*?(?:'S:{key}=(?P<quoted>(?:[^']|'')*)|S:{key}=(?P<plain>{plain}))"
    found = groups(data, pattern)
    return pc.coalesce(pc.replace_substring(found["quoted"], "''", "'"), found["plain"])
