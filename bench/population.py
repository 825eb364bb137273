"""Invented users, devices and user agents, and random identifiers in bulk: what both kinds of log lines are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SERVER = "EXCH01"
SERVER_FQDN = "exch01.corp.example"
SERVER_IP = "192.0.2.11"
PUBLIC_HOST = "mail.corp.example"
DOMAIN = "corp.example"
DATABASE = "6d4b1f0e-27c3-4a58-9e1b-c5f0a7d3e842"

_CHROMES = ("87.0.4280.141", "88.0.4324.150", "88.0.4324.182", "88.0.4324.190")
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:86.0) Gecko/20100101 Firefox/86.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    *(
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome} Safari/537.36"
        for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7")
        for chrome in _CHROMES
    ),
)
PHONES = (
    "Apple-iPhone12C1/1803.53",
    "Apple-iPhone11C8/1802.66",
    "Apple-iPhone10C4/1708.35",
    "Apple-iPad8C1/1803.53",
    "Android-SAMSUNG/11.0",
    "Android/10-EAS-2.0",
    "Outlook-iOS-Android/1.0",
    "SAMSUNG-SM-G973F/101.100",
)
OUTLOOKS = (
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13628; Pro)",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.10371; Pro)",
    "Microsoft Office/15.0 (Windows NT 6.1; Microsoft Outlook 15.0.5311; Pro)",
    "Microsoft Office/16.0 (Windows NT 10.0; MAPI 16.0.13628; Pro)",
)
EWS_CLIENTS = (
    "MacOutlook/16.46.21021202 (Intelx64 Mac OS X Version 10.15.7 (Build 19H524))",
    "Mac+OS+X/10.15.7 (19H524) CalendarAgent/930.5.1",
    "ExchangeServicesClient/15.00.0913.015",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13628; Pro)",
    "Mac OS X/10.15.7 (19H524); ExchangeWebServices/6.0 (243)",
)
PROBES = (
    "AMProbe/Local/ClientAccess",
    "Mozilla/4.0 (compatible; MSIE 9.0; Windows NT 6.1; MSEXCHMON; ACTIVEMONITORING)",
)
CRAWLERS = ("Mozilla/5.0 zgrab/0.x",)

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
GUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox owner: account, address, security identifier, mailbox GUID, and where they work from."""

    account: str
    sid: str
    mailbox: str
    ip: str
    device: str

    @property
    def smtp(self) -> str:
        return f"{self.account}@{DOMAIN}"


def guids(rng: np.random.Generator, count: int) -> str:
    """*count* random GUIDs in one text without separators; the n-th is ``[36 * n : 36 * n + 36]``."""
    digits = _HEX[rng.integers(0, 16, size=(count, GUID_LENGTH), dtype=np.uint8)]
    digits[:, [8, 13, 18, 23]] = ord("-")
    return digits.tobytes().decode("ascii")


def people(rng: np.random.Generator, count: int) -> list[Person]:
    """*count* persons; half of them work from outside, over documentation addresses."""
    ids = guids(rng, count)
    found: list[Person] = []
    for n in range(count):
        ip = f"192.0.2.{n % 230 + 20}" if n % 2 else f"198.51.100.{n % 200 + 20}"
        found.append(
            Person(
                # A few names are not ASCII, as everywhere: no block of the logs is without such a name.
                account=f"müller{n:04d}" if n % 50 == 0 else f"user{n:04d}",
                sid=f"S-1-5-21-1085031214-1563985344-725345543-{1100 + n}",
                mailbox=ids[GUID_LENGTH * n : GUID_LENGTH * (n + 1)],
                ip=ip,
                device=f"APPL{ids[GUID_LENGTH * n : GUID_LENGTH * n + 8].upper()}{n:04d}",
            )
        )
    return found
