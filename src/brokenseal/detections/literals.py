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

# Quotes are doubled or dropped on the way from the line to the value; what is not printable ASCII may be changed by
# reading.
_CUTS = "\"'"


def necessary_literals(criterion: Criterion, kind: EventKind) -> Literals:
    """The set for *criterion* on events of *kind*: lower-case printable ASCII, each at least ``MIN_LENGTH`` long."""
    if isinstance(criterion, AllOf):
        return _strongest(necessary_literals(item, kind) for item in criterion.items)
    if isinstance(criterion, AnyOf):
        return _united([necessary_literals(item, kind) for item in criterion.items])
    if isinstance(criterion, Not):
        return None
    if isinstance(criterion, KeywordTest):
        return _of_test(criterion.test, _cuts(kind, "".join(field.cuts for field in kind.searched)))
    return _of_field(criterion, kind)


def _of_field(item: FieldTest, kind: EventKind) -> Literals:
    field = kind.field(item.field)
    if is_true_of_null(item.test):
        return None
    if field is None:
        return frozenset()
    if field.type is not FieldType.TEXT or not field.in_line:
        return None
    return _of_test(item.test, _cuts(kind, field.cuts))


def _cuts(kind: EventKind, of_field: str) -> str:
    return _CUTS + of_field + (" " if kind.plus_is_space else "")


def _of_test(test: Test, cuts: str) -> Literals:
    if isinstance(test, TextTest):
        return _longest([part for part in test.parts if isinstance(part, str)], cuts)
    if isinstance(test, NumberTest):
        return _longest([str(test.number)], cuts)
    if isinstance(test, PatternTest):
        return _strongest(_united([_longest([text], cuts) for text in texts]) for texts in regex_literals(test.pattern))
    return None


def _longest(texts: Iterable[str], cuts: str) -> Literals:
    unsafe = f"[^\\x20-\\x7e]|[{re.escape(cuts)}]"
    pieces = [piece.strip()[:MAX_LENGTH].rstrip().lower() for text in texts for piece in re.split(unsafe, text)]
    usable = [piece for piece in pieces if len(piece) >= MIN_LENGTH and piece not in COMMON]
    return frozenset([max(usable, key=len)]) if usable else None


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
