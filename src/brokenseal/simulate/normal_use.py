"""How much mail the owners of mailboxes read themselves: noted while their requests are written, asked for at the end.

Only mailboxes that somebody else reads too are watched; there is nothing to tell apart in the others.
"""

from __future__ import annotations

from typing import NamedTuple

from brokenseal.simulate.httpproxy_rows import FrontEndRequest

# Protocols of HttpProxy that hand out mail.
READING_PROTOCOLS = ("Eas", "Ews", "Mapi", "Owa")
_LOGON_PAGES = "/owa/auth"


class Reading(NamedTuple):
    """One answered request of a signed-in client; ``end`` in milliseconds, ``size`` in bytes."""

    end: int
    protocol: str
    ip: str
    size: int


def hands_out_mail(request: FrontEndRequest) -> bool:
    """Whether this is an answered request of a signed-in client for what is in a mailbox."""
    return (
        bool(request.account)
        and request.protocol in READING_PROTOCOLS
        and 200 <= request.status < 300
        and not request.stem.startswith(_LOGON_PAGES)
    )


class NormalUse:
    """The answered requests under watched accounts, whoever made them."""

    def __init__(self) -> None:
        self._readings: dict[str, list[Reading]] = {}

    def watch(self, account: str) -> None:
        self._readings.setdefault(account, [])

    def note(self, end: int, request: FrontEndRequest) -> None:
        readings = self._readings.get(request.account)
        if readings is not None and hands_out_mail(request):
            readings.append(Reading(end, request.protocol, request.client_ip, request.response_bytes or 0))

    def of(self, account: str, first: int, last: int) -> list[Reading]:
        """The readings under an account from ``first`` to ``last`` (ms, both included), in order of time."""
        return sorted(reading for reading in self._readings.get(account, ()) if first <= reading.end <= last)
