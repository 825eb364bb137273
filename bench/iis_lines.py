"""IIS W3C lines as an Exchange 2016 server writes them, for the benchmark: front end (443) and back end (444).

References:
    https://learn.microsoft.com/en-us/windows/win32/http/w3c-logging
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from bench.population import (
    BROWSERS,
    CRAWLERS,
    DOMAIN,
    EWS_CLIENTS,
    GUID_LENGTH,
    OUTLOOKS,
    PHONES,
    PROBES,
    PUBLIC_HOST,
    SERVER_IP,
    Person,
    guids,
)

DEFAULT_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
#: What the fields become where they change inside a file: sizes, the host and a custom field are logged too.
MORE_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) cs-host "
    "sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken X-Forwarded-For"
)
_SHAPES = 4_096
_CHUNK_ENDINGS = 1_024
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    stem: str
    query: str
    agent: str
    user: str
    referer: str = "-"


def header(day: str, fields: str) -> bytes:
    """The four directives IIS writes at the start of a file and when its fields change; *day* as YYYY-MM-DD."""
    return (
        "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n"
        f"#Date: {day} 00:00:01\r\n#Fields: {fields}\r\n"
    ).encode("ascii")


class IisRows:
    """Rows of one day of one site; ``more``: with the additional fields. Successive calls go on with *rng*."""

    def __init__(
        self, rng: np.random.Generator, users: list[Person], day: str, *, back_end: bool, more: bool = False
    ) -> None:
        self._rng = rng
        port = 444 if back_end else 443
        marker = "&ActID=" if back_end else "&cafeReqId="
        shapes = rng.choice(len(_KINDS), size=_SHAPES, p=_WEIGHTS)
        self._heads: list[str] = []
        self._middles: list[str] = []
        for n, kind in enumerate(shapes.tolist()):
            person = users[int(rng.integers(0, len(users)))]
            request = _KINDS[kind](person, n)
            ip = "192.0.2.11" if back_end else "127.0.0.1" if request.agent in PROBES else person.ip
            query = f"{'' if request.query == '-' else request.query}&CorrelationID=<empty>;{marker}"
            self._heads.append(f" {SERVER_IP} {request.method} {request.stem} {query}")
            agent = request.agent.replace(" ", "+")
            host = f" {PUBLIC_HOST}" if more else ""
            self._middles.append(f"; {port} {request.user} {ip} {agent} {request.referer}{host}")
        statuses = rng.choice(6, size=_CHUNK_ENDINGS, p=(0.90, 0.05, 0.025, 0.015, 0.006, 0.004)).tolist()
        took = rng.gamma(1.2, 60.0, size=_CHUNK_ENDINGS).astype(np.int64).tolist()
        sizes = rng.integers(200, 90_000, size=_CHUNK_ENDINGS).tolist()
        self._ends = [
            f" {_STATUSES[status]} {size} {size % 4_000 + 300} {ms} -\r\n" if more else f" {_STATUSES[status]} {ms}\r\n"
            for status, ms, size in zip(statuses, took, sizes, strict=True)
        ]
        self._clock = _clock(day)

    def __call__(self, start: int, count: int, total: int) -> list[str]:
        ids = guids(self._rng, count)
        shapes = self._rng.integers(0, _SHAPES, size=count).tolist()
        ends = self._rng.integers(0, _CHUNK_ENDINGS, size=count).tolist()
        seconds = (np.arange(start, start + count, dtype=np.int64) * _DAY // total).tolist()
        clock, heads, middles, endings = self._clock, self._heads, self._middles, self._ends
        return [
            f"{clock[second]}{heads[shape]}{ids[at : at + GUID_LENGTH]}{middles[shape]}{endings[end]}"
            for second, shape, end, at in zip(
                seconds, shapes, ends, range(0, count * GUID_LENGTH, GUID_LENGTH), strict=True
            )
        ]


@lru_cache(maxsize=1)
def _clock(day: str) -> list[str]:
    """``YYYY-MM-DD HH:MM:SS`` for each second of the day."""
    return [f"{day} {s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(_DAY)]


def _eas(person: Person, n: int) -> _Request:
    command = ("Ping", "Sync", "Sync", "FolderSync", "ItemOperations", "SendMail")[n % 6]
    query = f"Cmd={command}&User=corp%5C{person.account}&DeviceId={person.device}&DeviceType=iPhone"
    return _Request("POST", "/Microsoft-Server-ActiveSync/default.eas", query, PHONES[n % 8], f"CORP\\{person.account}")


def _mapi(person: Person, n: int) -> _Request:
    stem = "/mapi/nspi/" if n % 7 == 0 else "/mapi/emsmdb/"
    return _Request("POST", stem, f"MailboxId={person.mailbox}@{DOMAIN}", OUTLOOKS[n % 4], f"CORP\\{person.account}")


def _ews(person: Person, n: int) -> _Request:
    return _Request("POST", "/EWS/Exchange.asmx", "-", EWS_CLIENTS[n % 5], person.smtp)


def _owa(person: Person, n: int) -> _Request:
    action = ("GetItem", "FindItem", "SubscribeToNotification", "GetConversationItems", "UpdateItem")[n % 5]
    query = f"action={action}&EP=1&ID=-{n % 900 + 1}&AC=1&UA=0&ClientRequestId={person.mailbox}_{n:07d}"
    referer = f"https://{PUBLIC_HOST}/owa/"
    return _Request("POST", "/owa/service.svc", query, BROWSERS[n % 10], person.smtp, referer)


def _static(person: Person, n: int) -> _Request:
    stem = (
        "/owa/prem/15.1.2106.2/scripts/boot.worldwide.0.mouse.js",
        "/owa/prem/15.1.2106.2/resources/images/0/sprite1.mouse.png",
        "/owa/auth/15.1.2106/themes/resources/segoeui-regular.ttf",
        "/owa/auth/15.1.2106/scripts/premium/flogon.js",
        "/owa/prem/15.1.2106.2/resources/styles/0/boot.worldwide.mouse.css",
    )[n % 5]
    return _Request("GET", stem, "-", BROWSERS[n % 10], "-", f"https://{PUBLIC_HOST}/owa/")


def _own_page(person: Person, n: int) -> _Request:
    stem, query = (
        ("/owa/auth/logon.aspx", f"url=https%3a%2f%2f{PUBLIC_HOST}%2fowa%2f&reason=0"),
        ("/owa/auth/logon.aspx", "replaceCurrent=1&url=https%3a%2f%2fmail.corp.example%2fowa%2f"),
        ("/owa/auth/logoff.aspx", "Cmd=logoff&src=exch"),
        ("/owa/auth/errorFE.aspx", "httpCode=440&msg=0"),
        ("/ecp/default.aspx", "rfr=owa&owaparam=modurl%3d0"),
        ("/owa/languageselection.aspx", "-"),
        ("/ecp/PersonalSettings/EmailSignature.aspx", "rfr=owa"),
    )[n % 7]
    return _Request("GET", stem, query, BROWSERS[n % 10], person.smtp if "/ecp/" in stem else "-")


def _autodiscover(person: Person, n: int) -> _Request:
    return _Request("POST", "/autodiscover/autodiscover.xml", "-", OUTLOOKS[n % 4], f"CORP\\{person.account}")


def _health(person: Person, n: int) -> _Request:
    stem = ("/owa/", "/ews/Exchange.asmx", "/mapi/emsmdb/", "/Microsoft-Server-ActiveSync/default.eas")[n % 4]
    return _Request("GET", stem, "-", PROBES[n % 2], f"HealthMailbox{n % 8:07x}4b@{DOMAIN}")


def _address_book(person: Person, n: int) -> _Request:
    stem = f"/OAB/8f0a4c66-1f6c-4d6a-b1d1-5f4bb21a00e{n % 10}/oab.xml"
    return _Request("GET", stem, "-", "Microsoft+BITS/7.8", f"CORP\\{person.account}")


def _scanner(person: Person, n: int) -> _Request:
    return _Request("GET", ("/", "/owa/", "/robots.txt")[n % 3], "-", CRAWLERS[0], "-")


_KINDS: tuple[Callable[[Person, int], _Request], ...] = (
    _eas,
    _mapi,
    _ews,
    _owa,
    _static,
    _own_page,
    _autodiscover,
    _health,
    _address_book,
    _scanner,
)
_WEIGHTS = (0.34, 0.28, 0.12, 0.11, 0.04, 0.05, 0.02, 0.02, 0.01, 0.01)
_STATUSES = ("200 0 0", "401 1 2148074254", "304 0 0", "302 0 0", "500 0 0", "200 0 64")
