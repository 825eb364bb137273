"""The invented organisation: its servers, users, builds and addresses.

All names end in ``corp.example``; all addresses are from the ranges kept for documentation:
192.0.2.0/24 is the inner network, 198.51.100.0/24 and 2001:db8::/32 the internet, 203.0.113.0/24 those who attack.

References:
    RFC 2606 (example names), RFC 5737 and RFC 3849 (documentation addresses).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from brokenseal.simulate.draws import Draws

DOMAIN = "corp.example"
NETBIOS = "CORP"
PUBLIC_HOST = f"mail.{DOMAIN}"
AUTODISCOVER_HOST = f"autodiscover.{DOMAIN}"
DOMAIN_CONTROLLER = f"dc01.{DOMAIN}"
ADMINISTRATOR = "it.admin"
ADMINISTRATOR_ACCOUNT = f"{NETBIOS}\\{ADMINISTRATOR}"
ADMINISTRATOR_SID = "S-1-5-21-179000111-488000222-369000333-1105"
ADMINISTRATOR_PC = "192.0.2.6"

_GIVEN = (
    "anna", "bela", "carla", "david", "elif", "frida", "goran", "hanna", "ivo", "jana", "karim", "lena",
    "milan", "nora", "oskar", "paula", "quirin", "rosa", "samir", "tilda", "ulrich", "vera", "wanda", "yusuf",
)  # fmt: skip
_FAMILY = (
    "berg", "falk", "okafor", "lindt", "moreau", "novak", "silva", "tanaka", "varga", "weiss", "arslan", "costa",
    "dahl", "eriksen", "fontana", "gruber", "horvat", "iversen", "jansen", "keller", "lopez", "marin", "nagy", "peters",
)  # fmt: skip


class Build(NamedTuple):
    """An Exchange version. ``2106.2`` is Exchange 2016 CU18 as shipped, ``2106.13`` with the update of March 2021."""

    major: int
    minor: int
    build: int
    revision: int

    @property
    def dotted(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"

    @property
    def padded(self) -> str:
        """The form of a ``#Version`` line: ``15.01.2106.002``."""
        return f"{self.major}.{self.minor:02}.{self.build:04}.{self.revision:03}"


UNPATCHED = Build(15, 1, 2106, 2)
PATCHED = Build(15, 1, 2106, 13)
# How Exchange writes 15.1.2106 as one number in back-end cookies and in GenericInfo.
SERVER_VERSION_NUMBER = 0x70000000 | UNPATCHED.major << 22 | UNPATCHED.minor << 16 | 0x8000 | UNPATCHED.build
TARGET_VERSION = "15.01.2106.000"


@dataclass(frozen=True, slots=True)
class Server:
    """One Exchange server that is front end and back end at once."""

    name: str
    fqdn: str
    ip: str
    database: str
    machine_account: str
    health_alias: str
    health_sid: str
    health_mailbox: str

    @property
    def health_account(self) -> str:
        return f"{NETBIOS}\\{self.health_alias}"

    @property
    def health_smtp(self) -> str:
        return f"{self.health_alias}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class User:
    """One mailbox and the devices that its owner reads it with."""

    alias: str
    sid: str
    mailbox: str
    home: Server
    pc_ip: str
    phone_ip: str
    device: str
    on_mac: bool

    @property
    def account(self) -> str:
        return f"{NETBIOS}\\{self.alias}"

    @property
    def smtp(self) -> str:
        return f"{self.alias}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Organisation:
    """Servers, users and the moment (ms, None = never) from which the servers run the patched build."""

    servers: tuple[Server, ...]
    users: tuple[User, ...]
    patched_from: int | None

    def build_at(self, ms: int) -> Build:
        return PATCHED if self.patched_from is not None and ms >= self.patched_from else UNPATCHED

    def user_at(self, server: Server, nth: int) -> User:
        """The nth user (wrapping) whose mailbox lies on a server, or of all users when none lies there."""
        at_home = [user for user in self.users if user.home is server] or list(self.users)
        return at_home[nth % len(at_home)]


def found(seed: int, users: int, servers: int, patched_from: int | None) -> Organisation:
    """The organisation of a seed: the same people and servers in every scenario."""
    draws = Draws(seed, "organisation")
    domain_sid = f"S-1-5-21-{draws.between(10**8, 10**9)}-{draws.between(10**8, 10**9)}-{draws.between(10**8, 10**9)}"
    machines = tuple(_server(draws, number, domain_sid) for number in range(servers))
    people = tuple(_user(draws, number, machines, domain_sid) for number in range(users))
    return Organisation(machines, people, patched_from)


def _server(draws: Draws, number: int, domain_sid: str) -> Server:
    name = f"EX{number + 1:02}"
    return Server(
        name=name,
        fqdn=f"{name.lower()}.{DOMAIN}",
        ip=f"192.0.2.{10 + number}",
        database=draws.guid(),
        machine_account=f"{NETBIOS}\\{name}$",
        health_alias=f"HealthMailbox{draws.hexadecimal(7)}",
        health_sid=f"{domain_sid}-{1130 + number}",
        health_mailbox=draws.guid(),
    )


def _user(draws: Draws, number: int, servers: tuple[Server, ...], domain_sid: str) -> User:
    turn, combination = divmod(number, len(_GIVEN) * len(_FAMILY))
    given = _GIVEN[combination % len(_GIVEN)]
    family = _FAMILY[(combination + combination // len(_GIVEN)) % len(_FAMILY)]
    return User(
        alias=f"{given}.{family}{turn + 1 if turn else ''}",
        sid=f"{domain_sid}-{2100 + number}",
        mailbox=draws.guid(),
        home=servers[number % len(servers)],
        pc_ip=f"192.0.2.{100 + number % 130}",
        phone_ip=f"198.51.100.{30 + number % 60}" if number % 3 else f"2001:db8:40:{number % 0xFFFF + 1:x}::7",
        device=draws.hexadecimal(32).upper(),
        on_mac=number % 4 == 1,
    )
