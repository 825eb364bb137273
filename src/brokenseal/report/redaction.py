"""Names taken out of an incident document: each gets one pseudonym, the same everywhere.

``users``: mailboxes with all their names (``mailbox 1``), accounts and persons (``user 1``, ``person 1``), every other
address (``address 1``), identifiers of accounts (``account 1``). ``subjects``: subjects of messages (``subject 1``).

What the document gives as a name comes first, then what stands in the place of a name in its texts
(:mod:`brokenseal.report.names_in_text`), both in the document's order: the same document gives the same pseudonyms to the
report and to every export. Accounts that Windows and Exchange bring along stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import cast

from brokenseal.errors import UsageError
from brokenseal.report.names_in_text import (
    ACCOUNT,
    ADDRESS,
    USER,
    Found,
    built_in,
    common,
    domains_of_accounts,
    find,
)
from brokenseal.report.replacing import Replacer
from brokenseal.report.shape import IncidentDocument
from brokenseal.report.text import plain
from brokenseal.report.withheld_lines import without_subjects
from brokenseal.sentences import COUNTED_MEMBERS

KINDS = ("users", "subjects")

# Members whose values are words of the schema, ids, hashes or times. They are never changed.
_FIXED = frozenset(
    [
        *("schema_version", "verdict", "outcome", "level", "access", "state", "host_from", "time", "first", "last"),
        *("first_seen", "last_seen", "first_used", "last_used", "since", "until", "id", "parent", "rule", "version"),
        *("intrusion", "findings", "processes", "written_by", "campaign", "stage", "tags", "sha256", "hour"),
        *("confidence", "confidence_because", "key", "build", "iis_timezone", "what", "when", "how", "left", "arrived"),
        *("delivered", "named_by"),
    ]
)
# Members whose words are this product's or its rules': only a whole name is replaced in them, not one that could be a word.
# All other members, those of a later version too, are taken for texts out of logs.
_OURS = frozenset(
    [
        *("title", "stage_title", "advice", "name", "product", "kind", "source", "protocols", "ip", "source_ip"),
        "source_ips",
    ]
)
_SHORTEST_ALONE = 3
# Kinds of logs of requests: an account is a cell of its own there, and nothing else looks like one.
_LOGS_OF_REQUESTS = frozenset(["iis", "httpproxy", "ews", "mapi"])
# A name without a domain that can be no other word: no address, no SID, no directory name.
_ALONE = re.compile(r"(?!S-1-)[^@/\\=]{3,128}", re.IGNORECASE)
# Kinds of changed settings that give something to a program.
_FOR_NO_PERSON = frozenset(["app-access", "transport-agent"])


def parse_kinds(text: str) -> frozenset[str]:
    """``users,subjects`` as a set. Raises ``UsageError`` for anything else."""
    kinds = [part.strip() for part in text.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"--redact: '{plain(kind, 40)}' is not one of: {', '.join(KINDS)}.")
    return frozenset(kinds)


def redact(document: IncidentDocument, kinds: Collection[str]) -> IncidentDocument:
    """A copy of the document without the names of these kinds. The document itself stays as it is."""
    return Redaction(document, kinds).document()


class Redaction:
    """The pseudonyms of one document."""

    def __init__(self, document: IncidentDocument, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self._people = "users" in kinds
        self._whole: dict[str, str] = {}
        self._alone: dict[str, str] = {}
        self._in_place: dict[str, str] = {}
        self._of_in_place: dict[str, str] = {}
        self._cells: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._hosts: set[str] = set()
        self._domains: set[str] = set()
        self._learn(document)

    def _learn(self, document: IncidentDocument) -> None:
        # Of all lines the subjects count, so that they get the same pseudonyms wherever they stand.
        self._source = without_subjects(document) if "subjects" in self._kinds else document
        hosts = {one["host"].casefold() for one in document["hosts"]}
        self._hosts |= hosts | {host.split(".")[0] for host in hosts}
        if self._people:
            self._domains |= _domains_in_lines(document)
            self._mailboxes()
            self._users()
            for message in _members(document, frozenset({"messages"})):
                self._number("message", message.strip("<>"))
            self._in_texts(_texts(document))
        if "subjects" in self._kinds:
            for subject in _members(document, frozenset({"subject", "subjects"})):
                self._number("subject", subject)
        self._compile()

    @property
    def without_subjects(self) -> bool:
        """Whether subjects of messages are taken out."""
        return "subjects" in self._kinds

    def document(self) -> IncidentDocument:
        return cast(IncidentDocument, self._copied(self._source, ""))

    def of(self, other: IncidentDocument) -> IncidentDocument:
        """Another document of the same case without its names: pseudonyms that were given stay, new names get the next."""
        self._learn(other)
        return self.document()

    def text(self, text: str) -> str:
        """A text that somebody wrote, or a line of a log, without the names that are known or stand in it as names."""
        return self._in_logs(text)

    def accounts(self, names: Iterable[str]) -> None:
        """Give pseudonyms to accounts and mailboxes that fields of events name, in this order; those given before stay."""
        if not self._people:
            return
        for name in names:
            if built_in(name) or self._of_account(name) is not None:
                continue
            if "@" in name:
                self._in_texts([name])
            elif "\\" in name or not (common(name) or len(name) < _SHORTEST_ALONE):
                self._user(name)
            if self._of_account(name) is None:
                self._cells[name.casefold()] = self._next("account" if "@" in name else "user")
        self._compile()

    def account(self, name: str, text: str) -> tuple[str, str]:
        """A field that names an account or mailbox, and a text of the same event, without it (see :meth:`accounts`)."""
        if not self._people or built_in(name):
            return name, text
        # A name that could be any word is one in the text of its own event.
        cell = self._cells.get(name.casefold())
        return self._of_account(name) or self.text(name), text if cell is None else Replacer({name: cell})(text)

    def _of_account(self, name: str) -> str | None:
        return next((of[key] for of in (self._whole, self._alone, self._cells) if (key := name.casefold()) in of), None)

    def also(self, reviewers: Iterable[str], texts: Iterable[str]) -> None:
        """Give pseudonyms to the people who reviewed, and to names that stand in their texts; those given before stay."""
        if not self._people:
            return
        for name in reviewers:
            if name.casefold() not in self._whole and name.casefold() not in self._alone:
                self._number("reviewer", name)
        self._in_texts(texts)
        self._compile()

    def _compile(self) -> None:
        self._in_all = Replacer(self._whole)
        self._in_logs = Replacer({**self._alone, **self._whole, **self._in_place})

    def _mailboxes(self) -> None:
        before = set(self._whole)
        mailboxes = self._source["mailboxes"]
        for mailbox in mailboxes:
            name = mailbox["mailbox"]
            if name and not (built_in(name) and "@" not in name):
                self._number("mailbox", name)
        for mailbox in mailboxes:
            pseudonym = self._whole.get((mailbox["mailbox"] or "").casefold())
            display_name = mailbox.get("display_name")
            for name in (display_name, *mailbox.get("known_as", ())):
                if name and name.strip() and not built_in(name):
                    pseudonym = pseudonym or self._number("person", name)
                    _add(self._whole, name, pseudonym)
            if display_name and pseudonym and " " in display_name.strip():
                given, _, family = display_name.strip().rpartition(" ")
                for turned in (f"{family}, {given}", f"{family} {given}"):
                    _add(self._whole, turned, pseudonym)
        for name, pseudonym in [item for item in self._whole.items() if item[0] not in before and "%40" not in item[0]]:
            self._known_alone(_local(name), pseudonym)

    def _users(self) -> None:
        names = [process["user"] or "" for one in self._source["intrusions"] for process in one["processes"]]
        names = [name for name in names if "\\" in name]
        names += self._of_settings()
        names += _members(self._source, frozenset({"users"}))
        for name in names:
            if name.strip() and not built_in(name):
                domain, _, _ = name.rpartition("\\")
                self._domains.update({domain.casefold()} - {""})
                self._user(name)

    def _of_settings(self) -> list[str]:
        """Who changed settings and for whom, and whom hints are about. An address is found as one."""
        every = [self._source, *self._source["mailboxes"]]
        changes = [change for one in every for change in one.get("changes", [])]
        names = [change["by"] or "" for change in changes]
        names += [name for change in changes if change["what"] not in _FOR_NO_PERSON for name in change["to"]]
        names += [hint["user"] for one in every for hint in one.get("hints", [])]
        return [name for name in names if "\\" in name or (_ALONE.fullmatch(name) and not common(name))]

    def _user(self, name: str) -> None:
        if name.casefold() in self._whole:
            return
        local = _local(name)
        pseudonym = self._alone.get(local.casefold()) or self._next("user")
        _add(self._whole, name, pseudonym)
        self._known_alone(local, pseudonym)

    def _in_texts(self, texts: Iterable[str]) -> None:
        mail_domains = {name.rpartition("@")[2] for name in self._whole if "@" in name}
        for text in texts:
            for found in find(text, self._domains, self._hosts):
                folded = found.name.replace("%40", "@").casefold()
                if folded in self._whole:
                    continue
                if found.kind == USER:
                    self._in_the_place_of_a_name(found, text)
                elif found.kind == ADDRESS:
                    local, _, domain = folded.rpartition("@")
                    own = domain in mail_domains or domain.partition(".")[0] in self._domains
                    known = self._alone.get(local) if own else None
                    _add(self._whole, found.name.replace("%40", "@"), known or self._next("address"))
                elif found.kind == ACCOUNT:
                    self._number("account", found.name)

    def _in_the_place_of_a_name(self, found: Found, text: str) -> None:
        """A name that could be any word is replaced only after the words that make it one."""
        known = self._alone.get(found.name.casefold())
        if len(found.name) >= _SHORTEST_ALONE and not common(found.name):
            if known is None:
                self._known_alone(found.name, self._next("user"))
            return
        key = text[found.place : found.start + len(found.name)]
        if key.casefold() not in self._in_place:
            pseudonym = known or self._of_in_place.get(found.name.casefold()) or self._next("user")
            self._of_in_place[found.name.casefold()] = pseudonym
            _add(self._in_place, key, text[found.place : found.start] + pseudonym)

    def _known_alone(self, local: str, pseudonym: str) -> None:
        if len(local) < _SHORTEST_ALONE or common(local) or built_in(local) or local.casefold() in self._hosts:
            return
        _add(self._alone, local, pseudonym)
        for sign in "_- " if "." in local else "":
            _add(self._alone, local.replace(".", sign), pseudonym)

    def _next(self, word: str) -> str:
        self._counts[word] = self._counts.get(word, 0) + 1
        return f"{word} {self._counts[word]}"

    def _number(self, word: str, name: str) -> str:
        known = self._whole.get(name.casefold())
        if known is None and name.strip():
            known = self._next(word)
            _add(self._whole, name, known)
        return known or ""

    def _copied(self, node: object, name: str) -> object:
        if isinstance(node, str):
            return node if name in _FIXED else self._in_all(node) if name in _OURS else self._in_logs(node)
        if name == "sentences":
            return [self._told(sentence) for sentence in cast(list[Mapping[str, object]], node)]
        if isinstance(node, Mapping):
            # Reasons why a line could not be read are keys, and may quote it.
            keys = self._in_logs if name in COUNTED_MEMBERS else str
            return {keys(str(key)): self._copied(value, str(key)) for key, value in node.items()}
        if isinstance(node, list):
            return [self._copied(value, name) for value in node]
        return node

    def _told(self, sentence: Mapping[str, object]) -> dict[str, object]:
        """Of what a sentence is made of the names say nothing: ``from`` may be a time or a name."""
        values = cast(Mapping[str, object], sentence["values"])
        return {
            "text": self._in_logs(str(sentence["text"])),
            "key": sentence["key"],
            "values": {
                name: self._in_logs(value)
                if isinstance(value, str)
                else self._told(cast(Mapping[str, object], value))
                if isinstance(value, Mapping)
                else value
                for name, value in values.items()
            },
        }


def _domains_in_lines(document: IncidentDocument) -> set[str]:
    """Domains of accounts in the raw lines of logs that name accounts in cells of their own."""
    cited = document.get("cited")
    kinds = {one["file"]: one["kind"] for one in document["evidence"]}
    lines = [line for line in cited["lines"] if kinds.get(line["file"]) in _LOGS_OF_REQUESTS] if cited else []
    return {domain for line in lines for domain in domains_of_accounts(line["text"])}


def _add(names: dict[str, str], name: str, pseudonym: str) -> None:
    """Under both spellings: there are letters whose small form is two letters, and the pattern would not find the one."""
    spellings = {name.casefold(), name}
    if "@" in name:
        spellings |= {spelling.replace("@", "%40") for spelling in spellings}
    for spelling in spellings:
        names.setdefault(spelling, pseudonym)


def _local(name: str) -> str:
    """``anna.berg`` of ``anna.berg@corp.example`` and of ``CORP\\anna.berg``."""
    return name.rpartition("\\")[2].partition("@")[0].strip()


def _members(node: object, wanted: Collection[str], name: str = "") -> Iterator[str]:
    if isinstance(node, str):
        if name in wanted:
            yield node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _members(value, wanted, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from _members(value, wanted, name)


def _texts(node: object, name: str = "") -> Iterator[str]:
    """All texts in which a name may stand, keys among them, each once in the order of the document."""
    yield from dict.fromkeys(_every_text(node, name))


def _every_text(node: object, name: str) -> Iterator[str]:
    if isinstance(node, str):
        if name not in _FIXED:
            yield node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if name in COUNTED_MEMBERS:
                yield str(key)
            yield from _every_text(value, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from _every_text(value, name)
