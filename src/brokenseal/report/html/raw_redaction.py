"""What names people in the raw text of lines: more than the document knows as names, in the spellings of logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from brokenseal.report.shape import IncidentDocument

#: Accounts of Windows itself: they are nobody's name and say much.
SYSTEM_DOMAINS = frozenset(
    {"nt authority", "iis apppool", "nt service", "builtin", "font driver host", "window manager"}
)
# In a raw line an address stands between other things, and may be written for a URL.
_RAW_ADDRESS = re.compile(r"[A-Za-z0-9._+'-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.IGNORECASE)
_SID = re.compile(r"S-1-5-21(?:-[0-9]{1,10}){1,8}")
_ACCOUNT = re.compile(
    r"""(?<![^\s,;"'=~(])(?P<domain>[A-Za-z0-9][A-Za-z0-9.-]{0,30})(?:\\{1,2}|%5C)(?P<name>[A-Za-z0-9._-]{1,64})(?![\w\\$./:%-])"""
)
# What event logs call the parts of an account, where a domain is not written before the name.
_ACCOUNT_FIELD = re.compile(r'(?P<field>"(?:Subject|Target|Member)?User(?:Name)?": ")(?P<name>[^"$\\]{1,64})(?=")')
#: Kinds of logs whose lines hold subjects of messages.
_WITH_SUBJECTS = ("mail_audit", "message_tracking")
# The same where a line is cut at blanks, and their names alone.
_SYSTEM_IN_LINES = frozenset(domain.rpartition(" ")[2] for domain in SYSTEM_DOMAINS)
_SYSTEM_NAMES = frozenset({"system", "local service", "network service", "anonymous logon", "-"})
_PSEUDONYM = re.compile(r"(?:mailbox|person|user|address|SID) [0-9]+")


def _raw_texts(document: IncidentDocument) -> Iterator[str]:
    cited = document.get("cited")
    yield from (line["text"] for line in cited["lines"]) if cited is not None else ()


def addresses(document: IncidentDocument) -> Iterator[str]:
    """E-mail addresses, with ``%40`` where they stand so."""
    return _matches(document, _RAW_ADDRESS)


def sids(document: IncidentDocument) -> Iterator[str]:
    return _matches(document, _SID)


def _matches(document: IncidentDocument, pattern: re.Pattern[str]) -> Iterator[str]:
    return (match[0] for text in _raw_texts(document) for match in pattern.finditer(text))


def without_subjects(document: IncidentDocument) -> IncidentDocument:
    """A copy without the raw lines that can hold subjects; they count as withheld."""
    cited = document.get("cited")
    if cited is None:
        return document
    kinds = {one["file"]: one["kind"] for one in document["evidence"]}
    kept = [line for line in cited["lines"] if kinds.get(line["file"]) not in _WITH_SUBJECTS]
    withheld = cited["withheld"] + len(cited["lines"]) - len(kept)
    return {**document, "cited": {**cited, "lines": kept, "withheld": withheld}}


def without_accounts(document: IncidentDocument) -> IncidentDocument:
    """Accounts in raw lines that the document names nowhere else: all of them have one pseudonym."""
    cited = document.get("cited")
    if cited is None:
        return document

    def hidden(match: re.Match[str]) -> str:
        if match["domain"].casefold() in _SYSTEM_IN_LINES:
            return match[0]
        return "(account)"

    lines = [
        {**line, "text": _ACCOUNT_FIELD.sub(_hidden_field, _ACCOUNT.sub(hidden, line["text"]))}
        for line in cited["lines"]
    ]
    return cast(IncidentDocument, {**document, "cited": {**cited, "lines": lines}})


def _hidden_field(match: re.Match[str]) -> str:
    known = match["name"].casefold() in _SYSTEM_NAMES or _PSEUDONYM.fullmatch(match["name"]) is not None
    return match[0] if known else f"{match['field']}(account)"
