"""Run rules on events of one kind, and correlations on what they matched.

``match_rules`` needs nothing but the events given, so it can run on each partition by itself; ``run_correlations``
needs all matches of a group together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from brokenseal.detections.correlation_sql import correlation_sql, event_rows_sql
from brokenseal.detections.rules import Rule
from brokenseal.detections.shadows import Shadow, raw_columns, shadow_columns, with_shadows
from brokenseal.detections.sigma_correlation import Correlation
from brokenseal.detections.sigma_sql import sql_literal
from brokenseal.detections.taxonomy import EventKind, event_kind
from brokenseal.events.engine import Engine, sql_name

#: One row for each rule and event: the rule's id, and the event's source and line.
MATCH_SCHEMA = pa.schema([("rule", pa.string()), ("source_id", pa.int32()), ("line", pa.int64())])

#: One row for each group that makes a correlation true: the values of its group-by fields (lower case), the first and
#: last contributing event (UTC) and how many there are.
GROUP_SCHEMA = pa.schema(
    [
        ("rule", pa.string()),
        ("group", pa.int64()),
        ("values", pa.list_(pa.string())),
        ("first", pa.timestamp("ms", "UTC")),
        ("last", pa.timestamp("ms", "UTC")),
        ("events", pa.int64()),
    ]
)

#: The contributing events of each group; ``via`` is the rule (or correlation) that matched the event.
MEMBER_SCHEMA = pa.schema(
    [
        ("rule", pa.string()),
        ("group", pa.int64()),
        ("via", pa.string()),
        ("source_id", pa.int32()),
        ("line", pa.int64()),
    ]
)

#: A limit that never bites. It keeps the engine from moving a condition below the shadow columns, where it would
#: compute ``lower(...)`` anew for each of a rule's texts (5 to 15 times slower).
_BARRIER = f"LIMIT {1 << 62}"

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class RuleFailure:
    """A rule or correlation whose SQL failed while it ran."""

    rule: str
    error: str


@dataclass(frozen=True, slots=True)
class Matches:
    """``table`` in ``MATCH_SCHEMA``, sorted by rule, source and line."""

    table: pa.Table
    failures: tuple[RuleFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrelationMatches:
    """``groups`` in ``GROUP_SCHEMA``, ``members`` in ``MEMBER_SCHEMA``, both sorted; a rule's groups count from 1."""

    groups: pa.Table
    members: pa.Table
    failures: tuple[RuleFailure, ...] = ()


def match_rules(
    engine: Engine, kind: str, relation: str, rules: Iterable[Rule], *, materialise: bool = True
) -> Matches:
    """The events of *relation* (anything that may follow FROM; events of *kind*) on which each rule is true.

    Rules for other kinds are passed over. ``materialise``: copy what the rules look at, lower-cased, into a temporary
    table first; best for candidates, which many rules look at. Without it the relation is read once for each rule, and
    nothing of it is kept: best for a few rules on a table of any size.
    """
    chosen = sorted((rule for rule in rules if kind in rule.kinds), key=lambda rule: rule.id)
    events = event_kind(kind)
    tables: list[pa.Table] = []
    failures: list[RuleFailure] = []
    temporary: str | None = None
    shared: tuple[Shadow, ...] = ()
    if materialise and len(chosen) > 1:
        shared = shadow_columns((rule.criterion for rule in chosen), events)
        temporary = sql_name(f"brokenseal_candidates_{next(_serial)}")
        engine.execute(f"CREATE TEMP TABLE {temporary} AS {_prepared(relation, events, chosen, shared)}")
    try:
        for rule in chosen:
            shadows = shared if temporary else shadow_columns([rule.criterion], events)
            target = temporary or (
                f"({_prepared(relation, events, [rule], shadows)} {_BARRIER})" if shadows else relation
            )
            condition = rule.condition_sql(kind, [shadow.name for shadow in shadows])
            try:
                found = engine.query(f"SELECT source_id, line FROM {target} WHERE {condition}")
            except Exception as error:  # noqa: BLE001 - the engine's own errors are not known here
                failures.append(RuleFailure(rule.id, str(error)))
                continue
            if found.num_rows:
                ids = pa.repeat(pa.scalar(rule.id), found.num_rows)
                tables.append(pa.table([ids, *found.columns], names=MATCH_SCHEMA.names).cast(MATCH_SCHEMA))
    finally:
        if temporary:
            engine.execute(f"DROP TABLE {temporary}")
    table = pa.concat_tables(tables) if tables else MATCH_SCHEMA.empty_table()
    return Matches(_sorted(table, MATCH_SCHEMA.names), tuple(failures))


