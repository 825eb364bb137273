"""Which names of a mailbox mean the same person: by a directory export, and never by guessing.

Logs name mailboxes by SMTP address, UPN, GUID, SID, ``DOMAIN\\user`` or X500 address. A name that no export knows, or that
two people of the export have, stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from brokenseal.events import EventStore
from brokenseal.parsers.directory import TABLE as DIRECTORY

_GUID_AT = re.compile(r"^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?(?:@.*)?$")
_PREFIX = re.compile(r"^(?:smtp|sip|mailboxguid|sid|x500|/o=)[:~]")


@dataclass(slots=True)
class Person:
    """One entry of the export: ``name`` is how results call the mailbox (primary address, else UPN, else display name)."""

    name: str
    display_name: str | None = None
    addresses: list[str] = field(default_factory=list)
    sid: str | None = None
    guid: str | None = None


class Identities:
    """All people of the case's directory exports."""

    def __init__(self, people: Iterable[tuple[Person, Iterable[str]]] = ()) -> None:
        """*people*: each with all names that mean him."""
        self._by_name: dict[str, Person | None] = {}
        for person, names in people:
            for name in {plain_name(each) for each in names if each}:
                known = self._by_name.get(name, person)
                same = known is not None and known.name == person.name
                self._by_name[name] = person if same else None

    def person(self, name: str | None) -> Person | None:
        """Who is meant by *name* as logged; None if the export does not know it, or has it twice."""
        return self._by_name.get(plain_name(name)) if name else None

    def __bool__(self) -> bool:
        return bool(self._by_name)


def plain_name(name: str) -> str:
    """*name* as it is compared: lower case, without prefixes, a GUID without what stands after it."""
    text = name.strip().lower()
    if not text.startswith("/o="):
        text = _PREFIX.sub("", text)
    found = _GUID_AT.match(text)
    return found[1] if found else text


def read_identities(store: EventStore) -> Identities:
    """The people of all directory exports in the case."""
    events = store.events(DIRECTORY)
    if events is None:
        return Identities()
    rows = store.engine.query(
        "SELECT DisplayName, PrimarySmtpAddress, Addresses, X500, UserPrincipalName, SamAccountName, Sid, ObjectGuid, "
        f"ExchangeGuid, DistinguishedName FROM {events} ORDER BY ALL"
    ).to_pylist()
    people = []
    for row in rows:
        addresses = [str(each) for each in json.loads(row["Addresses"] or "[]")]
        name = row["PrimarySmtpAddress"] or row["UserPrincipalName"] or row["DisplayName"]
        if not name:
            continue
        person = Person(name.lower(), row["DisplayName"], addresses, row["Sid"], row["ExchangeGuid"])
        names = [
            *(row[key] for key in ("PrimarySmtpAddress", "UserPrincipalName", "SamAccountName", "Sid")),
            *(row[key] for key in ("ObjectGuid", "ExchangeGuid", "DistinguishedName")),
            *addresses,
            *[str(each) for each in json.loads(row["X500"] or "[]")],
        ]
        people.append((person, names))
    return Identities(people)
