"""Texts that must stand in an event's raw log line for a rule to be true, read from the rule.

For a rule they form a set: every event on which the rule is true has, in its line and without regard to ASCII case,
at least one member. None means that there is no such set and the rule has to look at every event; an empty set that
no event can make it true. Letters beyond ASCII whose lower case is ASCII (``FOLDED``) are the one exception: a line
that has one of them must be taken as a hit as well, which ``prefilter.LinePrefilter`` does.

The line is the text as parsers see it: valid UTF-8, one event a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from brokenseal.detections.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    FieldTest,
    KeywordTest,
    Not,
    NumberTest,
    PatternTest,
    Test,
    TextTest,
)
from brokenseal.detections.regex_literals import regex_literals
from brokenseal.detections.sigma_sql import is_true_of_null
from brokenseal.detections.taxonomy import EventKind, FieldType

Literals = frozenset[str] | None

#: Characters that ``lower()`` or a case-insensitive expression takes for an ASCII letter: i, k and s.
FOLDED = ("\u0130", "\u212a", "\u017f")

MIN_LENGTH = 3
#: A longer text would find no fewer lines, and search engines have a limit.
MAX_LENGTH = 64

#: Texts in so many ordinary lines that searching for them would select most of a log.
COMMON = frozenset(
    [
        "get",
        "post",
        "true",
        "false",
        "200",
        "http",
        "https",
        "http/1.1",
        "mozilla",
        "mozilla/5.0",
        "windows",
        "microsoft",
        "exchange",
        "owa",
        "/owa",
        "owa/",
        "/owa/",
        "ecp",
        "ews",
        "/ews",
        "ews/",
        "/ews/",
        "mapi",
    ]
)

_INNER_ESCAPE = re.compile(r"\\[bfnrtu/]")

# Quotes are doubled or dropped on the way from the line to the value; what is not printable ASCII may be changed by
# reading.
_CUTS = "\"'"


def necessary_literals(criterion: Criterion, kind: EventKind) -> Literals:
    """The set for *criterion* on events of *kind*: lower case, printable, each at least ``MIN_LENGTH`` bytes long.

    ASCII only, but for kinds whose text is JSON: what is beyond ASCII stands there as it is.
    """
    if isinstance(criterion, AllOf):
        return _strongest(necessary_literals(item, kind) for item in criterion.items)
    if isinstance(criterion, AnyOf):
        return _united([necessary_literals(item, kind) for item in criterion.items])
    if isinstance(criterion, Not):
        return None
    if isinstance(criterion, KeywordTest):
        found = _of_test(criterion.test, _cuts(kind, "".join(field.cuts for field in kind.searched)), kind.json)
        # The searched text has the values as they are, and with them texts that are no JSON.
        return found.union(*map(in_json, found)) if found and kind.json else found
    return _of_field(criterion, kind)


def _of_field(item: FieldTest, kind: EventKind) -> Literals:
    field = kind.field(item.field)
    if is_true_of_null(item.test, kind):
        return None
    if field is None:
        return frozenset()
    if field.type is not FieldType.TEXT or not field.in_line:
        return None
    found = _of_test(item.test, _cuts(kind, field.cuts), field.escaped)
    return frozenset[str]().union(*map(in_json, found)) if found and field.escaped else found


def in_json(text: str) -> frozenset[str]:
    """The texts of which each JSON text has one that holds *text* in a value; no two backslashes stand side by side in it.

    Backslashes are doubled there. The text of a value that is itself an object or a list is that of its JSON: in it a single
    one begins the escape of a character. At an end of *text* a single one will do, since two have one in them.
    """
    start, end = int(text.startswith("\\")), len(text) - int(text.endswith("\\"))
    doubled = text[:start] + text[start:end].replace("\\", "\\\\") + text[end:] if start < end else text
    return frozenset([doubled, text]) if _INNER_ESCAPE.search(text, start) else frozenset([doubled])


def _cuts(kind: EventKind, of_field: str) -> str:
    return _CUTS + of_field + (" " if kind.plus_is_space else "")


def _of_test(test: Test, cuts: str, json: bool) -> Literals:
    if isinstance(test, TextTest):
        return _longest([part for part in test.parts if isinstance(part, str)], cuts, json)
    if isinstance(test, NumberTest):
        return _longest([str(test.number)], cuts, json)
    if isinstance(test, PatternTest):
        return _strongest(
            _united([_longest([text], cuts, json) for text in texts]) for texts in regex_literals(test.pattern)
        )
    return None


def _longest(texts: Iterable[str], cuts: str, json: bool) -> Literals:
    unsafe = f"[^\\x20-\\x7e]|[{re.escape(cuts)}]"
    if json:
        texts = [_cut_at_cased(text) for text in texts]
        # A value may itself be JSON text, in which several backslashes stand for fewer: only single ones are sure.
        unsafe = rf"[\x00-\x1f\x7f]|[{re.escape(cuts)}]|\\\\+"
    pieces = [piece.strip()[:MAX_LENGTH].rstrip().lower() for text in texts for piece in re.split(unsafe, text)]
    usable = [piece for piece in pieces if len(piece.encode()) >= MIN_LENGTH and piece not in COMMON]
    return frozenset([max(usable, key=len)]) if usable else None


def _cut_at_cased(text: str) -> str:
    """*text* with a NUL for each letter beyond ASCII that has another case: only bytes are compared beyond ASCII."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() or (c.isprintable() and c.lower() == c == c.upper()) else "\0" for c in text)


def _strongest(sets: Iterable[Literals]) -> Literals:
    known = [literals for literals in sets if literals is not None]
    if not known:
        return None
    return max(known, key=lambda literals: (_weakest_member(literals), -len(literals), sorted(literals)))


def _weakest_member(literals: frozenset[str]) -> float:
    return min((len(literal) for literal in literals), default=float("inf"))


def _united(sets: list[Literals]) -> Literals:
    union: set[str] = set()
    for literals in sets:
        if literals is None:
            return None
        union |= literals
    return frozenset(union)
