"""The timeline's index: one row an event, in the order of time, in a file of its own under the case's ``review/``.

    event(ms, source_id, line, kind, host, ip, account, mailbox, text, more, told)   by ms, source_id, line
    span(first_ms, events)                               stretches of time of about as many events
    hour(hour, kind, host, events)
    entity(type, value, events, first_ms, last_ms)
    told(told, finding), told_span(told, span, events)   see :mod:`brokenseal.review.event_findings`

It can be deleted at any time: it is made again from the case's parts and the scan's result. ``ms`` is milliseconds since
1970 UTC, ``hour`` hours. ``more``: what is searched beside ``text``; ``told``: of which findings the event is, or null.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pyarrow as pa

from brokenseal import __version__
from brokenseal.errors import CaseError
from brokenseal.events import DuckEngine, EventStore
from brokenseal.events.engine import sql_text
from brokenseal.incident.event_sql import HOST, HOST_JOIN
from brokenseal.incident.hosts import Hosts
from brokenseal.incident.kept_results import KeptResult
from brokenseal.report.shape import IncidentDocument
from brokenseal.report.withheld_lines import names_subjects
from brokenseal.review.event_columns import columns_of, shown_kinds
from brokenseal.review.event_findings import TOLD_OF, EventFindings, count_told, register_told
from brokenseal.review.opened_case import OpenedCase
from brokenseal.review.text_blocks import Bits, read_blocks, write_blocks

FOLDER = "review"
#: Name under which the index is attached to the engine.
ATTACHED = "timeline"
EVENT, SPAN, HOUR, ENTITY, TOLD_SPAN = (
    f"{ATTACHED}.{table}" for table in ("event", "span", "hour", "entity", "told_span")
)

#: Events of one stretch of time, and of one group of rows in the file: the least that is read for a page.
SPAN_EVENTS = 1 << 14
_MEMORY_MIB = 768
_LAYOUT = 6
#: Rows whose texts are in memory at once.
_TEXT_ROWS = 2048


def open_index(
    case: OpenedCase, result: KeptResult, *, threads: int, building: Callable[[], None] = lambda: None
) -> tuple[DuckEngine, Bits, EventFindings]:
    """An engine with the index attached to read, the bits of its texts (see :mod:`brokenseal.review.text_blocks`), and the
    findings of its events.

    It is built first where it is missing or of another state of the case or its *result*.

    ``building`` is called before that work begins.
    Raises ``CaseError`` if nothing can be written in the case directory.
    """
    folder = case.directory / FOLDER
    file = folder / f"timeline-{_fingerprint(case, result)[:16]}.duckdb"
    blocks = file.with_suffix(".npy")
    if not (file.exists() and blocks.exists()):
        building()
        try:
            folder.mkdir(exist_ok=True)
            _build(case, result, file, threads)
        except OSError as error:
            raise CaseError(f"cannot write in {folder}: {error.strerror}") from error
    engine = DuckEngine(threads=threads, memory_limit_mib=_MEMORY_MIB, spill=folder / "spill")
    engine.execute(f"ATTACH {sql_text(file.as_posix())} AS {ATTACHED} (READ_ONLY)")
    return engine, read_blocks(blocks), EventFindings(engine, ATTACHED, whole=result.matches is not None)


def _fingerprint(case: OpenedCase, result: KeptResult) -> str:
    journal = case.journal_path.read_bytes() if case.journal_path.exists() else b""
    made_of = (__version__, str(_LAYOUT), result.document_sha256, str(result.matches_sha256))
    return hashlib.sha256(b"\0".join([*(part.encode() for part in made_of), journal])).hexdigest()


def _build(case: OpenedCase, result: KeptResult, file: Path, threads: int) -> None:
    for old in file.parent.glob("timeline-*"):
        with suppress(OSError):  # another review may have it open, on Windows
            old.unlink()
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    store = EventStore(case, threads=1)
    try:
        with DuckEngine(threads=threads, memory_limit_mib=_MEMORY_MIB, spill=file.parent / "spill") as engine:
            engine.execute(f"ATTACH {sql_text(unfinished.as_posix())} AS {ATTACHED} (ROW_GROUP_SIZE {SPAN_EVENTS})")
            _register_hosts(engine, store)
            document = cast("IncidentDocument", result.document)
            register_told(engine, ATTACHED, store.sources.values(), document, result.matches)
            _fill(engine, store, subjects=names_subjects(document))
            write_blocks(file.with_suffix(".npy"), _texts(engine))
            engine.execute(f"DETACH {ATTACHED}")
        unfinished.replace(file)
    finally:
        store.close()
        unfinished.unlink(missing_ok=True)


def _register_hosts(engine: DuckEngine, store: EventStore) -> None:
    hosts = Hosts(store.sources.values())
    of = {source: hosts.of[source].host for source in store.sources}
    spellings = hosts.spellings()
    engine.register(
        "source_hosts",
        pa.table(
            {"source_id": pa.array(list(of), pa.int32()), "source_host": pa.array(list(of.values()), pa.string())}
        ),
    )
    engine.register(
        "host_spellings",
        pa.table(
            {
                "lowered": pa.array(list(spellings), pa.string()),
                "spelling": pa.array(list(spellings.values()), pa.string()),
            }
        ),
    )


def _fill(engine: DuckEngine, store: EventStore, *, subjects: bool) -> None:
    selects = []
    for kind in shown_kinds():
        relation = store.events(kind)
        if relation is not None:
            selects.append(_select(kind, relation, subjects=subjects))
    engine.execute(
        f"CREATE TABLE {EVENT} (ms BIGINT, source_id INTEGER, line BIGINT, kind VARCHAR, host VARCHAR, ip VARCHAR, "
        "account VARCHAR, mailbox VARCHAR, text VARCHAR, more VARCHAR, told INTEGER)"
    )
    if selects:
        engine.execute(f"INSERT INTO {EVENT} {' UNION ALL '.join(selects)} ORDER BY ms, source_id, line")
    engine.execute(
        f"CREATE TABLE {HOUR} AS SELECT ms // 3600000 AS hour, kind, host, count(*) AS events FROM {EVENT} "
        "GROUP BY ALL ORDER BY ALL"
    )
    engine.execute(
        f"CREATE TABLE {SPAN} AS WITH minute AS (SELECT ms // 60000 AS minute, count(*) AS events FROM {EVENT} "
        "GROUP BY ALL), numbered AS (SELECT minute, events, "
        f"(sum(events) OVER (ORDER BY minute) - events) // {SPAN_EVENTS} AS number FROM minute) "
        "SELECT min(minute) * 60000 AS first_ms, sum(events)::BIGINT AS events FROM numbered GROUP BY number "
        "ORDER BY first_ms"
    )
    count_told(engine, ATTACHED)
    entities = " UNION ALL ".join(
        f"SELECT '{column}' AS type, {column} AS value, count(*) AS events, min(ms) AS first_ms, max(ms) AS last_ms "
        f"FROM {EVENT} WHERE {column} IS NOT NULL GROUP BY value"
        for column in ("ip", "account", "mailbox")
    )
    engine.execute(f"CREATE TABLE {ENTITY} AS SELECT * FROM ({entities}) ORDER BY type, events DESC, value")


def _texts(engine: DuckEngine) -> Iterator[Iterator[pa.Table]]:
    starts = [row["first_ms"] for row in engine.query(f"SELECT first_ms FROM {SPAN} ORDER BY first_ms").to_pylist()]
    for start, end in zip(starts, [*starts[1:], None][: len(starts)], strict=True):
        here = f"FROM {EVENT} WHERE ms >= {start}" + ("" if end is None else f" AND ms < {end}")
        texts = f"SELECT lower(text) {here} UNION ALL SELECT lower(more) {here} AND more IS NOT NULL"
        yield engine.batches(texts, _TEXT_ROWS)


def _select(kind: str, relation: str, *, subjects: bool) -> str:
    columns = columns_of(kind, subjects=subjects)
    return (
        f"SELECT epoch_ms(e.time) AS ms, e.source_id, e.line, {sql_text(kind)} AS kind, "
        f"{HOST} AS host, {columns.ip_sql} AS ip, {columns.account_sql} AS account, {columns.mailbox_sql} AS mailbox, "
        f"{columns.text_sql} AS text, {columns.more_sql} AS more, t.told "
        f"FROM {relation} e {HOST_JOIN} LEFT JOIN {TOLD_OF} t ON t.source_id = e.source_id AND t.line = e.line "
        "WHERE e.time IS NOT NULL"
    )
