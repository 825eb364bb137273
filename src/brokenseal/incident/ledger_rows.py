"""What a row of the mailbox ledger is, and why it may be less than what was taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brokenseal.incident.findings import Line

if TYPE_CHECKING:
    from brokenseal.incident.mailbox_changes import MailboxChange
    from brokenseal.incident.tracked_mail import Received, TrackedMail
    from brokenseal.incident.travel import TravelHint

EWS_SSRF = "ews-ssrf"
EXPORT_REQUEST = "export-request"
OTHER_SSRF = "other-ssrf"
SIGNED_IN = "signed-in"
AUDITED = "audited"
EXPORT_DOWNLOAD = "export-download"
FORWARDED = "forwarded"
#: Settings of the mailbox were changed; that anything was read is not shown.
SETTINGS_CHANGED = "settings-changed"
#: What shows that mail was read, or sent on, without a finding that says so.
SHOWS_READING = (SIGNED_IN, AUDITED, FORWARDED)

BY_TIME = "some back-end rows were matched by time, because their request ids differ"
NO_BACKEND = "no back-end EWS row was found for some requests"
NO_BYTES = "the response size of some requests was not logged"
NO_ITEMS = "the logs of this protocol do not count messages"
SYNCED = "whole folders were synchronised: everything in them has to be taken as read"
THROTTLED = "the mailbox's accesses were no longer recorded for a day (throttled)"
SEARCHED = "the mailbox was searched: what the list of results showed is not recorded"
CUT_RECORDS = "some audit records of this mailbox's user could not be read in whole: what they name is not counted"
MIXED_IDS = "some audit records name messages in a way that does not tell them apart from others"
NO_SIZES = "the audit records do not give the sizes of all messages"
GAPS = "the HttpProxy log has gaps in this time"
EXPORT_SIZE = "the log of an export request does not say how much was exported"
OTHER_PAGE = "these requests reached other inner pages than EWS, which do not say whose data they gave out"
FORWARDS = "forwarding sends mail out: see message tracking"
RULES = "a rule was made for what arrives; what a rule that forwards has sent out: see message tracking"
RIGHTS = "whoever was given rights can read the mailbox under another name; such reading is in no row of this intrusion"
FORWARD_LASTS = (
    "forwarding goes on until it is taken back; counted is what message tracking shows in the time that its logs cover"
)


@dataclass(slots=True)
class MailboxAccess:
    """One mailbox read by one intrusion in one way. ``mailbox`` null: bytes that left with no mailbox known.

    Times in milliseconds since 1970 UTC; items and bytes are lower bounds. ``items_at_most`` and ``bytes_at_most`` are null
    where nothing bounds them. ``bytes_known`` and ``items_known``: every request has its size, and its number of items.
    ``person`` is how a directory export calls the mailbox, ``known_as`` what the logs call it. ``folders``, ``message_ids``
    and ``subjects`` are of audit records; the last are private. ``actions`` counts what else was done, by operation;
    ``changes`` are the mailbox's settings that were changed (in the first row of an intrusion and mailbox). ``tracked`` and
    ``received`` are what message tracking knows of it, ``hints`` change nothing. ``tied_by``: what ties the settings that a
    row rests on to the intruder, ``address`` or ``server`` (its own account, or a process of his).
    """

    intrusion: str | None
    mailbox: str | None
    access: str
    first_ms: int
    last_ms: int
    requests: int
    items_at_least: int
    bytes_at_least: int
    hosts: list[str]
    incomplete: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    items_at_most: int | None = None
    bytes_at_most: int | None = None
    items_known: bool = False
    bytes_known: bool = False
    protocols: list[str] = field(default_factory=list)
    source_ips: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    known_as: list[str] = field(default_factory=list)
    display_name: str | None = None
    folders: list[str] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    actions: dict[str, int] = field(default_factory=dict)
    confidence: str = "high"
    confidence_because: str = "logs"
    tied_by: list[str] = field(default_factory=list)
    changes: list[MailboxChange] = field(default_factory=list)
    tracked: TrackedMail | None = None
    received: Received | None = None
    hints: list[TravelHint] = field(default_factory=list)

    def tie(self, changes: Iterable[MailboxChange]) -> None:
        """Say what ties *changes*, on which the row rests, to the intruder."""
        ties = ("address" if change.source_ip else "server" for change in changes)
        self.tied_by = sorted({*self.tied_by, *ties})

    @property
    def read(self) -> bool:
        """Whether the row shows that mail was read; a changed setting alone shows only that it could be."""
        return self.access != SETTINGS_CHANGED


def number(value: object) -> int:
    """A whole number out of a query's row."""
    assert isinstance(value, int)
    return value
