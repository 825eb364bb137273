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
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.criteria import field_names
from brokenseal.detections.literal_formula import Formula, necessary_formula, rows_of, texts_of
from brokenseal.detections.literal_hits import LiteralHits, hits_in_values
from brokenseal.detections.matching import MATCH_SCHEMA, Matches, RuleFailure
from brokenseal.detections.rules import Rule
from brokenseal.detections.shadows import with_shadows
from brokenseal.detections.windows_alike import AlikeRows, alike_rows, joined
from brokenseal.detections.windows_judging import ROWS, Candidates, Outcome, ReadyRule, Run, in_turn, judged
from brokenseal.detections.windows_kind import (
    WindowsKind,
    by_lower_case,
    header_columns,
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

#: All rows are chosen by them, and texts are looked for in them.
_ALWAYS = frozenset(["Channel", "Provider_Name", "EventID", "Message", "Data"])
#: Column of a row's place among those in hand; no field's column has such a name (with '#').
_PLACE = "#place"

_serial = itertools.count(1)


class WindowsRules:
    """Rules made ready for batches of Windows events. May be used by several threads, each with an engine of its own.

    ``formulas``, ``looked_at`` and ``search``: those of an object made before from the same rules, to save making them.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        formulas: Mapping[tuple[str, str], Formula | None] | None = None,
        looked_at: frozenset[str] | None = None,
        search: bytes | None = None,
    ) -> None:
        views: dict[str, list[ReadyRule]] = defaultdict(list)
        self.formulas: dict[tuple[str, str], Formula | None] = {}
        for rule in rules:
            for kind in rule.kinds:
                if kind.startswith(PREFIX):
                    key = rule.id, kind
                    formula = formulas[key] if formulas else necessary_formula(rule.criterion, windows_kind(kind))
                    self.formulas[key] = formula
                    views[kind].append(ReadyRule(rule, windows_kind(kind), formula))
        self._views = {name: sorted(ready, key=lambda item: item.rule.id) for name, ready in sorted(views.items())}
        texts = {text for formula in self.formulas.values() for text in texts_of(formula)}
        self.hits = LiteralHits(texts, serialised=search)
        #: The columns of events that some rule looks at.
        self.looked_at = _ALWAYS.union(_headers(views) if looked_at is None else looked_at)

    def alike(self, batch: pa.Table) -> AlikeRows:
        """The rows of *batch* (``BATCH_COLUMNS``), of those that are alike for all rules one."""
        return alike_rows(batch, self.looked_at)

    def joined(self, parts: Sequence[AlikeRows]) -> AlikeRows:
        """What ``alike`` gave for several batches, as one."""
        return joined(parts, self.looked_at)

    def match(self, engine: Engine, batch: pa.Table) -> Matches:
        """The matches of all rules in *batch* (``BATCH_COLUMNS``), unsorted."""
        return self.match_alike(engine, self.alike(batch))

    def match_alike(self, engine: Engine, alike: AlikeRows, run: Run | None = None) -> Matches:
        """The matches of all rules, unsorted. ``run`` judges side by side what is done in turn without it."""
        run = run or in_turn(engine)
        batch = alike.table
        if not batch.num_rows or not self._views:
            return Matches(MATCH_SCHEMA.empty_table())
        number = next(_serial)
        masks = _masks(engine, f"windows_batch_{number}", batch, list(self._views))
        rows = _Rows(batch, self.hits)
        tables: list[pa.Table] = [MATCH_SCHEMA.empty_table()]
        failures: list[RuleFailure] = []
        for name, ready in self._views.items():
            if not masks[name]:
                continue
            for item, outcome in _match_view(engine, windows_kind(name), ready, batch, rows, masks[name], run):
                if isinstance(outcome, Exception):
                    failures.append(RuleFailure(item.rule.id, str(outcome)))
                elif len(outcome):
                    events = alike.members.take(pa.array(alike.matched(outcome)))
                    ids = pa.repeat(pa.scalar(item.rule.id), events.num_rows)
                    tables.append(pa.table([ids, *events.columns], names=MATCH_SCHEMA.names).cast(MATCH_SCHEMA))
        return Matches(pa.concat_tables(tables), tuple(failures))


def _headers(views: Mapping[str, Sequence[ReadyRule]]) -> frozenset[str]:
    ready = itertools.chain.from_iterable(views.values())
    return header_columns(itertools.chain.from_iterable(field_names(item.rule.criterion) for item in ready))


class _Rows:
    """Which rows of a batch hold a text or have an event id."""

    def __init__(self, batch: pa.Table, hits: LiteralHits) -> None:
        self._numbers = hits.numbers
        searched = _searched(batch)
        found, rows = hits_in_values(hits, searched) if hits.unquoted else hits.find(searched)
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
    engine: Engine,
    kind: WindowsKind,
    ready: Sequence[ReadyRule],
    batch: pa.Table,
    rows: _Rows,
    mask: Bits,
    run: Run,
) -> Iterator[tuple[ReadyRule, Outcome]]:
    """Each rule that has candidates, with the rows that it is true of."""
    candidates: list[tuple[ReadyRule, Bits]] = []
    union: Bits = 0
    for item in ready:
        own = mask if item.formula is None else mask & rows_of(item.formula, rows.of_text, rows.of_event)
        if own:
            candidates.append((item, own))
            union |= own
    if not candidates:
        return
    places = _places(union, rows.length)
    chosen = [(item, np.searchsorted(places, _places(own, rows.length))) for item, own in candidates]
    for item, outcome in _judged(engine, kind, batch.take(pa.array(places)), chosen, run):
        yield item, outcome if isinstance(outcome, Exception) else places[outcome]


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


def _judged(
    engine: Engine, kind: WindowsKind, rows: pa.Table, rules: Sequence[Candidates], run: Run
) -> Iterator[tuple[ReadyRule, Outcome]]:
    """Each of *rules* on its places in *rows* (all of the view): those that it is true of."""
    number = next(_serial)
    given, prepared = f"windows_rows_{number}", f"windows_candidates_{number}"
    made = {shadow.name: shadow for item, _ in rules for shadow in item.shadows}
    shadows = [made[name] for name in sorted(made)]
    columns = sorted({column for item, _ in rules for column in item.columns})
    engine.register(given, rows.append_column(_PLACE, pa.array(range(rows.num_rows), pa.int64())))
    try:
        keys = by_lower_case(engine.query(keys_sql(sql_name(given))).column("name").to_pylist())
        relation = view_relation(sql_name(given), kind, columns, keys, of_view=True, also=[_PLACE])
        # What differs may be in fields that no rule looks at.
        listed = "".join(f"{sql_name(name)}, " for name in columns)
        alike = f"(SELECT {listed}list({sql_name(_PLACE)}) AS {sql_name(ROWS)} FROM ({relation}) GROUP BY ALL)"
        looked_at = engine.query(with_shadows(alike, shadows, [*columns, ROWS])).combine_chunks()
    finally:
        engine.unregister(given)
    places = looked_at.column(ROWS).combine_chunks()
    group_of = np.empty(rows.num_rows, dtype=np.int64)
    group_of[np.asarray(places.flatten())] = np.asarray(pc.list_parent_indices(places))
    groups = looked_at.drop_columns([ROWS]).append_column(ROWS, pa.array(range(looked_at.num_rows), pa.int64()))
    for item, outcome in judged(prepared, groups, [(item, np.unique(group_of[own])) for item, own in rules], run):
        if isinstance(outcome, Exception):
            yield item, outcome
        else:
            hit = np.zeros(groups.num_rows, dtype=np.bool_)
            hit[outcome] = True
            yield item, np.flatnonzero(hit[group_of])


def _searched(batch: pa.Table) -> pa.Array:
    """The texts in which literals are looked for: all that rules can see of an event."""
    parts = [pc.fill_null(batch.column(name), "") for name in ("Channel", "Provider_Name", "Message", "Data")]
    return pc.binary_join_element_wise(*parts, "\n").combine_chunks()
