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
from typing import TYPE_CHECKING

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from brokenseal.errors import ContentError

if TYPE_CHECKING:
    from sigma.rule import SigmaRule


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

_COMPARE = {CompareOperators.LT: "<", CompareOperators.LTE: "<=", CompareOperators.GT: ">", CompareOperators.GTE: ">="}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


def criterion_of(rule: SigmaRule) -> Criterion:
    """What *rule* asks; several conditions are alternatives.

    Raises UnsupportedRule where a part of it cannot be run, pySigma's SigmaError where its condition is wrong.
    """
    conditions = [_read(condition.parsed) for condition in rule.detection.parsed_condition]
    return conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions))


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


def _read(node: object) -> Criterion:
    if isinstance(node, ConditionAND):
        return AllOf(tuple(_read(item) for item in node.args))
    if isinstance(node, ConditionOR):
        return AnyOf(tuple(_read(item) for item in node.args))
    if isinstance(node, ConditionNOT):
        return Not(_read(node.args[0]))
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field_test(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _keyword_test(node.value)
    raise UnsupportedRule("the condition is empty")


def _field_test(field: str, value: SigmaType) -> Criterion:
    if isinstance(value, SigmaExpansion):
        return AnyOf(tuple(_field_test(field, item) for item in value.values))
    return FieldTest(field, _test(value))


def _keyword_test(value: SigmaType) -> Criterion:
    if isinstance(value, SigmaExpansion):
        return AnyOf(tuple(_keyword_test(item) for item in value.values))
    test = _test(value)
    if isinstance(test, BoolTest):
        test = TextTest((str(test.value).lower(),))
    if isinstance(test, TextTest | NumberTest | PatternTest):
        return KeywordTest(test)
    raise UnsupportedRule(f"a keyword cannot be a {type(value).__name__.removeprefix('Sigma')}")


def _test(value: SigmaType) -> Test:
    if isinstance(value, SigmaString):
        return TextTest(_parts(value), isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaTimestampPart):
        return TimePartTest(value.timestamp_part.name.lower(), value.number)
    if isinstance(value, SigmaNumber):
        return NumberTest(value.number)
    if isinstance(value, SigmaBool):
        return BoolTest(value.boolean)
    if isinstance(value, SigmaRegularExpression):
        return _pattern(value)
    if isinstance(value, SigmaCIDRExpression):
        return NetworkTest(value.network)
    if isinstance(value, SigmaCompareExpression) and value.op in _COMPARE:
        return CompareTest(_COMPARE[value.op], value.number.number)
    if isinstance(value, SigmaFieldReference):
        return ReferenceTest(value.field, value.starts_with, value.ends_with)
    if isinstance(value, SigmaNull):
        return NullTest()
    if isinstance(value, SigmaExists):
        return ExistsTest(value.exists)
    raise UnsupportedRule(f"values of the type {type(value).__name__.removeprefix('Sigma')} are not supported")


def _parts(value: SigmaString) -> tuple[str | Wildcard, ...]:
    parts: list[str | Wildcard] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise UnsupportedRule(f"placeholder %{part.name}% has no values")
        if isinstance(part, SpecialChars):
            wildcard = Wildcard.ANY_TEXT if part is SpecialChars.WILDCARD_MULTI else Wildcard.ANY_CHARACTER
            if wildcard is Wildcard.ANY_CHARACTER or parts[-1:] != [wildcard]:
                parts.append(wildcard)
        elif part:
            text = _encodable(part)
            last = parts[-1] if parts else None
            if isinstance(last, str):
                parts[-1] = last + text
            else:
                parts.append(text)
    return tuple(parts)


def _pattern(value: SigmaRegularExpression) -> PatternTest:
    if value.contains_placeholder():
        raise UnsupportedRule("the regular expression holds a placeholder without values")
    return PatternTest(_encodable(str(value.regexp)), "".join(sorted(_FLAGS[flag] for flag in value.flags)))


def _encodable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsupportedRule("a value holds half of a surrogate pair, which no event can contain") from error
    return text
