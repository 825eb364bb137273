"""Sentences that know what they are made of, so that a report in another language can say them anew.

The texts are in ``content/texts/<language>.yaml``, by keys; English is what the program speaks, and its words are what
the incident document holds. A :class:`Sentence` is its English text and carries key and values. Texts of layers that keep
plain text (what could not be read, and why; what a page holds) are recognised by the same catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import cast

from brokenseal.content_yaml import read_yaml

#: Key of a text that is content itself (advice, titles of campaigns and rules): its English text stands for it.
CONTENT = "content"
#: Groups of sentences on what stopped the reading of a file, or kept it from being read.
UNREAD = ("refused", "stopped")
#: Members of the document that hold sentences → the groups of the catalogue that know those which carry no key.
SENTENCE_MEMBERS: dict[str, tuple[str, ...]] = {
    "summary": (),
    "reasons": ("page",),
    "incomplete_because": ("ledger",),
    "operation": ("ledger",),
    "mailbox": ("mailbox",),
    "why": (),
    "not_seen": (),
    "advice": (),
    "note": (*UNREAD, "unrecognised", "coverage"),
    "reject_reasons": ("rejects",),
    "warnings": ("warnings",),
}
#: Of these, members that mostly hold words of the logs.
LOGGED_MEMBERS = ("operation", "mailbox")
#: Members that hold texts of rules and campaigns, and those that do within ``webshells``.
CONTENT_MEMBERS, _CONTENT_OF_WEBSHELLS = ("title", "stage_title"), ("kind", "reasons")
#: Members that are numbers by sentence: what is told stands in their keys.
COUNTED_MEMBERS = ("reject_reasons", "warnings")
_TYPED = {"d": r"[0-9]+", ",": r"[0-9,]+"}

Json = dict[str, object]


def holds_content(member: str, within: Sequence[str]) -> bool:
    """Whether *member*, within these others, holds a text of rules and campaigns."""
    return member in CONTENT_MEMBERS or (member in _CONTENT_OF_WEBSHELLS and "webshells" in within)


class Sentence(str):
    """English text. ``values`` are texts, numbers or sentences; ``key`` is one of the catalogue, or :data:`CONTENT`."""

    key: str
    values: Mapping[str, object]

    def __new__(cls, text: str, key: str = CONTENT, values: Mapping[str, object] | None = None) -> Sentence:
        made = super().__new__(cls, text)
        made.key, made.values = key, values or {}
        return made

    def as_json(self) -> Json:
        """``text``, ``key`` and ``values``; sentences among the values in the same form."""
        values = {
            name: value.as_json() if isinstance(value, Sentence) else value for name, value in self.values.items()
        }
        return {"text": str(self), "key": self.key, "values": values}


class Catalogue:
    """The texts of one language. ``content``: English texts of content → their translation."""

    def __init__(self, entries: Mapping[str, str], content: Mapping[str, str] | None = None) -> None:
        self.entries = entries
        self.content = content or {}

    def entry(self, key: str, values: Mapping[str, object]) -> str | None:
        """The text with places; of two forms the one for the number ``n``. None where there is none."""
        if f"{key}.many" in self.entries:
            key = f"{key}.{'one' if values.get('n') == 1 else 'many'}"
        return self.entries.get(key)

    def say(self, sentence: Mapping[str, object]) -> str | None:
        """A sentence of a document (as :meth:`Sentence.as_json` makes it) in this language; None where a text is lacking."""
        key, english = str(sentence["key"]), str(sentence["text"])
        if key == CONTENT:
            return self.content.get(english)
        values: dict[str, object] = {}
        for name, value in cast(Mapping[str, object], sentence["values"]).items():
            # Content that has no translation stays as it is within a sentence that has one.
            nested = cast(Mapping[str, object], value) if isinstance(value, Mapping) else None
            said = value if nested is None else self.say(nested)
            if said is None and nested is not None and nested["key"] == CONTENT:
                said = nested["text"]
            if said is None:
                return None
            values[name] = said
        text = self.entry(key, values)
        try:
            return None if text is None else text.format(**values)
        except (KeyError, ValueError, IndexError):
            return None


@cache
def catalogue(language: str) -> Catalogue:
    """An empty one for a language without texts."""
    file = files("brokenseal") / "content" / "texts" / f"{language}.yaml"
    if not re.fullmatch(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", language) or not file.is_file():
        return Catalogue({})
    found = cast(dict[str, object], read_yaml(file.read_text(encoding="utf-8")))
    content = cast(dict[str, str], found.pop(CONTENT, None) or {})
    return Catalogue(dict(_flat(found, "")), content)


def say(key: str, /, **values: object) -> Sentence:
    """The English sentence of ``key``. Raises ``KeyError`` for a key that the catalogue lacks."""
    text = catalogue("en").entry(key, values)
    if text is None:
        raise KeyError(key)
    return Sentence(text.format(**values), key, values)


def joined(key: str, parts: Sequence[str]) -> str:
    """Parts put together two by two with the text of *key* (``{first}``, ``{second}``): ``a, b, c``; empty without any."""
    if not parts:
        return ""
    made = parts[0]
    for part in parts[1:]:
        made = say(key, first=made, second=part)
    return made


def recognised(text: str, *groups: str) -> str:
    """*text* as the sentence of one of these groups that it is by its words; itself where none of them has it."""
    if isinstance(text, Sentence):
        return text
    key = _fixed_texts(groups).get(text)
    if key is not None:
        return Sentence(text, key)
    for key, pattern, typed in _shapes(groups):
        match = pattern.fullmatch(text)
        if match is not None:
            values: dict[str, object] = {
                name: int(value.replace(",", "")) if name in typed else recognised(value, *groups)
                for name, value in match.groupdict().items()
            }
            return Sentence(text, key, values)
    return text


@cache
def _fixed_texts(groups: tuple[str, ...]) -> dict[str, str]:
    """English texts without places → their keys."""
    return {text: key for key, text in _entries_of(groups) if not _places(text)}


@cache
def _shapes(groups: tuple[str, ...]) -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    """Key, pattern and the names of numbers of each text with places; the one with most words of its own first."""
    found = []
    for key, text in _entries_of(groups):
        parts = list(Formatter().parse(text))
        if _places(text):
            pattern = "".join(
                re.escape(words) + (f"(?P<{name}>{_TYPED.get(form or '', '.+?')})" if name else "")
                for words, name, form, _ in parts
            )
            typed = frozenset(name for _, name, form, _ in parts if name and form in _TYPED)
            own = sum(len(words) for words, _, _, _ in parts)
            found.append((own, key, re.compile(pattern, re.DOTALL), typed))
    return [(key, pattern, typed) for _, key, pattern, typed in sorted(found, key=lambda item: (-item[0], item[1]))]


def _entries_of(groups: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(key, text) for key, text in catalogue("en").entries.items() if key.partition(".")[0] in groups]


def _places(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]


def _flat(node: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for name, value in cast(Mapping[object, object], node).items():
            yield from _flat(value, f"{path}.{name}".removeprefix("."))
    else:
        yield path, str(node)
