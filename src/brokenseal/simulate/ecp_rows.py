"""Rows of the ECP Server log (``Logging/ECP/Server``): the cmdlets that the control panel ran for a request.

References:
    exchange-evidence.md 2.3 (keys, order and quoting of ``S:KEY=value``, grammar of CMD).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.exchange_csv import cell
from brokenseal.simulate.organisation import Build, Server

FIELDS = "TimeStamp,ServerName,EventId,EventData"
_NEEDS_QUOTES = frozenset("'\";<> ")


@dataclass(slots=True)
class EcpRequest:
    """``command`` is ``Cmdlet.Parameter=value.Parameter=value``; ``error`` the text of an exception, if any."""

    command: str
    url: str
    session: str
    activity: str
    user: str
    error: str = ""
    took: int = 15


def quoted(value: str) -> str:
    """A parameter's value in single quotes, as CMD writes every value that is not ``$null`` or ``$true``."""
    return f"'{value}'"


def _item(key: str, value: str) -> str:
    text = f"S:{key}={value}"
    # Of all values only CMD and EX are wrapped: their text comes from a user and may hold the separators.
    if key in {"CMD", "EX"} and not _NEEDS_QUOTES.isdisjoint(value):
        return "'" + text.replace("'", "''") + "'"
    return text


def row(ms: int, server: Server, build: Build, r: EcpRequest) -> str:
    data = ";".join(
        (
            _item("TIME", str(r.took)),
            _item("SID", r.session),
            _item("CMD", r.command),
            _item("REQID", ""),
            _item("URL", r.url),
            _item("REFERRER", ""),
            _item("EX", r.error),
            _item("ACTID", r.activity),
            _item("RS", "0"),
            _item("BLD", build.dotted),
            _item("TNAME", "<null>"),
            _item("TID", ""),
            _item("USID", r.user),
            _item("EDOID", ""),
            _item("ACID", ""),
        )
    )
    return f"{iso(ms)},{server.name},ECP.Request,{cell(data)}"
