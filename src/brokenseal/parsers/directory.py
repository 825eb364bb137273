"""Who is who: the addresses, SIDs, GUIDs and names of mailboxes and users, from an export of the directory.

These are states, no events: `time` is 1970-01-01T00:00:00Z in every row and says nothing. Names are given as the directory
has them; what it does not say is null, never guessed.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/get-mailbox
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-ada3/
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-dtyp/f992ad60-0fe4-4b87-9fed-beb478836861
"""

from __future__ import annotations

import re
import struct
from uuid import UUID

import numpy as np
import pyarrow as pa

from brokenseal.parsers.base import Parser
from brokenseal.parsers.columns import UTC_MS, Column

TABLE = "directory"

_GUID = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?", re.IGNORECASE)
_SID = re.compile(r"S-1-[0-9]{1,15}(?:-[0-9]{1,10}){1,15}", re.IGNORECASE)
_MOST_PARTS = 15


class DirectoryParser(Parser):
    """Base of the parsers of directory exports: one table for all formats."""

    table = TABLE
    columns = (
        Column("DisplayName", "name as people see it"),
        Column("PrimarySmtpAddress", "address that mail is sent from, as written"),
        Column("Addresses", "JSON list of all SMTP addresses, lower case, sorted"),
        Column("X500", "JSON list of legacyExchangeDN and X500 addresses, as written"),
        Column("UserPrincipalName", "as written"),
        Column("SamAccountName", "logon name; DOMAIN\\name where the export says so"),
        Column("Sid", "S-1-..."),
        Column("ObjectGuid", "GUID of the directory object, lower case"),
        Column("ExchangeGuid", "GUID of the mailbox (MailboxGuid of the audit logs), lower case"),
        Column("DistinguishedName", "as written"),
        Column("RecipientType", "RecipientTypeDetails where there is one, else RecipientType"),
        Column("Server", "server of the mailbox"),
        Column("Database", "database of the mailbox"),
    )


def no_time(count: int) -> pa.ChunkedArray:
    """The time of states."""
    return pa.chunked_array([pa.array(np.zeros(count, dtype=np.int64)).cast(UTC_MS)])


def sid_text(value: bytes) -> str | None:
    """A SID in its binary form as text; None if it is none."""
    if len(value) < 8 or value[0] != 1 or value[1] > _MOST_PARTS or len(value) != 8 + 4 * value[1]:
        return None
    parts = struct.unpack(f"<{value[1]}I", value[8:])
    return "-".join(map(str, ("S-1", int.from_bytes(value[2:8], "big"), *parts)))


def guid_text(value: bytes) -> str | None:
    """A GUID in its binary form (little-endian, as directories store it) as text; None if it is none."""
    return str(UUID(bytes_le=value)) if len(value) == 16 else None


def as_guid(text: str) -> str | None:
    """A GUID written in any of the usual ways, lower case; None if it is none, or all zeros."""
    found = _GUID.fullmatch(text.strip())
    return found[1].lower() if found is not None and found[1].strip("0-") else None


def as_sid(text: str) -> str | None:
    """A SID as text; None if it is none."""
    return text.strip().upper() if _SID.fullmatch(text.strip()) else None
