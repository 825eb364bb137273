"""The knowledge that features work with, read from ``content/webshells/features.yaml`` (stored encoded, see yara_store).

Patterns there are regular expressions over the plain form of code, in lower case; a blank means white space or none. From
each pattern the texts are read that every match contains, so that most patterns are never run on an ordinary page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from brokenseal.content_yaml import read_yaml
from brokenseal.detections.regex_literals import regex_literals
from brokenseal.detections.yara_store import read_stored
from brokenseal.errors import ContentError

NAME = "features.yaml"
_MACRO = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled expression and texts of which a text must hold one to be worth a look (empty: always look)."""

    expression: re.Pattern[str]
    needed: tuple[str, ...]

    def worth_a_look(self, text: str) -> bool:
        return not self.needed or any(word in text for word in self.needed)


@dataclass(frozen=True, slots=True)
class Sink:
    """A dangerous call. Its weight depends on what it is given: an expression of the request (``fed``), a name that holds
    data of the request (``named``), an uploaded file's name (``posted``), decoded data, something worked out (``dynamic``),
    or constants only (``plain``).

    ``arg``: which text counts as given: the call's brackets, its first argument, the rest of the statement, or none.
    """

    name: str
    kind: str
    families: frozenset[str]
    pattern: Pattern
    arg: str
    says: str
    only: str
    on: str
    needs: tuple[str, ...]
    weights: Mapping[str, int]
    excuses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tell:
    """A text that counts by being there, ``least`` times (``distinct``: that many different ones)."""

    name: str
    kind: str
    families: frozenset[str]
    pattern: Pattern
    weight: int
    says: str
    on: str
    least: int
    distinct: bool
    needs_sink: str
    needs_source: bool
    unless: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that excuses: a check of the login, of the file's extension."""

    name: str
    families: frozenset[str]
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Combination:
    """Things that count more together; names with ``_`` are facts."""

    name: str
    kind: str
    families: frozenset[str]
    all_of: tuple[str, ...]
    any_of: tuple[str, ...]
    none_of: tuple[str, ...]
    tiny: bool
    weight: int
    says: str


@dataclass(frozen=True, slots=True)
class Family:
    """``sources``: an expression of the request; ``posted``: of an uploaded file; ``decoders``: one that decodes."""

    sources: re.Pattern[str]
    posted: re.Pattern[str]
    decoders: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Model:
    words: frozenset[str]
    telling: re.Pattern[str]
    families: Mapping[str, Family]
    sinks: tuple[Sink, ...]
    tells: tuple[Tell, ...]
    facts: tuple[Fact, ...]
    combinations: tuple[Combination, ...]
    breadth: Mapping[int, int]
    breadth_kinds: frozenset[str]
    program_words: dict[str, tuple[int, str, str]]


@lru_cache(maxsize=1)
def stored_model() -> Model:
    """The model that brokenseal brings."""
    return read_model(read_stored(NAME))


