"""Read the lists of a recipient's addresses: ``SMTP:`` is the primary one, ``smtp:`` another, ``X500:`` an old name.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/set-mailbox
    https://learn.microsoft.com/en-us/windows/win32/adschema/a-proxyaddresses
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

#: However the list was joined, the next address begins with a type.
_NEXT = re.compile(
    r"(?:^|[\s,;|{}'\"]+)(?=(?:smtp|x500|x400|sip|eum|spo|eas|notes|ex|fax|mrs|gwise|ccmail):)", re.IGNORECASE
)
_ADDRESS = re.compile(r"[^\s<>\"(),;|{}]+@[^\s<>\"(),;|{}]+")
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ENDS = " \t\r\n,;|{}'\""


class Addresses(NamedTuple):
    """What a list of addresses holds: the primary SMTP address, all of them, and the X500 names."""

    primary: str | None
    smtp: list[str]
    x500: list[str]


def read_addresses(texts: Iterable[str]) -> Addresses:
    """The addresses in *texts*, each a list that was joined somehow, or one address."""
    primary: str | None = None
    smtp: list[str] = []
    x500: list[str] = []
    for text in texts:
        for each in _NEXT.split(text):
            kind, found, value = each.strip(_ENDS).partition(":")
            if kind.lower() == "smtp" and _ADDRESS.fullmatch(value):
                smtp.append(value)
                primary = value if kind == "SMTP" and primary is None else primary
            elif kind.lower() in ("x500", "ex") and value.startswith("/"):
                x500.append(value)
            elif not found:
                smtp += _ADDRESS.findall(each)
    return Addresses(primary, smtp, x500)


def as_list(values: Iterable[str | None], *, lower: bool = False) -> str | None:
    """The different ones of *values* as a JSON list, sorted; None if there are none."""
    kept = {value.lower() if lower else value for value in values if value}
    return _encoded(sorted(kept)) if kept else None


def address_in(text: str) -> str | None:
    """*text* if it is an SMTP address, also behind ``SMTP:``."""
    bare = re.sub(r"(?i)^smtp:", "", text.strip())
    return bare if _ADDRESS.fullmatch(bare) else None
