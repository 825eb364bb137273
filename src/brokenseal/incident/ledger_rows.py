"""What a row of the mailbox ledger is, and why it may be less than what was taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from brokenseal.incident.findings import Line

EWS_SSRF = "ews-ssrf"
EXPORT_REQUEST = "export-request"
OTHER_SSRF = "other-ssrf"

BY_TIME = "some back-end rows were matched by time, because their request ids differ"
NO_BACKEND = "no back-end EWS row was found for some requests"
NO_BYTES = "the response size of some requests was not logged"
EXPORT_SIZE = "the log of an export request does not say how much was exported"
OTHER_PAGE = "these requests reached other inner pages than EWS, which do not say whose data they gave out"


@dataclass(slots=True)
class MailboxAccess:
    """One mailbox read by one intrusion in one way. ``mailbox`` null: bytes that left with no mailbox known.

    Times in milliseconds since 1970 UTC; items and bytes are lower bounds.
    """

    intrusion: str
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


def number(value: object) -> int:
    """A whole number out of a query's row."""
    assert isinstance(value, int)
    return value
