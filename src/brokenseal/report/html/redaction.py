"""Names taken out of an incident document: each gets one pseudonym, the same everywhere.

``users``: mailboxes with all their names (``mailbox 1``), accounts (``user 1``), every other address (``address 1``).
``subjects``: subjects of messages, where a document has them (``subject 1``).

A name that the document gives nowhere as a name (in a command line only, say) cannot be known; the report says so. In the
raw text of lines every address, SID and account with its domain is taken for a name as well, and with ``subjects`` lines of
logs that hold subjects are left out: raw text spells them in ways that a search for the known ones would miss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import cast

from brokenseal.errors import UsageError
from brokenseal.report.html.raw_redaction import (
    SYSTEM_DOMAINS,
    addresses,
    sids,
    without_accounts,
    without_subjects,
)
from brokenseal.report.shape import IncidentDocument
from brokenseal.report.text import plain

KINDS = ("users", "subjects")

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
# Members whose values are words of the schema, never names.
_FIXED = frozenset(
    [
        *("schema_version", "verdict", "outcome", "level", "access", "state", "host_from", "time", "first", "last"),
        *("first_seen", "last_seen", "first_used", "last_used", "since", "until", "id", "parent", "rule", "version"),
        *("intrusion", "findings", "processes", "written_by", "campaign", "stage", "tags", "sha256", "hour"),
        *("confidence", "what", "when", "how", "left", "arrived", "delivered", "named_by"),
    ]
)
# Members that hold texts out of logs: there the name before the @ is looked for alone, too.
_FROM_LOGS = frozenset(
    [
        *(
            "text",
            "detail",
            "command_line",
            "image",
            "path",
            "url",
            "file",
            "user",
            "note",
            "mailbox",
            "users",
            "known_as",
        ),
        *(
            "folders",
            "duplicate_of",
            "summary",
            "reasons",
            "incomplete_because",
            "not_seen",
            "messages",
            "subjects",
            "why",
            "by",
            "to",
            "sender",
        ),
    ]
)
_SHORTEST_ALONE = 3


def parse_kinds(text: str) -> frozenset[str]:
    """``users,subjects`` as a set. Raises ``UsageError`` for anything else."""
    kinds = [part.strip() for part in text.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"--redact: '{plain(kind, 40)}' is not one of: {', '.join(KINDS)}.")
    return frozenset(kinds)


def redact(document: IncidentDocument, kinds: Collection[str]) -> IncidentDocument:
    """A copy of the document without the names of these kinds. The document itself stays as it is."""
    whole: dict[str, str] = {}
    alone: dict[str, str] = {}
    if "users" in kinds:
        whole, alone = _people(document)
    if "subjects" in kinds:
        _number(whole, "subject", _subjects(document))
        document = without_subjects(document)
    if "users" in kinds:
        for name in addresses(document):
            known = whole.get(name.casefold().replace("%40", "@"))
            if known is not None:
                _add(whole, name, known)
            else:
                _number(whole, "address", [name])
        _number(whole, "SID", sids(document))
    in_all, in_logs = _replacer(whole), _replacer({**alone, **whole})
    copied = cast(IncidentDocument, _copied(document, "", in_all, in_logs))
    return without_accounts(copied) if "users" in kinds else copied


def _people(document: IncidentDocument) -> tuple[dict[str, str], dict[str, str]]:
    whole: dict[str, str] = {}
    alone: dict[str, str] = {}
    _number(whole, "mailbox", (one["mailbox"] for one in document["mailboxes"] if one["mailbox"]))
    for mailbox in document["mailboxes"]:
        pseudonym = whole.get((mailbox["mailbox"] or "").casefold())
        others = [name for name in (mailbox.get("display_name"), *mailbox.get("known_as", ())) if name and name.strip()]
        if pseudonym is not None:
            for name in others:
                _add(whole, name, pseudonym)
        _number(whole, "person", others)
    for name, pseudonym in list(whole.items()):
        local = _local(name)
        if len(local) >= _SHORTEST_ALONE:
            _add(alone, local, pseudonym)
    numbers = 0
    for user in _users(document):
        local = _local(user)
        if user.casefold() not in whole:
            known = alone.get(local.casefold())
            numbers += known is None
            pseudonym = known or f"user {numbers}"
            _add(whole, user, pseudonym)
            if len(local) >= _SHORTEST_ALONE:
                _add(alone, local, pseudonym)
    texts = list(_texts({name: value for name, value in document.items() if name != "cited"}))
    _number(whole, "address", (match[0] for text in texts for match in _ADDRESS.finditer(text)))
    return whole, alone


def _number(names: dict[str, str], word: str, found: Iterable[str]) -> None:
    numbers = sum(pseudonym.startswith(f"{word} ") for pseudonym in set(names.values()))
    for name in found:
        if name.strip() and name.casefold() not in names:
            numbers += 1
            _add(names, name, f"{word} {numbers}")


def _add(names: dict[str, str], name: str, pseudonym: str) -> None:
    """Under both spellings: there are letters whose small form is two letters, and the pattern would not find the one."""
    names.setdefault(name.casefold(), pseudonym)
    names.setdefault(name, pseudonym)


def _local(name: str) -> str:
    """``anna.berg`` of ``anna.berg@corp.example`` and of ``CORP\\anna.berg``."""
    return name.rpartition("\\")[2].partition("@")[0].strip()


def _users(document: IncidentDocument) -> Iterator[str]:
    for intrusion in document["intrusions"]:
        for process in intrusion["processes"]:
            user = process["user"]
            domain = (user or "").rpartition("\\")[0].casefold()
            if user and domain not in SYSTEM_DOMAINS and not user.endswith("$") and "\\" in user:
                yield user
    for _, value in _members(document, frozenset({"users"})):
        yield value
    for _, value in _members([document["mailboxes"], document.get("changes", [])], frozenset({"by"})):
        if "\\" in value and not value.endswith("$") and value.rpartition("\\")[0].casefold() not in _SYSTEM_DOMAINS:
            yield value


def _subjects(document: IncidentDocument) -> Iterator[str]:
    for _, value in _members(document, frozenset({"subject", "subjects"})):
        yield value


def _members(node: object, wanted: Collection[str], name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        if name in wanted:
            yield name, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _members(value, wanted, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from _members(value, wanted, name)


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, (Mapping, list)):
        for value in node.values() if isinstance(node, Mapping) else node:
            yield from _texts(value)


def _replacer(names: Mapping[str, str]) -> Callable[[str], str]:
    """Longer names first, so that none is cut by a shorter one; whole words only: ``bob`` leaves ``bobbin`` alone."""
    if not names:
        return lambda text: text
    every = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    pattern = re.compile(rf"(?<![^\W_])(?:{every})(?![^\W_])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda match: names.get(match[0]) or names.get(match[0].casefold(), "(name)"), text)


def _copied(node: object, name: str, in_all: Callable[[str], str], in_logs: Callable[[str], str]) -> object:
    if isinstance(node, str):
        return node if name in _FIXED else in_logs(node) if name in _FROM_LOGS else in_all(node)
    if isinstance(node, Mapping):
        return {key: _copied(value, str(key), in_all, in_logs) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(value, name, in_all, in_logs) for value in node]
    return node
