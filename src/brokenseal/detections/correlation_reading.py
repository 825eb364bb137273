"""Read Sigma correlations and check them. Apart from ``sigma_correlation``, because loading pySigma takes long.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from brokenseal.detections.criteria import UnsupportedRule
from brokenseal.detections.rule_header import RuleHeader
from brokenseal.detections.sigma_correlation import Absent, Combined, Correlation, Presence, Present, Reference
from brokenseal.errors import ContentError

_TYPES = {
    SigmaCorrelationType.EVENT_COUNT: "event_count",
    SigmaCorrelationType.VALUE_COUNT: "value_count",
    SigmaCorrelationType.TEMPORAL: "temporal",
    SigmaCorrelationType.TEMPORAL_ORDERED: "temporal_ordered",
}
_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"}


def referenced_names(data: Mapping[str, object]) -> tuple[str, ...]:
    """The ids and names of rules that the correlation document *data* mentions.

    Raises pySigma's SigmaError where the document is no valid correlation.
    """
    rule = _parse(data)[0]
    of_aliases = (str(reference.reference) for alias in rule.aliases for reference in alias.mapping)
    return tuple(dict.fromkeys((*_used(rule), *of_aliases)))


def _used(rule: SigmaCorrelationRule) -> tuple[str, ...]:
    if rule.rules is not None:
        return tuple(str(reference.reference) for reference in rule.rules)
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        return tuple(rule.condition.get_referenced_rules())
    return ()


def read_correlation(header: RuleHeader, data: Mapping[str, object], known: Mapping[str, Reference]) -> Correlation:
    """The correlation in *data*; ``known`` has a Reference for each name or id that it uses.

    Raises UnsupportedRule where it cannot be run here, ContentError or pySigma's SigmaError where it is wrong.
    """
    rule, ranges = _parse(data)
    kind = _TYPES.get(rule.type)
    if kind is None:
        raise UnsupportedRule(f"correlation type {rule.type.name.lower()} is not supported")
    uses = tuple(known[name] for name in _used(rule))
    if not uses:
        raise ContentError("the correlation names no rules")
    aliases = tuple(
        (alias.alias, tuple((known[str(ref.reference)].rule, str(field)) for ref, field in alias.mapping.items()))
        for alias in rule.aliases
    )
    counted: tuple[str, ...] = ()
    presence: Presence | None = None
    conditions = ranges
    if isinstance(rule.condition, SigmaCorrelationCondition):
        fields = rule.condition.fieldref
        counted = () if fields is None else (fields,) if isinstance(fields, str) else tuple(fields)
        conditions = ranges or ((_OPERATORS[rule.condition.op.name.lower()], rule.condition.count),)
    else:
        presence = _presence(rule.condition.parsed, known)
    correlation = Correlation(
        **asdict(header),
        type=kind,
        uses=uses,
        span_ms=rule.timespan.seconds * 1000,
        group_by=tuple(rule.group_by or ()),
        aliases=aliases,
        conditions=conditions,
        presence=presence,
        counted=counted if kind == "value_count" else (),
        generate=rule.generate,
    )
    if kind == "temporal_ordered" and not _asks_for_all(correlation):
        raise UnsupportedRule("temporal_ordered is supported only where all of its rules must occur")
    return correlation


def _parse(data: Mapping[str, object]) -> tuple[SigmaCorrelationRule, tuple[tuple[str, int | float], ...]]:
    """pySigma's reading of it, and the condition's bounds if there are several (pySigma takes one only)."""
    body = data.get("correlation")
    if not isinstance(body, dict):
        raise ContentError("'correlation' is not a mapping")
    plain = {"title": "correlation", "correlation": body}
    condition = body.get("condition")
    ranges: tuple[tuple[str, int | float], ...] = ()
    if isinstance(condition, dict):
        bounds = {key: value for key, value in condition.items() if key in _OPERATORS}
        if len(bounds) > 1:
            if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in bounds.values()):
                raise ContentError("a bound of the correlation's condition is not a number")
            ranges = tuple((_OPERATORS[key], value) for key, value in bounds.items())
            first = next(iter(bounds))
            one = {key: value for key, value in condition.items() if key not in bounds or key == first}
            plain = {"title": "correlation", "correlation": {**body, "condition": one}}
    return SigmaCorrelationRule.from_dict(plain), ranges


def _presence(node: object, known: Mapping[str, Reference]) -> Presence:
    if isinstance(node, SigmaRuleReference):
        return Present(known[node.reference].rule)
    if isinstance(node, CorrelationConditionNOT):
        return Absent(_presence(node.args[0], known))
    if isinstance(node, CorrelationConditionAND | CorrelationConditionOR):
        joined = "AND" if isinstance(node, CorrelationConditionAND) else "OR"
        return Combined(joined, tuple(_presence(item, known) for item in node.args))
    raise UnsupportedRule("the condition of the correlation is not understood")


def _asks_for_all(correlation: Correlation) -> bool:
    presence = correlation.presence
    if presence is not None:
        named = {reference.rule for reference in correlation.uses}
        items = presence.items if isinstance(presence, Combined) and presence.joined == "AND" else (presence,)
        return {item.rule for item in items if isinstance(item, Present)} == named and len(items) == len(named)
    count = len(correlation.uses)
    return correlation.conditions in (((">=", count),), (("=", count),), ((">", count - 1),))