def read_model(text: str) -> Model:
    """The model in *text* (YAML). ContentError where a pattern is wrong."""
    data = read_yaml(text)
    macros: dict[str, str] = data["macros"]
    posted: dict[str, str] = data["posted"]
    families = {
        name: Family(
            sources=_expression("|".join(f"(?:{source})" for source in entry["sources"]), macros, f"sources of {name}"),
            posted=_expression(posted[name], macros, f"posted of {name}"),
            decoders=_expression(entry["decoders"], macros, f"decoders of {name}"),
        )
        for name, entry in data["families"].items()
    }
    words = sorted(data["words"], key=lambda word: (-len(word), word))
    return Model(
        words=frozenset(words),
        telling=re.compile("|".join(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" for word in words)),
        families=families,
        sinks=tuple(_sink(entry, macros) for entry in data["sinks"]),
        tells=tuple(_tell(entry, macros) for entry in data["tells"]),
        facts=tuple(
            Fact(entry["name"], frozenset(entry["families"]), _pattern(entry["pattern"], macros, entry["name"]))
            for entry in data["facts"]
        ),
        combinations=tuple(_combination(entry) for entry in data["combos"]),
        breadth=data["breadth"]["weights"],
        breadth_kinds=frozenset(data["breadth"]["kinds"]),
        program_words={word: (entry[0], entry[1], entry[2]) for word, entry in data["programs"].items()},
    )


def _sink(entry: dict[str, Any], macros: dict[str, str]) -> Sink:
    fed = entry.get("fed", 0)
    return Sink(
        name=entry["name"],
        kind=entry["kind"],
        families=frozenset(entry["families"]),
        pattern=_pattern(entry["pattern"], macros, entry["name"]),
        arg=entry["arg"],
        says=entry["says"],
        only=entry.get("only", ""),
        on=entry.get("where", "code"),
        needs=tuple(entry["needs"].split("|")) if "needs" in entry else (),
        weights={
            "fed": fed,
            "named": entry.get("named", fed),
            "posted": entry.get("posted", fed),
            **{key: entry.get(key, 0) for key in ("decoded", "dynamic", "plain", "both", "whole", "own")},
        },
        excuses=entry.get("excuse", {}),
    )


def _tell(entry: dict[str, Any], macros: dict[str, str]) -> Tell:
    return Tell(
        name=entry["name"],
        kind=entry["kind"],
        families=frozenset(entry["families"]),
        pattern=_pattern(entry["pattern"], macros, entry["name"]),
        weight=entry["weight"],
        says=entry["says"],
        on=entry.get("where", "code"),
        least=entry.get("least", 1),
        distinct=entry.get("distinct", False),
        needs_sink=entry.get("needs_sink", ""),
        needs_source=entry.get("needs_source", False),
        unless=entry.get("unless", ""),
    )


def _combination(entry: dict[str, Any]) -> Combination:
    return Combination(
        name=entry["name"],
        kind=entry["kind"],
        families=frozenset(entry["families"]),
        all_of=tuple(entry["all"]),
        any_of=tuple(entry.get("any", ())),
        none_of=tuple(entry.get("none", ())),
        tiny=entry.get("tiny", False),
        weight=entry["weight"],
        says=entry["says"],
    )


def _written_out(pattern: str, macros: dict[str, str]) -> str:
    pattern = _MACRO.sub(lambda found: macros[found[1]], pattern)
    out: list[str] = []
    in_class = escaped = blank = False
    for letter in pattern:
        if blank and letter in "?*":
            continue
        blank = letter == " " and not in_class and not escaped
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "[" and not in_class:
            in_class = True
        elif letter == "]" and in_class:
            in_class = False
        elif letter == " " and not in_class:
            out.append(r"\s*")
            continue
        out.append(letter)
    return "".join(out)


def _expression(pattern: str, macros: dict[str, str], name: str) -> re.Pattern[str]:
    try:
        return re.compile(_written_out(pattern, macros))
    except re.error as error:
        raise ContentError(f"{NAME}: {name}: {error}") from error


def _pattern(pattern: str, macros: dict[str, str], name: str) -> Pattern:
    expression = _expression(pattern, macros, name)
    sets = regex_literals(_without_looks(expression.pattern))
    best = max(sets, key=lambda texts: min(map(len, texts)), default=frozenset())
    if not best or min(map(len, best)) < 2:
        return Pattern(expression, ())
    return Pattern(expression, tuple(sorted(best)))


def _without_looks(pattern: str) -> str:
    """*pattern* without what only looks around (``(?=…)``, ``(?<!…)``): its matches then contain the same texts."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith(("(?=", "(?!", "(?<=", "(?<!"), at):
            at = _group_end(pattern, at)
        elif pattern[at] == "\\":
            out.append(pattern[at : at + 2])
            at += 2
        elif pattern[at] == "[":
            end = _class_end(pattern, at)
            out.append(pattern[at:end])
            at = end
        else:
            out.append(pattern[at])
            at += 1
    return "".join(out)


def _class_end(pattern: str, at: int) -> int:
    found = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL).match(pattern, at)
    return found.end() if found else len(pattern)


def _group_end(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 2
            continue
        if pattern[at] == "[":
            at = _class_end(pattern, at)
            continue
        depth += (pattern[at] == "(") - (pattern[at] == ")")
        at += 1
        if depth == 0:
            break
    return at