def _prepared(relation: str, events: EventKind, rules: Iterable[Rule], shadows: Iterable[Shadow]) -> str:
    columns = dict.fromkeys(("source_id", "line", *raw_columns((rule.criterion for rule in rules), events)))
    return with_shadows(relation, shadows, columns)


def run_correlations(
    engine: Engine, correlations: Iterable[Correlation], matches: str, relations: Mapping[str, str]
) -> CorrelationMatches:
    """The groups that make each of *correlations* (in the order of a RuleSet) true.

    ``matches``: a relation in ``MATCH_SCHEMA``; ``relations``: kind → relation with at least the matched events.
    """
    groups: list[pa.Table] = []
    members: list[pa.Table] = []
    failures: list[RuleFailure] = []
    number = next(_serial)
    chain, result = (sql_name(f"brokenseal_{part}_{number}") for part in ("chain", "correlated"))
    engine.execute(f"CREATE TEMP TABLE {chain} AS SELECT rule, source_id, line FROM {matches}")
    try:
        for correlation in correlations:
            events = event_rows_sql(correlation, chain, relations)
            if events is None:
                continue
            try:
                engine.execute(
                    f"CREATE OR REPLACE TEMP TABLE {result} AS {_numbered(correlation_sql(correlation, f'({events})'))}"
                )
                found_groups, found_members = _read(engine, result)
            except Exception as error:  # noqa: BLE001 - the engine's own errors are not known here
                failures.append(RuleFailure(correlation.id, str(error)))
                continue
            groups.append(_with_rule(correlation.id, found_groups, GROUP_SCHEMA))
            members.append(_with_rule(correlation.id, found_members, MEMBER_SCHEMA))
            completing = f"SELECT DISTINCT {sql_literal(correlation.id)}, source_id, line FROM {result} WHERE completes"
            engine.execute(f"INSERT INTO {chain} {completing}")
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {chain}")
        engine.execute(f"DROP TABLE IF EXISTS {result}")
    return CorrelationMatches(
        _sorted(pa.concat_tables([GROUP_SCHEMA.empty_table(), *groups]), ["rule", "group"]),
        _sorted(
            pa.concat_tables([MEMBER_SCHEMA.empty_table(), *members]), ["rule", "group", "source_id", "line", "via"]
        ),
        tuple(failures),
    )


def _numbered(members: str) -> str:
    return f'SELECT *, dense_rank() OVER (ORDER BY g) AS "group" FROM ({members})'


def _read(engine: Engine, result: str) -> tuple[pa.Table, pa.Table]:
    groups = engine.query(
        f'SELECT "group", any_value(g) AS "values", min(t) AS "first", max(t) AS "last", '
        f'count(DISTINCT (source_id, line)) AS events FROM {result} GROUP BY "group"'
    )
    members = engine.query(f'SELECT DISTINCT "group", rule AS via, source_id, line FROM {result}')
    return groups, members


def _with_rule(rule: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    table = table.add_column(0, "rule", pa.repeat(pa.scalar(rule), table.num_rows))
    return table.select(schema.names).cast(schema)


def _sorted(table: pa.Table, names: Iterable[str]) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in names])
