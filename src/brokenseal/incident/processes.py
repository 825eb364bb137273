"""Process trees: what a matched event's process was started by, and what it started, from the logs of process creation.

Sysmon names each process by a GUID; Security's event 4688 by a number that is used again later, so its parent is the process
that took the number last before. Where both logs saw one start, it is one process with two lines of evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from weakref import WeakKeyDictionary, WeakSet

import pyarrow as pa

from brokenseal.detections.windows_kind import by_lower_case, keys_sql, view_relation, windows_kind
from brokenseal.detections.windows_logs import PREFIX
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_text, sql_texts
from brokenseal.incident.findings import Finding
from brokenseal.incident.matches import MATCHES
from brokenseal.incident.process_tree import COMMON_PARENTS, Place, Process, Row, linked
from brokenseal.parsers.windows_event import TABLE

#: A tree shows at most so many processes, and reaches so far up and down.
MOST_PROCESSES = 400
MOST_STEPS = 16
_COLUMNS = (
    *("image", "commandline", "processid", "processguid", "parentimage", "parentcommandline"),
    *("parentprocessid", "parentprocessguid", "user"),
)


def process_trees(store: EventStore, findings: Iterable[Finding]) -> list[Process]:
    """The processes around the events of *findings*, parents first. Needs the tables ``windows_matched`` and ``matches``."""
    rules = {finding.rule.id for finding in findings}
    if not rules or store.events(TABLE) is None:
        return []
    seeds = _seeds(store, rules)
    if not seeds:
        return []
    hosts = {row["host"] for row in seeds}
    _register_processes(store, hosts)
    rows = _around(store, seeds)
    return linked(rows, seeds)


#: Stores that have the table ``process_names``, and of which hosts ``processes`` is: to make them takes long.
_named: WeakSet[EventStore] = WeakSet()
_registered: WeakKeyDictionary[EventStore, frozenset[object]] = WeakKeyDictionary()


def _guid(name: str) -> str:
    return f"nullif(lower(trim({name}, '{{}}')), '')"


def _seeds(store: EventStore, rules: Iterable[str]) -> list[dict[str, object]]:
    """Matched events that name a process: host, its GUID, or the place of its own 4688, with the finding's key."""
    if store not in _named:
        pointers = ", ".join(sql_text(f"/{name}") for name in ("ProcessGuid", "SourceProcessGuid", "SourceProcessGUID"))
        store.engine.execute(
            "CREATE OR REPLACE TEMP TABLE process_names AS "
            f"SELECT source_id, line, EventID, {_guid('coalesce(guids[1], guids[2], guids[3])')} AS guid FROM "
            f"(SELECT source_id, line, EventID, json_extract_string(Data, [{pointers}]) AS guids FROM windows_matched) "
            "WHERE coalesce(guids[1], guids[2], guids[3]) IS NOT NULL OR EventID = 4688"
        )
        _named.add(store)
    found: list[dict[str, object]] = store.engine.query(
        "SELECT m.rule, m.host, coalesce(m.source_ip, '') AS source_ip, e.guid, m.source_id, m.line "
        f"FROM {MATCHES} m JOIN process_names e ON e.source_id = m.source_id AND e.line = m.line "
        f"WHERE m.kind = '{TABLE}' AND m.rule IN ({sql_texts(rules)}) AND m.host IS NOT NULL ORDER BY ALL"
    ).to_pylist()
    return found


def _register_processes(store: EventStore, hosts: Collection[object]) -> None:
    """Make the table ``processes``: every start of a process on *hosts*, or more hosts."""
    # Reading all starts takes long, and one intrusion after the other asks for them; a process is never of another host.
    if _registered.get(store, frozenset()).issuperset(hosts):
        return
    _registered[store] = frozenset(hosts)
    kind = windows_kind(f"{PREFIX}process_creation")
    events = store.events(TABLE)
    starts = f"(SELECT * FROM {events} WHERE EventID IN (1, 4688))"
    keys = by_lower_case(store.engine.query(keys_sql(starts)).column("name").to_pylist())
    relation = view_relation(starts, kind, _COLUMNS, keys, also=["offset", "EventRecordID"])
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE processes AS "
        'SELECT p.source_id, p.line, p."offset", p.EventRecordID AS record, r.rank, epoch_ms(p.time) AS time_ms, '
        "coalesce(n.spelling, p.host, s.source_host) AS of_host, "
        f"{_guid('processguid')} AS guid, {_guid('parentprocessguid')} AS parent_guid, "
        "processid AS pid, parentprocessid AS parent_pid, image, commandline, parentimage, parentcommandline, p.user "
        f"FROM ({relation}) p JOIN source_ranks r ON r.source_id = p.source_id "
        "LEFT JOIN source_hosts s ON s.source_id = p.source_id LEFT JOIN host_spellings n ON n.lowered = lower(p.host) "
        f"WHERE of_host IN ({sql_texts(str(host) for host in hosts)})"
    )


