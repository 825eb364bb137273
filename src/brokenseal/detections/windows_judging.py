"""The conditions of many rules on rows of Windows events: which rows each is true of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from brokenseal.detections.literal_formula import Formula
from brokenseal.detections.rules import Rule
from brokenseal.detections.shadows import Shadow, raw_columns, shadow_columns
from brokenseal.detections.windows_alike import Places
from brokenseal.detections.windows_kind import WindowsKind
from brokenseal.events.engine import Engine, sql_name

#: Column of groups of rows: their places, later the number of the group; no field's column has such a name (with '#').
ROWS = "#rows"
#: So many rules share a query: planning one costs more than running it on few rows, and more than these gain no more.
_TOGETHER = 16

#: The rows that a rule is true of, or why it could not be run.
Outcome = Places | Exception


class ReadyRule:
    """A rule on one view, with what its events must hold (None: anything); the rest is made when it is asked for."""

    def __init__(self, rule: Rule, kind: WindowsKind, formula: Formula | None) -> None:
        self.rule, self.kind, self.formula = rule, kind, formula

    @functools.cached_property
    def shadows(self) -> tuple[Shadow, ...]:
        return shadow_columns([self.rule.criterion], self.kind)

    @functools.cached_property
    def columns(self) -> tuple[str, ...]:
        return raw_columns([self.rule.criterion], self.kind)

    @functools.cached_property
    def needed(self) -> tuple[str, ...]:
        """The columns that the condition reads."""
        return (*self.columns, *(shadow.name for shadow in self.shadows))

    @functools.cached_property
    def condition(self) -> str:
        return self.rule.condition_sql(self.kind.name, [shadow.name for shadow in self.shadows])


#: A rule, and the places of the rows that it may be true of.
Candidates = tuple[ReadyRule, Places]
#: Does some work on each part with an engine that nobody else uses meanwhile; what came of it, in the order of the parts.
Run = Callable[
    [Callable[[Engine, Sequence[Candidates]], list[Outcome]], list[Sequence[Candidates]]], Iterable[list[Outcome]]
]


def in_turn(engine: Engine) -> Run:
    """One part after the other, in *engine*."""
    return lambda work, parts: (work(engine, part) for part in parts)


def judged(name: str, rows: pa.Table, rules: Sequence[Candidates], run: Run) -> Iterator[tuple[ReadyRule, Outcome]]:
    """Each of *rules* on its places in *rows*, which have the columns and shadows that the rules need.

    ``name`` is that of a table to be made for the time being in the engines that ``run`` gives.
    """

    def judge(engine: Engine, part: Sequence[Candidates]) -> list[Outcome]:
        try:
            return _together(engine, name, rows, part)
        except Exception:  # noqa: BLE001 - the engine's own errors are not known here
            # Of one rule; each by itself tells of which.
            return [_alone(engine, name, rows, *one) for one in part]

    parts = [rules[at : at + _TOGETHER] for at in range(0, len(rules), _TOGETHER)]
    for part, found in zip(parts, run(judge, parts), strict=True):
        yield from zip([item for item, _ in part], found, strict=True)


def _alone(engine: Engine, name: str, rows: pa.Table, item: ReadyRule, places: Places) -> Outcome:
    try:
        return _together(engine, name, rows, [(item, places)])[0]
    except Exception as error:  # noqa: BLE001 - the engine's own errors are not known here
        return error


def _together(engine: Engine, name: str, rows: pa.Table, rules: Sequence[Candidates]) -> list[Outcome]:
    """The rows of each rule, by one query."""
    columns = sorted({column for item, _ in rules for column in item.needed})
    table = rows.select(columns)
    for number, (_, places) in enumerate(rules):
        candidate = np.zeros(rows.num_rows, dtype=np.bool_)
        candidate[places] = True
        table = table.append_column(f"#candidate {number}", pa.array(candidate))
    # A condition is worked out for its candidates only.
    cases = (
        f'coalesce(CASE WHEN "#candidate {number}" THEN {item.condition} END, FALSE) AS "{number}"'
        for number, (item, _) in enumerate(rules)
    )
    engine.register(name, table)
    try:
        found = engine.arrays(f"SELECT {', '.join(cases)} FROM {sql_name(name)}")
    finally:
        engine.unregister(name)
    return [np.flatnonzero(found[str(number)]) for number in range(len(rules))]
