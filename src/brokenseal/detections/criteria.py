"""What a rule asks of an event, as a small tree of our own: read once from pySigma, then used for SQL and for literals.

The tree has no placeholders, modifiers or names of selections left in it. It is immutable and can be pickled.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
    https://sigmahq.io/sigma-specification/specification/sigma-appendix-modifiers.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from brokenseal.errors import ContentError


class UnsupportedRule(ContentError):
    """A valid rule that cannot be run here; the message says why."""


class Wildcard(Enum):
    """``*`` (any text, also none) and ``?`` (one character) in a rule's text."""

    ANY_TEXT = "*"
    ANY_CHARACTER = "?"


@dataclass(frozen=True, slots=True)
class TextTest:
    """The whole value is this text; no two strings and no two ``ANY_TEXT`` stand next to each other in ``parts``."""

    parts: tuple[str | Wildcard, ...]
    cased: bool = False


@dataclass(frozen=True, slots=True)
class NumberTest:
    number: int | float


@dataclass(frozen=True, slots=True)
class BoolTest:
    value: bool


@dataclass(frozen=True, slots=True)
class PatternTest:
    """A regular expression (RE2) is found in the value; ``flags`` is any of the letters i, m, s."""

    pattern: str
    flags: str = ""


@dataclass(frozen=True, slots=True)
class NetworkTest:
    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class CompareTest:
    """``operator`` is one of <, <=, >, >=."""

    operator: str
    number: int | float


@dataclass(frozen=True, slots=True)
class ReferenceTest:
    """The value equals that of another field, or holds it at its start, its end, or (both) anywhere."""

    other: str
    starts: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class NullTest:
    """The field is missing or empty."""


@dataclass(frozen=True, slots=True)
class ExistsTest:
    exists: bool


@dataclass(frozen=True, slots=True)
class TimePartTest:
    """``part`` of the value as a UTC time: minute, hour, day (of the month), week (ISO 8601), month, year."""

    part: str
    number: int | float


Test = (
    TextTest
    | NumberTest
    | BoolTest
    | PatternTest
    | NetworkTest
    | CompareTest
    | ReferenceTest
    | NullTest
    | ExistsTest
    | TimePartTest
)


@dataclass(frozen=True, slots=True)
class FieldTest:
    field: str
    test: Test


@dataclass(frozen=True, slots=True)
class KeywordTest:
    """The text, number or expression is found anywhere in the event's text."""

    test: TextTest | NumberTest | PatternTest


@dataclass(frozen=True, slots=True)
class AllOf:
    items: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    items: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: Criterion


Criterion = FieldTest | KeywordTest | AllOf | AnyOf | Not


def field_tests(criterion: Criterion) -> Iterator[FieldTest | KeywordTest]:
    """Every test in the tree, in the rule's order."""
    if isinstance(criterion, AllOf | AnyOf):
        for item in criterion.items:
            yield from field_tests(item)
    elif isinstance(criterion, Not):
        yield from field_tests(criterion.item)
    else:
        yield criterion


def field_names(criterion: Criterion) -> tuple[str, ...]:
    """The field names the rule uses, as written, each once, in the rule's order."""
    names: dict[str, None] = {}
    for item in field_tests(criterion):
        if isinstance(item, FieldTest):
            names[item.field] = None
            if isinstance(item.test, ReferenceTest):
                names[item.test.other] = None
    return tuple(names)
