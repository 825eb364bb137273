"""Read what a rule asks from what pySigma makes of it. Apart from ``criteria``, because loading pySigma takes long.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
    https://sigmahq.io/sigma-specification/specification/sigma-appendix-modifiers.html
"""

from __future__ import annotations

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

from brokenseal.detections.criteria import (
    AllOf,
    AnyOf,
    BoolTest,
    CompareTest,
    Criterion,
    ExistsTest,
    FieldTest,
    KeywordTest,
    NetworkTest,
    Not,
    NullTest,
    NumberTest,
    PatternTest,
    ReferenceTest,
    Test,
    TextTest,
    TimePartTest,
    UnsupportedRule,
    Wildcard,
)

if TYPE_CHECKING:
    from sigma.rule import SigmaRule

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
