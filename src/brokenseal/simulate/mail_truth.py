"""What the truth holds of mail read under stolen names, next to what the owners read: the answer to the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from brokenseal.simulate.clock import SECOND, iso

# How a mailbox was read: by requests of somebody signed in, seen in the servers' logs, or as audit records tell it.
SIGNED_IN, AUDITED = "signed-in", "audited"
# What ties an address to the intruder, where more than a look at the mailboxes' owners does.
PROBE, EXPLOIT, WEB_SHELL = "probe", "exploit", "web-shell"
USER_AGENT, APP_ID = "user-agent", "app-id"


def logged(access: str, ms: int) -> str:
    """A time as the logs of this kind of access have it: audit records know whole seconds."""
    return iso(ms - ms % SECOND if access == AUDITED else ms)


@dataclass(slots=True)
class MailAccessTruth:
    """A mailbox that the intruder read under somebody's name; ``mailbox`` is its primary address.

    ``access`` ``signed-in``: ``requests`` counts the intruder's answered requests for the mailbox in the reading protocols
    (EWS, MAPI, OWA, EAS as HttpProxy names them, in lower case), ``bytes`` adds up their ResponseBytes. ``audited``:
    ``requests`` counts the different records of reading (repeated ones once), ``bytes`` the sizes of the messages; the same
    reading may be in the servers' logs too and then has an entry of each kind.

    ``items`` is the true number of messages handed out, of audit records the number of different ones.
    ``complete_record`` is false where what is left cannot tell that number: a protocol whose logs do not count messages, a
    folder that was synchronised or listed, a mailbox that was searched or whose recording was throttled.
    """

    mailbox: str
    access: str
    first: str
    last: str
    protocols: list[str] = field(default_factory=list)
    requests: int = 0
    items: int = 0
    bytes: int = 0
    source_ips: list[str] = field(default_factory=list)
    complete_record: bool = True

    def add(self, ms: int, protocol: str, ip: str, *, items: int, size: int, counted: bool) -> None:
        """One more request or record at ``ms``; ``counted`` is false where the logs cannot tell its ``items``."""
        time = logged(self.access, ms)
        self.first, self.last = min(self.first, time), max(self.last, time)
        self.requests += 1
        self.items += items
        self.bytes += size
        self.complete_record = self.complete_record and counted
        self.protocols = sorted({*self.protocols, protocol})
        self.source_ips = sorted({*self.source_ips, ip})


@dataclass(slots=True)
class NormalUseTruth:
    """What others than the intruder read in such a mailbox, from its first to its last access of that kind.

    Counted as the intruder's reading is; ``bytes`` of audit records adds up the messages of each record.
    """

    mailbox: str
    access: str
    requests: int = 0
    bytes: int = 0
    protocols: list[str] = field(default_factory=list)
    source_ips: list[str] = field(default_factory=list)

    def add(self, protocol: str, ip: str, size: int) -> None:
        self.requests += 1
        self.bytes += size
        self.protocols = sorted({*self.protocols, protocol})
        self.source_ips = sorted({*self.source_ips, ip})


@dataclass(slots=True)
class ActorIpTruth:
    """An address of the intruder, and what ties it to the break-in.

    ``evidence``: ``exploit`` (it sent forged requests), ``probe`` (it looked whether it could, or for other people's web
    shells), ``web-shell`` (it used one), ``user-agent`` (its user agent is one that tied addresses have and no normal use),
    ``app-id`` (its application was allowed in from a tied address).
    """

    ip: str
    evidence: list[str] = field(default_factory=list)
    user_agents: list[str] = field(default_factory=list)
    app_ids: list[str] = field(default_factory=list)

    def add(self, evidence: Iterable[str], agents: Iterable[str], app_ids: Iterable[str]) -> None:
        self.evidence = sorted({*self.evidence, *evidence})
        self.user_agents = sorted({*self.user_agents, *agents})
        self.app_ids = sorted({*self.app_ids, *app_ids})


@dataclass(slots=True)
class SentMailTruth:
    """A message that the intruder sent in the name of a mailbox's owner; ``bytes`` is its size."""

    mailbox: str
    recipient: str
    message_id: str
    time: str
    bytes: int


@dataclass(slots=True)
class SettingTruth:
    """A setting that the intruder changed (``mailbox`` null: of all mailboxes); ``what`` as the incident document has it."""

    mailbox: str | None
    what: str
    to: str
    time: str


@dataclass(slots=True)
class ForwardedTruth:
    """Mail of a mailbox that the intruder's setting sent on to ``to``: messages handed over, and the bytes of them."""

    mailbox: str
    to: str
    first: str
    last: str
    items: int
    bytes: int


@dataclass(slots=True)
class ForwardingTruth:
    """An inbox rule that the intruder made: mail goes on to ``to`` from then on."""

    mailbox: str
    rule: str
    to: str
    time: str
