"""From the attributes of directory objects, by the names of any program, to rows of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa

from brokenseal.parsers.directory import DirectoryParser, as_guid, as_sid, no_time
from brokenseal.parsers.proxy_addresses import address_in, as_list, read_addresses

#: What an object says → names for it (lower case), the best first.
NAMES: dict[str, tuple[str, ...]] = {
    "DisplayName": ("displayname", "name", "cn"),
    "primary": ("primarysmtpaddress", "mail", "windowsemailaddress", "emailaddress"),
    "addresses": ("emailaddresses", "proxyaddresses"),
    "legacy": ("legacyexchangedn",),
    "UserPrincipalName": ("userprincipalname",),
    "SamAccountName": ("msds-principalname", "samaccountname"),
    "Sid": ("sid", "objectsid", "securityidentifier"),
    "ObjectGuid": ("objectguid", "guid", "exchangeobjectid"),
    "ExchangeGuid": ("exchangeguid", "msexchmailboxguid", "mailboxguid"),
    "DistinguishedName": ("distinguishedname", "dn"),
    "RecipientType": ("recipienttypedetails", "msexchrecipienttypedetails", "recipienttype"),
    "Server": ("servername", "msexchhomeservername", "homeserver", "serverlegacydn"),
    "Database": ("database", "homemdb"),
}
_AS_THEY_ARE = (
    "DisplayName",
    "UserPrincipalName",
    "SamAccountName",
    "DistinguishedName",
    "RecipientType",
    "Server",
    "Database",
)
ALL_NAMES = frozenset(name for names in NAMES.values() for name in names)
#: Each of these alone names somebody.
_NAMING = (
    "PrimarySmtpAddress",
    "Addresses",
    "X500",
    "UserPrincipalName",
    "SamAccountName",
    "Sid",
    "ExchangeGuid",
    "DistinguishedName",
)

#: msExchRecipientTypeDetails, as the directory stores it.
_TYPES = {
    "1": "UserMailbox",
    "2": "LinkedMailbox",
    "4": "SharedMailbox",
    "16": "RoomMailbox",
    "32": "EquipmentMailbox",
    "64": "MailContact",
    "128": "MailUser",
    "256": "MailUniversalDistributionGroup",
    "536870912": "DiscoveryMailbox",
    "2147483648": "RemoteUserMailbox",
    "8589934592": "RemoteRoomMailbox",
    "17179869184": "RemoteEquipmentMailbox",
    "34359738368": "RemoteSharedMailbox",
}
_LAST_CN = re.compile(r"(?i)^/o=.*/cn=([^/]+)$")
_FIRST_CN = re.compile(r"(?i)^CN=((?:[^,\\]|\\.)+),")
#: What PowerShell writes for a list or an object.
_NO_VALUE = re.compile(r"(?:System|Microsoft)\.[A-Za-z0-9.]+(?:\[\]|`[0-9]+(?:\[.*)?|Collection|List)")

Row = dict[str, str | None]


def row_of(given: Mapping[str, Sequence[str]]) -> Row | None:
    """The row for an object with these values by name (lower case); None if they name nobody."""

    def values(what: str) -> list[str]:
        listed = [value.strip() for name in NAMES[what] if name in given for value in given[name]]
        return [value for value in listed if value and not (value[0] in "SM" and _NO_VALUE.fullmatch(value))]

    row: Row = {what: next(iter(values(what)), None) for what in _AS_THEY_ARE}
    found = read_addresses(values("addresses"))
    primaries = [address for text in values("primary") if (address := address_in(text))]
    row["PrimarySmtpAddress"] = next(iter(primaries), found.primary)
    row["Addresses"] = as_list([*primaries, *found.smtp], lower=True)
    row["X500"] = as_list([*values("legacy"), *found.x500])
    row["Sid"] = next((sid for text in values("Sid") if (sid := as_sid(text))), None)
    for what in ("ObjectGuid", "ExchangeGuid"):
        row[what] = next((guid for text in values(what) if (guid := as_guid(text))), None)
    kind = row["RecipientType"]
    row["RecipientType"] = kind and _TYPES.get(kind, kind)
    for what, pattern in (("Server", _LAST_CN), ("Database", _FIRST_CN)):
        text = row[what]
        short = pattern.match(text) if text else None
        row[what] = short[1] if short is not None else text
    return row if any(row[what] for what in _NAMING) else None


def columns_of_rows(rows: Sequence[Row]) -> dict[str, pa.ChunkedArray]:
    """The table's columns but for where the rows stand."""
    names = [column.name for column in DirectoryParser.columns]
    made = {name: pa.chunked_array([pa.array([row.get(name) for row in rows], pa.string())]) for name in names}
    return made | {"time": no_time(len(rows))}
