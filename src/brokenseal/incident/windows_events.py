"""Rules on Windows events: batches of the case's rows are judged side by side, and what matched is kept in a table."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait

import pyarrow as pa

from brokenseal.detections.matching import MATCH_SCHEMA, Matches, RuleFailure
from brokenseal.detections.script_blocks import IS_PART, SCRIPT_BLOCK_EVENT, joined_blocks_sql
from brokenseal.detections.windows_alike import AlikeRows
from brokenseal.detections.windows_kind import WindowsKind, by_lower_case, keys_sql, view_relation, windows_kind
from brokenseal.detections.windows_logs import PREFIX
from brokenseal.detections.windows_matching import BATCH_COLUMNS, WindowsRules
from brokenseal.events import EventStore
from brokenseal.events.engine import DuckEngine, Engine, sql_name
from brokenseal.incident.event_sql import hosted
from brokenseal.incident.knowledge import Knowledge
from brokenseal.parsers.windows_event import TABLE

#: Rows read at once.
BATCH_ROWS = 1 << 14
#: So much is judged at once: rows that differ, and what they take (bytes).
MOST_ROWS, MOST_BYTES = 1 << 16, 48 << 20
#: Rows of the case that are waiting, however alike they are: who they are is kept.
_MOST_WAITING = 1 << 22
#: Events that a rule matched, with all their columns.
MATCHED = "windows_matched"

_WORKER_MIB = 256


def match_windows_events(store: EventStore, rules: WindowsRules, jobs: int) -> Matches:
    """The keys of all matches; makes the table :data:`MATCHED`. Needs the table ``source_ranks``."""
    events = store.events(TABLE)
    if events is None:
        return Matches(MATCH_SCHEMA.empty_table())
    tables: list[pa.Table] = [MATCH_SCHEMA.empty_table()]
    failures: dict[str, RuleFailure] = {}
    for found in _judged(store, rules, events, jobs):
        tables.append(found.table)
        failures |= {failure.rule: failure for failure in found.failures}
    keys = pa.concat_tables(tables).sort_by([(name, "ascending") for name in MATCH_SCHEMA.names])
    store.engine.register("windows_keys", keys)
    store.engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {MATCHED} AS SELECT e.* FROM {events} e "
        "SEMI JOIN windows_keys k ON k.source_id = e.source_id AND k.line = e.line"
    )
    store.engine.unregister("windows_keys")
    return Matches(keys, tuple(failures[rule] for rule in sorted(failures)))


def _judged(store: EventStore, rules: WindowsRules, events: str, jobs: int) -> Iterator[Matches]:
    """The matches of each part, as they come."""
    engines = threading.local()

    def own_engine() -> Engine:
        if not hasattr(engines, "own"):
            engines.own = DuckEngine(threads=1, memory_limit_mib=_WORKER_MIB)
        engine: Engine = engines.own
        return engine

    def judge(rows: AlikeRows) -> Matches:
        return rules.match_alike(own_engine(), rows)

    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="judge") as pool:
        running: set[Future[Matches]] = set()
        last: AlikeRows | None = None
        for part in _gathered(rules, _alike(rules, _batches(store, events), pool, jobs)):
            if last is not None:
                running.add(pool.submit(judge, last))
            last = part
            if len(running) > jobs:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        if last is not None:
            # Mostly the only one: its rules are judged side by side.
            yield rules.match_alike(
                own_engine(), last, lambda work, parts: pool.map(lambda part: work(own_engine(), part), parts)
            )
        yield from (future.result() for future in running)


def _alike(rules: WindowsRules, batches: Iterable[pa.Table], pool: Executor, ahead: int) -> Iterator[AlikeRows]:
    """The rows of each batch, those that are alike as one, in the order of the batches; so many are made at once."""
    coming: deque[Future[AlikeRows]] = deque()
    for batch in batches:
        coming.append(pool.submit(rules.alike, batch))
        if len(coming) > ahead:
            yield coming.popleft().result()
    yield from (future.result() for future in coming)


def _gathered(rules: WindowsRules, batches: Iterable[AlikeRows]) -> Iterator[AlikeRows]:
    """Several batches as one, until there is enough to judge."""
    waiting: list[AlikeRows] = []
    for batch in batches:
        waiting.append(batch)
        if _enough(waiting):
            # Together they may be much less.
            waiting = [rules.joined(waiting)] if len(waiting) > 1 else waiting
            if _enough(waiting):
                yield waiting.pop()
    if waiting:
        yield rules.joined(waiting)


def _enough(waiting: Iterable[AlikeRows]) -> bool:
    # Half is enough: what was joined once would be joined again with each batch that follows.
    return (
        sum(part.table.num_rows for part in waiting) > MOST_ROWS // 2
        or sum(part.table.nbytes for part in waiting) > MOST_BYTES // 2
        or sum(len(part.of) for part in waiting) > _MOST_WAITING
    )


def _batches(store: EventStore, events: str) -> Iterator[pa.Table]:
    columns = ", ".join(sql_name(name) for name in BATCH_COLUMNS)
    # Looking for parts means reading what an event says, which the engine would do of all events, not of these only.
    blocks = f"(SELECT * FROM {events} WHERE EventID = {SCRIPT_BLOCK_EVENT})"
    others = f"SELECT {columns} FROM {events} WHERE EventID IS DISTINCT FROM {SCRIPT_BLOCK_EVENT}"
    yield from store.engine.batches(others, BATCH_ROWS)
    if not store.engine.query(f"SELECT count(*) FROM {blocks}").column(0)[0].as_py():
        return
    yield from store.engine.batches(f"SELECT {columns} FROM {blocks} WHERE NOT {IS_PART}", BATCH_ROWS)
    store.engine.execute(f"CREATE OR REPLACE TABLE joined_blocks AS {joined_blocks_sql(blocks)}")
    yield from store.engine.batches(f"SELECT {columns} FROM joined_blocks", BATCH_ROWS)
    store.engine.execute("DROP TABLE joined_blocks")


def correlated_relations(store: EventStore, knowledge: Knowledge) -> dict[str, str]:
    """For each view that correlations use: a relation over the matched events, with the fields the correlations ask for.

    Needs the tables :data:`MATCHED`, ``source_hosts`` and ``host_spellings``.
    """
    wanted: dict[str, set[str]] = {}
    for correlation in knowledge.rule_set.correlations:
        for reference in correlation.uses:
            for kind in reference.kinds:
                if kind.startswith(PREFIX):
                    asked = (*correlation.group_by, *correlation.counted)
                    named = [correlation.field_of(name, reference.rule) for name in asked]
                    wanted.setdefault(kind, set()).update(name for name in named if name is not None)
    if not wanted:
        return {}
    keys = by_lower_case(store.engine.query(keys_sql(MATCHED)).column("name").to_pylist())
    return {
        kind: f"({view_relation(hosted(MATCHED), windows_kind(kind), _columns(windows_kind(kind), names), keys)})"
        for kind, names in sorted(wanted.items())
    }


def _columns(kind: WindowsKind, names: set[str]) -> list[str]:
    fields = (kind.field(name) for name in sorted(names))
    return sorted({column for field in fields if field is not None for column in field.columns})
