"""All users as an administrator exports them: what ties an address, a GUID and a SID to one person.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/get-mailbox
    https://learn.microsoft.com/en-us/powershell/module/exchange/get-remotemailbox
"""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.simulate.audit_exports import csv_file
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import DIRECTORY_EXPORT, EvidenceTree
from brokenseal.simulate.organisation import ADMINISTRATOR, ADMINISTRATOR_SID, DOMAIN, Organisation, User
from brokenseal.simulate.truth import Truth

PATH = "exports/mailboxes.csv"
COLUMNS = (
    "DisplayName", "PrimarySmtpAddress", "EmailAddresses", "LegacyExchangeDN", "ExchangeGuid", "SamAccountName",
    "UserPrincipalName", "Sid", "RecipientTypeDetails", "ServerName",
)  # fmt: skip
_RECIPIENTS = "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients"


def write(tree: EvidenceTree, organisation: Organisation, truth: Truth, remote: Sequence[User] = ()) -> None:
    """``Get-Mailbox`` and, for owners of mailboxes in the cloud, ``Get-RemoteMailbox``, as one list; sets ``directory``."""
    rows = [_row(user, "UserMailbox", user.home.name.lower()) for user in organisation.users]
    rows += [_row(user, "RemoteUserMailbox", "") for user in remote]
    guid = Draws("mailbox", ADMINISTRATOR).guid()
    home = organisation.servers[0].name.lower()
    rows.append(_cells(ADMINISTRATOR, ADMINISTRATOR_SID, guid, "UserMailbox", home))
    if tree.write_file(DIRECTORY_EXPORT, PATH, csv_file(COLUMNS, rows)):
        truth.directory = PATH


def display_name(alias: str) -> str:
    return " ".join(part.capitalize() for part in alias.split("."))


def _row(user: User, kind: str, server: str) -> tuple[str, ...]:
    return _cells(user.alias, user.sid, user.mailbox, kind, server)


def _cells(alias: str, sid: str, guid: str, kind: str, server: str) -> tuple[str, ...]:
    given, _, family = alias.partition(".")
    smtp = f"{alias}@{DOMAIN}"
    # Most people have a second address; remote PowerShell writes the list with spaces.
    addresses = f"SMTP:{smtp} smtp:{given[0]}.{family}@{DOMAIN}"
    number = Draws("legacy", alias).hexadecimal(32)
    legacy = f"{_RECIPIENTS}/cn={number}-{alias}"
    return display_name(alias), smtp, addresses, legacy, guid, alias, smtp, sid, kind, server
