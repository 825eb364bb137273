"""Correlations as SQL (DuckDB) over the events that rules matched.

A window is closed: two events are in one window of ``timespan`` if they are at most ``timespan`` apart. Windows are
looked at where they start at an event and are not part of a larger one, so ``lt: 5`` or ``eq: 3`` speak of the whole
burst and not of a slice of it; for ``gt`` and ``gte`` this finds the same groups and events as every window would. An
event that lacks a group-by field, or a time, is in no group. Group values are compared without case.

In temporal_ordered, events at the same time are in any order: logs have a resolution, and a server writes a line when a
request ends. One event that matches two rules can stand for both.
"""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.detections.sigma_correlation import Absent, Correlation, Presence, Present
from brokenseal.detections.sigma_sql import sql_literal
from brokenseal.detections.taxonomy import EventKind, FieldType, event_kind

_EARLIER = "(PARTITION BY g ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
_UNTIL_NOW = "(PARTITION BY g ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
_FROM_NOW = "(PARTITION BY g ORDER BY t RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"


def event_rows_sql(correlation: Correlation, matches: str, relations: Mapping[str, str]) -> str | None:
    """SELECT of the events the correlation looks at, None if none of their kinds is in *relations* (kind → relation).

    ``matches``: a relation with ``rule``, ``source_id``, ``line``. Columns: ``rule``, ``source_id``, ``line``, ``t``
    (milliseconds since 1970, UTC), ``g`` (list of the group-by values), ``v`` (list of the counted values, or null).
    """
    selects = []
    for reference in dict.fromkeys(correlation.uses):
        for name in reference.kinds:
            if name not in relations:
                continue
            kind = event_kind(name)
            group = [_value(correlation.field_of(field, reference.rule), kind) for field in correlation.group_by]
            counted = [_value(correlation.field_of(field, reference.rule), kind) for field in correlation.counted]
            present = " AND ".join(["e.time IS NOT NULL", *(f"{value} IS NOT NULL" for value in group)])
            missing = " OR ".join(f"{value} IS NULL" for value in counted) or "TRUE"
            selects.append(
                f"SELECT DISTINCT {sql_literal(reference.rule)} AS rule, e.source_id, e.line, epoch_ms(e.time) AS t, "
                f"CAST([{', '.join(group)}] AS VARCHAR[]) AS g, "
                f"CASE WHEN {missing} THEN NULL ELSE CAST([{', '.join(counted)}] AS VARCHAR[]) END AS v "
                f"FROM {relations[name]} AS e JOIN {matches} AS m ON m.source_id = e.source_id AND m.line = e.line "
                f"WHERE m.rule = {sql_literal(reference.rule)} AND {present}"
            )
    return " UNION ALL ".join(selects) or None


def correlation_sql(correlation: Correlation, events: str) -> str:
    """SELECT over *events* (a relation of ``event_rows_sql``) of the events that make the correlation true.

    Columns: ``rule``, ``source_id``, ``line``, ``t``, ``g``, and ``completes``: whether the condition is met with this
    event, which is when a correlation on top of this one sees it.
    """
    if correlation.type == "temporal_ordered":
        return _ordered(correlation, events)
    span = correlation.span_ms
    ahead = f"(PARTITION BY g ORDER BY t RANGE BETWEEN CURRENT ROW AND {span} FOLLOWING)"
    behind = f"(PARTITION BY g ORDER BY t RANGE BETWEEN {span} PRECEDING AND CURRENT ROW)"
    rows = f"SELECT * FROM {events}"
    if correlation.type == "event_count":
        rows = (
            f"SELECT min(rule) AS rule, source_id, line, t, g, NULL AS v FROM {events} GROUP BY source_id, line, t, g"
        )
    completes = _holds(correlation, behind) if correlation.grows else "FALSE"
    ends = "FALSE" if correlation.grows else "(g, t) IN (SELECT (g, until) FROM judged WHERE ok)"
    return (
        f"WITH rows AS ({rows}), "
        f"windows AS (SELECT *, {_holds(correlation, ahead)} AS met, max(t) OVER {ahead} AS until, "
        f"{completes} AS met_behind FROM rows), "
        f"judged AS (SELECT *, met AND COALESCE(max(until) OVER {_EARLIER} < until, TRUE) AS ok FROM windows), "
        f"marked AS (SELECT *, bool_or(ok) OVER {behind} AS contributes FROM judged) "
        f"SELECT rule, source_id, line, t, g, met_behind OR {ends} AS completes FROM marked WHERE contributes"
    )


def _holds(correlation: Correlation, window: str) -> str:
    if correlation.presence is not None:
        return _presence(correlation.presence, window)
    counted = {"event_count": "*", "value_count": "DISTINCT v", "temporal": "DISTINCT rule"}[correlation.type]
    count = f"count({counted}) OVER {window}"
    return "(" + " AND ".join(f"{count} {operator} {number!r}" for operator, number in correlation.conditions) + ")"


def _presence(presence: Presence, window: str) -> str:
    if isinstance(presence, Present):
        return f"bool_or(rule = {sql_literal(presence.rule)}) OVER {window}"
    if isinstance(presence, Absent):
        return f"(NOT {_presence(presence.item, window)})"
    return "(" + f" {presence.joined} ".join(_presence(item, window) for item in presence.items) + ")"


def _ordered(correlation: Correlation, events: str) -> str:
    """For each event and each place in the order: the latest start and the earliest end of a chain through it."""
    rules = [sql_literal(reference.rule) for reference in correlation.uses]
    last = len(rules) - 1
    steps = [f"c0 AS (SELECT *, CASE WHEN rule = {rules[0]} THEN t END AS s0 FROM {events})"]
    for n in range(1, last + 1):
        step = f"CASE WHEN rule = {rules[n]} THEN max(s{n - 1}) OVER {_UNTIL_NOW} END AS s{n}"
        steps.append(f"c{n} AS (SELECT *, {step} FROM c{n - 1})")
    steps.append(f"d{last} AS (SELECT *, CASE WHEN rule = {rules[last]} THEN t END AS f{last} FROM c{last})")
    for n in range(last - 1, -1, -1):
        step = f"CASE WHEN rule = {rules[n]} THEN min(f{n + 1}) OVER {_FROM_NOW} END AS f{n}"
        steps.append(f"d{n} AS (SELECT *, {step} FROM d{n + 1})")
    on_chain = " OR ".join(f"COALESCE(f{n} - s{n} <= {correlation.span_ms}, FALSE)" for n in range(last + 1))
    completes = f"COALESCE(t - s{last} <= {correlation.span_ms}, FALSE)"
    return (
        f"WITH {', '.join(steps)} SELECT rule, source_id, line, t, g, {completes} AS completes FROM d0 WHERE {on_chain}"
    )


def _value(field: str | None, kind: EventKind) -> str:
    known = None if field is None else kind.field(field)
    if known is None:
        return "CAST(NULL AS VARCHAR)"
    text = known.sql if known.type is FieldType.TEXT else f"CAST({known.sql} AS VARCHAR)"
    return f"lower({text})"