def _around(store: EventStore, seeds: Sequence[Row]) -> dict[Place, dict[str, object]]:
    """The starts of the seeds' processes, of their ancestors and their descendants, by place; bounded."""
    store.engine.register(
        "process_seeds",
        pa.table(
            {
                "host": pa.array([row["host"] for row in seeds], pa.string()),
                "guid": pa.array([row["guid"] for row in seeds], pa.string()),
                "source_id": pa.array([row["source_id"] for row in seeds], pa.int32()),
                "line": pa.array([row["line"] for row in seeds], pa.int64()),
            }
        ),
    )
    found = _by_place(
        store.engine.query(
            "SELECT p.* FROM processes p WHERE (of_host, guid) IN (SELECT (host, guid) FROM process_seeds) "
            "OR (source_id, line) IN (SELECT (source_id, line) FROM process_seeds) "
            f"ORDER BY time_ms, rank, line LIMIT {MOST_PROCESSES}"
        )
    )
    # What a seed started, then what started all of these; the other children of a common parent are nobody's business here.
    for query in (_children_sql(), _parents_sql()):
        frontier = {place: row for place, row in found.items() if query != _children_sql() or _ties(row)}
        for _ in range(MOST_STEPS):
            if not frontier or len(found) >= MOST_PROCESSES:
                break
            store.engine.register("frontier", pa.Table.from_pylist(list(frontier.values()), schema=_FRONTIER))
            reached = _by_place(store.engine.query(query + f" LIMIT {MOST_PROCESSES - len(found)}"))
            frontier = {place: row for place, row in reached.items() if place not in found}
            found |= frontier
    return found


def _ties(row: Row) -> bool:
    return str(row["image"] or "").replace("/", "\\").rsplit("\\", 1)[-1].lower() not in COMMON_PARENTS


_FRONTIER = pa.schema(
    [
        *[(name, pa.string()) for name in ("of_host", "guid", "parent_guid", "pid", "parent_pid")],
        *[("time_ms", pa.int64()), ("source_id", pa.int32()), ("line", pa.int64())],
    ]
)


def _parents_sql() -> str:
    by_guid = "SELECT p.* FROM processes p SEMI JOIN frontier f ON p.of_host = f.of_host AND p.guid = f.parent_guid"
    # A number is used again: the parent is the last that took it before the child started.
    by_number = (
        "SELECT p.* FROM frontier f JOIN processes p ON p.of_host = f.of_host AND p.pid = f.parent_pid "
        "WHERE f.parent_guid IS NULL AND p.guid IS NULL AND p.time_ms <= f.time_ms "
        "QUALIFY row_number() OVER (PARTITION BY f.source_id, f.line ORDER BY p.time_ms DESC, p.rank, p.line DESC) = 1"
    )
    return f"SELECT DISTINCT * FROM (({by_guid}) UNION ALL ({by_number})) ORDER BY time_ms, rank, line"


def _children_sql() -> str:
    by_guid = "SELECT p.* FROM processes p SEMI JOIN frontier f ON p.of_host = f.of_host AND p.parent_guid = f.guid"
    by_number = (
        "SELECT c.* FROM (SELECT * FROM processes WHERE guid IS NULL) c JOIN processes f "
        "ON f.of_host = c.of_host AND f.pid = c.parent_pid AND f.guid IS NULL AND f.time_ms <= c.time_ms "
        "WHERE (c.of_host, c.parent_pid) IN (SELECT (of_host, pid) FROM frontier WHERE guid IS NULL) "
        "QUALIFY row_number() OVER (PARTITION BY c.source_id, c.line ORDER BY f.time_ms DESC, f.rank, f.line DESC) = 1 "
        "AND (f.source_id, f.line) IN (SELECT (source_id, line) FROM frontier)"
    )
    return f"SELECT DISTINCT * FROM (({by_guid}) UNION ALL ({by_number})) ORDER BY time_ms, rank, line"


def _by_place(table: pa.Table) -> dict[Place, dict[str, object]]:
    return {(row["source_id"], row["line"]): row for row in table.to_pylist()}
