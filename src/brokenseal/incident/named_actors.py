"""What the user says of who the intruder is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from brokenseal.errors import UsageError


@dataclass(frozen=True, slots=True)
class Named:
    """What the user says of the intruder: addresses that are his, addresses that are not, parts of his user agents.

    Addresses are normalised (:func:`addresses`); agents are compared without case.
    """

    ips: tuple[str, ...] = ()
    not_ips: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


NOBODY = Named()


def addresses(texts: Sequence[str], option: str) -> tuple[str, ...]:
    """*texts* as IP addresses in their shortest form. Raises UsageError naming *option*."""
    found = []
    for text in texts:
        try:
            address = ip_address(text.strip().strip("[]").split("%")[0])
        except ValueError as error:
            raise UsageError(f"{option}: '{text[:60]}' is no IP address") from error
        mapped = getattr(address, "ipv4_mapped", None)
        found.append(str(mapped or address))
    return tuple(dict.fromkeys(found))
