"""Run rules on Windows events, a batch of rows at a time: each rule's condition sees its candidates only.

A search for the rules' literals says which rows a rule can be true of at all; most rules have none in a batch and cost
nothing. What the others look at is copied once a view, lower-cased, into a small table; a rule's condition runs on that. The
result is that of running each rule on all events by itself (tested).

Needs nothing but the rows given, so it can run on each partition by itself.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.literal_formula import Formula, necessary_formula, rows_of, texts_of
from brokenseal.detections.literal_hits import LiteralHits
from brokenseal.detections.matching import MATCH_SCHEMA, Matches, RuleFailure
from brokenseal.detections.rules import Rule
from brokenseal.detections.shadows import Shadow, raw_columns, shadow_columns, with_shadows
from brokenseal.detections.windows_kind import (
    WindowsKind,
    by_lower_case,
    keys_sql,
    view_condition,
    view_relation,
    windows_kind,
)
from brokenseal.detections.windows_logs import PREFIX
from brokenseal.events.engine import Engine, sql_name

#: What a batch must have. ``Data`` is the event's own fields as JSON.
BATCH_COLUMNS = (
    *(
        "source_id",
        "line",
        "host",
        "time",
        "EventRecordID",
        "Channel",
        "Provider_Name",
        "EventID",
        "Level",
        "Task",
        "Opcode",
    ),
    *("Keywords", "UserID", "Message", "Data"),
)

#: Rows of a batch as the bits of a number: many of them are combined for each rule, and that is fastest so.
Bits = int
Places = npt.NDArray[np.int64]

#: A rule whose candidates are fewer than one in so many of the rows in hand gets a table of its own.
FEW = 4

#: Column of a row's place among those in hand; no field's column has such a name (with '#').
_PLACE = "#place"
#: Column of groups of rows: their places, later the number of the group.
_ROWS = "#rows"

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule on one view, with what its events must hold; None: anything."""

    rule: Rule
    formula: Formula | None


