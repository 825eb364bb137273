"""Rows of IIS's W3C log, in the fifteen fields that IIS writes by default (no sc-bytes, no cs-bytes).

References:
    exchange-evidence.md 2.1; https://learn.microsoft.com/windows/win32/http/w3c-logging
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from brokenseal.simulate.clock import w3c

FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
FRONT_END_PORT = 443
BACK_END_PORT = 444
# Substatus and Windows error that IIS writes for a status it made itself.
_OWN_ERRORS = {401: "401 1 2148074254", 404: "404 0 2"}


@dataclass(slots=True)
class IisRow:
    """One request as a site saw it; empty text becomes ``-``. ``took`` in milliseconds, ``end`` as in ``clock``."""

    end: int
    server_ip: str
    method: str
    stem: str
    client_ip: str
    agent: str
    query: str = ""
    port: int = FRONT_END_PORT
    account: str = ""
    status: int = 200
    took: int = 1


def preamble(first_ms: int) -> tuple[str, ...]:
    return (
        "#Software: Microsoft Internet Information Services 10.0",
        "#Version: 1.0",
        f"#Date: {w3c(first_ms)}",
        f"#Fields: {FIELDS}",
    )


@lru_cache(maxsize=512)
def plus(text: str) -> str:
    """A header's value as IIS logs it: spaces become plus signs, nothing becomes a hyphen."""
    return text.replace(" ", "+") or "-"


def row(r: IisRow) -> str:
    return (
        f"{w3c(r.end)} {r.server_ip} {r.method} {r.stem} {r.query or '-'} {r.port} {r.account or '-'} {r.client_ip} "
        f"{plus(r.agent)} - {_OWN_ERRORS.get(r.status) or f'{r.status} 0 0'} {r.took}"
    )