class WindowsRules:
    """Rules made ready for batches of Windows events. May be used by several threads, each with an engine of its own.

    ``formulas`` and ``search``: those of an object made before from the same rules, to save making them.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        formulas: Mapping[tuple[str, str], Formula | None] | None = None,
        search: bytes | None = None,
    ) -> None:
        views: dict[str, list[_Ready]] = defaultdict(list)
        self.formulas: dict[tuple[str, str], Formula | None] = {}
        for rule in rules:
            for kind in rule.kinds:
                if kind.startswith(PREFIX):
                    key = rule.id, kind
                    formula = formulas[key] if formulas else necessary_formula(rule.criterion, windows_kind(kind))
                    self.formulas[key] = formula
                    views[kind].append(_Ready(rule, formula))
        self._views = {name: sorted(ready, key=lambda item: item.rule.id) for name, ready in sorted(views.items())}
        texts = {text for formula in self.formulas.values() for text in texts_of(formula)}
        self.hits = LiteralHits(texts, serialised=search)

    def match(self, engine: Engine, batch: pa.Table) -> Matches:
        """The matches of all rules in *batch* (``BATCH_COLUMNS``), unsorted."""
        if not batch.num_rows or not self._views:
            return Matches(MATCH_SCHEMA.empty_table())
        number = next(_serial)
        masks = _masks(engine, f"windows_batch_{number}", batch, list(self._views))
        rows = _Rows(batch, self.hits)
        found = [
            _match_view(engine, windows_kind(name), ready, batch, rows, masks[name])
            for name, ready in self._views.items()
            if masks[name]
        ]
        tables = [table for matches in found for table in [matches.table] if table.num_rows]
        failures = tuple(failure for matches in found for failure in matches.failures)
        return Matches(pa.concat_tables(tables) if tables else MATCH_SCHEMA.empty_table(), failures)


class _Rows:
    """Which rows of a batch hold a text or have an event id."""

    def __init__(self, batch: pa.Table, hits: LiteralHits) -> None:
        self._numbers = hits.numbers
        found, rows = hits.find(_searched(batch))
        self.length = batch.num_rows
        literals, starts = np.unique(found, return_index=True)
        each = dict(zip(literals.tolist(), np.split(rows, starts[1:]), strict=True)) if len(literals) else {}
        self._texts = {number: _bits(own, self.length) for number, own in each.items()}
        self._folded = self._texts.pop(-1, 0)
        self._events = np.asarray(pc.fill_null(batch.column("EventID"), -1).combine_chunks())
        self._of_event: dict[int, Bits] = {}

    def of_text(self, text: str) -> Bits:
        return self._texts.get(self._numbers[text], 0) | self._folded

    def of_event(self, event: int) -> Bits:
        known = self._of_event.get(event)
        if known is None:
            known = self._of_event[event] = _bits(np.flatnonzero(self._events == event), self.length)
        return known


def _match_view(
    engine: Engine, kind: WindowsKind, ready: Sequence[_Ready], batch: pa.Table, rows: _Rows, mask: Bits
) -> Matches:
    candidates: list[tuple[Rule, Bits]] = []
    union: Bits = 0
    for item in ready:
        own = mask if item.formula is None else mask & rows_of(item.formula, rows.of_text, rows.of_event)
        if own:
            candidates.append((item.rule, own))
            union |= own
    if not candidates:
        return Matches(MATCH_SCHEMA.empty_table())
    places = _places(union, rows.length)
    chosen = [(rule, np.searchsorted(places, _places(own, rows.length))) for rule, own in candidates]
    return _run(engine, kind, batch.take(pa.array(places)), chosen)


def _masks(engine: Engine, name: str, batch: pa.Table, views: Sequence[str]) -> dict[str, Bits]:
    """The rows that each view has."""
    channels = pc.utf8_lower(pc.fill_null(batch.column("Channel"), "")).combine_chunks().dictionary_encode()
    names = channels.dictionary.to_pylist()
    codes = np.asarray(channels.indices).astype(np.int64)
    events = np.asarray(pc.fill_null(batch.column("EventID"), -1).combine_chunks())
    pairs, which = np.unique(np.stack([codes, events]), axis=1, return_inverse=True)
    present = [(names[code], event) for code, event in pairs.T.tolist()]
    found: dict[str, Bits] = {}
    asking: dict[str, Bits] = {}
    for view in views:
        rows = windows_kind(view).view.rows
        fits = np.array([any(row.has(channel, event) for row in rows) for channel, event in present])
        found[view] = _bits(np.flatnonzero(fits[which.reshape(-1)]), batch.num_rows)
        if found[view] and any(row.where for row in rows):
            asking[view] = found[view]
    if asking:
        places = _places(functools.reduce(operator.or_, asking.values()), batch.num_rows)
        conditions = ", ".join(f"{view_condition(windows_kind(view))} AS v{at}" for at, view in enumerate(asking))
        engine.register(f"{name}_asked", batch.select(["Channel", "EventID", "Data"]).take(pa.array(places)))
        table = engine.query(f"SELECT {conditions} FROM {sql_name(f'{name}_asked')}")
        engine.unregister(f"{name}_asked")
        for view, column in zip(asking, table.columns, strict=True):
            flags = column.combine_chunks().to_numpy(zero_copy_only=False).astype(np.bool_)
            found[view] = _bits(places[flags], batch.num_rows)
    return found


def _bits(rows: npt.NDArray[np.int64], length: int) -> Bits:
    flags = np.zeros(length, dtype=np.bool_)
    flags[rows] = True
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _places(bits: Bits, length: int) -> npt.NDArray[np.int64]:
    packed = np.frombuffer(bits.to_bytes(-(-length // 8), "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(packed, count=length, bitorder="little"))


def _run(engine: Engine, kind: WindowsKind, rows: pa.Table, rules: Sequence[tuple[Rule, Places]]) -> Matches:
    """Each of *rules* on its places in *rows* (all of the view)."""
    number = next(_serial)
    given, prepared = f"windows_rows_{number}", f"windows_candidates_{number}"
    criteria = [rule.criterion for rule, _ in rules]
    shadows: tuple[Shadow, ...] = shadow_columns(criteria, kind)
    columns = raw_columns(criteria, kind)
    engine.register(given, rows.append_column(_PLACE, pa.array(range(rows.num_rows), pa.int64())))
    try:
        keys = by_lower_case(engine.query(keys_sql(sql_name(given))).column("name").to_pylist())
        relation = view_relation(sql_name(given), kind, columns, keys, of_view=True, also=[_PLACE])
        # Servers do the same all day: rows that are alike in all that the rules look at are judged once.
        listed = "".join(f"{sql_name(name)}, " for name in columns)
        alike = f"(SELECT {listed}list({sql_name(_PLACE)}) AS {sql_name(_ROWS)} FROM ({relation}) GROUP BY ALL)"
        looked_at = engine.query(with_shadows(alike, shadows, [*columns, _ROWS])).combine_chunks()
    finally:
        engine.unregister(given)
    places = looked_at.column(_ROWS).combine_chunks()
    group_of = np.empty(rows.num_rows, dtype=np.int64)
    group_of[np.asarray(places.flatten())] = np.asarray(pc.list_parent_indices(places))
    groups = looked_at.drop_columns([_ROWS]).append_column(_ROWS, pa.array(range(looked_at.num_rows), pa.int64()))
    engine.register(prepared, groups)
    try:
        return _each(engine, kind, groups, prepared, (rows, group_of), rules)
    finally:
        engine.unregister(prepared)


def _each(
    engine: Engine,
    kind: WindowsKind,
    groups: pa.Table,
    prepared: str,
    grouped: tuple[pa.Table, Places],
    rules: Sequence[tuple[Rule, Places]],
) -> Matches:
    """Each rule on those of *groups* that hold a candidate of it; *grouped*: the rows, and the group of each."""
    tables: list[pa.Table] = []
    failures: list[RuleFailure] = []
    rows, group_of = grouped
    for rule, places in rules:
        shadows = [shadow.name for shadow in shadow_columns([rule.criterion], kind)]
        condition = rule.condition_sql(kind.name, shadows)
        mine = np.unique(group_of[places])
        few = len(mine) * FEW < groups.num_rows
        table = f"{prepared}_few" if few else prepared
        if few:
            used = [_ROWS, *raw_columns([rule.criterion], kind), *shadows]
            engine.register(table, groups.select(used).take(pa.array(mine)))
        try:
            found = engine.query(f"SELECT {sql_name(_ROWS)} FROM {sql_name(table)} WHERE {condition}").column(0)
        except Exception as error:  # noqa: BLE001 - the engine's own errors are not known here
            failures.append(RuleFailure(rule.id, str(error)))
            continue
        if len(found):
            hit = np.zeros(groups.num_rows, dtype=np.bool_)
            hit[np.asarray(found)] = True
            events = rows.select(["source_id", "line"]).take(pa.array(np.flatnonzero(hit[group_of])))
            ids = pa.repeat(pa.scalar(rule.id), events.num_rows)
            tables.append(pa.table([ids, *events.columns], names=MATCH_SCHEMA.names).cast(MATCH_SCHEMA))
    engine.unregister(f"{prepared}_few")
    return Matches(pa.concat_tables(tables) if tables else MATCH_SCHEMA.empty_table(), tuple(failures))


def _searched(batch: pa.Table) -> pa.Array:
    """The texts in which literals are looked for: all that rules can see of an event."""
    parts = [pc.fill_null(batch.column(name), "") for name in ("Channel", "Provider_Name", "Message", "Data")]
    return pc.binary_join_element_wise(*parts, "\n").combine_chunks()
