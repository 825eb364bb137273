"""Starts of processes linked to trees: whose child each is, which two lines tell of one start, what a tree ties together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brokenseal.incident.findings import Key, Line

#: A longer command line is cut; the whole stands in the evidence.
TEXT_LETTERS = 4000
#: Two logs write the same start within so many milliseconds.
TWIN_MS = 2_000

#: Parents of nearly everything: they tie nothing together.
COMMON_PARENTS = frozenset(
    [
        *("system", "registry", "smss.exe", "csrss.exe", "wininit.exe", "winlogon.exe", "services.exe", "svchost.exe"),
        *("userinit.exe", "explorer.exe", "taskeng.exe", "taskhostw.exe", "wmiprvse.exe", "lsass.exe"),
    ]
)

Place = tuple[int, int]
Row = Mapping[str, object]


@dataclass(slots=True)
class Process:
    """One process of one host. Texts as logged; ``time_ms`` (since 1970 UTC) and ``lines`` are missing where its start was
    not logged and only its child names it. ``findings``: keys of those whose events it made. ``id`` is P1, P2 ... by time.
    """

    host: str
    time_ms: int | None
    image: str | None
    command_line: str | None
    pid: str | None
    user: str | None
    lines: list[Line] = field(default_factory=list)
    parent: Process | None = None
    findings: set[Key] = field(default_factory=set)
    id: str = ""

    @property
    def name(self) -> str:
        """The program's file name, lower case."""
        return (self.image or "").replace("/", "\\").rsplit("\\", 1)[-1].lower()


def linked(rows: Mapping[Place, Row], seeds: Sequence[Row]) -> list[Process]:
    """The processes of *rows* (starts, by place), parents first; *seeds* say which made the events of a finding."""
    ordered = sorted(rows.values(), key=lambda row: (row["time_ms"], row["guid"] is None, row["rank"], row["line"]))
    nodes: dict[Place, Process] = {}
    by_guid: dict[tuple[object, object], Process] = {}
    by_pid: dict[tuple[object, object], list[Process]] = defaultdict(list)
    for row in ordered:
        line = Line(
            _number(row["source_id"]),
            _number(row["line"]),
            _number(row["offset"]),
            _number(row["time_ms"]),
            _number(row["record"]) if row["record"] is not None else None,
        )
        node = _twin(row, by_pid)
        if node is None:
            node = Process(
                str(row["of_host"]),
                line.time_ms,
                _text(row["image"]),
                _text(row["commandline"]),
                _text(row["pid"]),
                _text(row["user"]),
            )
            by_pid[row["of_host"], row["pid"]].append(node)
        node.command_line = node.command_line or _text(row["commandline"])
        node.lines.append(line)
        nodes[line.source_id, line.line] = node
        if row["guid"] is not None:
            by_guid.setdefault((row["of_host"], row["guid"]), node)
    unseen: dict[tuple[object, object], Process] = {}
    for row in ordered:
        node = nodes[_number(row["source_id"]), _number(row["line"])]
        if node.parent is None:
            node.parent = _parent(row, node, by_guid, by_pid, unseen)
    for seed in seeds:
        key = (str(seed["rule"]), str(seed["host"]), str(seed["source_ip"]))
        place = (_number(seed["source_id"]), _number(seed["line"]))
        made_by = nodes.get(place) or by_guid.get((seed["host"], seed["guid"]))
        if made_by is not None:
            made_by.findings.add(key)
    processes = [*unseen.values(), *{id(node): node for node in nodes.values()}.values()]
    return _in_order(processes)


def _twin(row: Row, by_pid: Mapping[tuple[object, object], Sequence[Process]]) -> Process | None:
    """The process whose start another log (or copy) told already."""
    name = str(row["image"] or "").lower()
    for node in by_pid.get((row["of_host"], row["pid"]), ()):
        same = node.time_ms is not None and (node.image or "").lower() == name
        if same and node.time_ms is not None and abs(node.time_ms - _number(row["time_ms"])) <= TWIN_MS:
            return node
    return None


def _parent(
    row: Row,
    node: Process,
    by_guid: Mapping[tuple[object, object], Process],
    by_pid: Mapping[tuple[object, object], Sequence[Process]],
    unseen: dict[tuple[object, object], Process],
) -> Process | None:
    found = by_guid.get((row["of_host"], row["parent_guid"])) if row["parent_guid"] is not None else None
    if found is None and row["guid"] is None:
        started = [
            other
            for other in by_pid.get((row["of_host"], row["parent_pid"]), ())
            if other is not node and other.time_ms is not None and other.time_ms <= _number(row["time_ms"])
        ]
        found = started[-1] if started else None
    if found is None and row["parentimage"] is not None:
        key = (row["of_host"], row["parent_guid"] or (row["parent_pid"], row["parentimage"]))
        found = unseen.get(key)
        if found is None:
            found = unseen[key] = Process(
                node.host,
                None,
                _text(row["parentimage"]),
                _text(row["parentcommandline"]),
                _text(row["parent_pid"]),
                None,
            )
    return found if found is not node else None


def _in_order(processes: list[Process]) -> list[Process]:
    """Parents before children, by time, numbered P1, P2 ... so; loops, which damaged logs can make, are cut."""
    for process in processes:
        seen = {id(process)}
        at = process
        while at.parent is not None:
            if id(at.parent) in seen:
                at.parent = None
                break
            seen.add(id(at.parent))
            at = at.parent
    children: dict[int, list[Process]] = defaultdict(list)
    for process in processes:
        children[id(process.parent) if process.parent is not None else 0].append(process)

    def order(process: Process) -> tuple[int, str, str, str]:
        times = [line.time_ms for line in process.lines] or [
            line.time_ms for child in children[id(process)] for line in child.lines
        ]
        return min(times, default=0), process.host, process.image or "", process.pid or ""

    listed: list[Process] = []
    pending = sorted(children[0], key=order, reverse=True)
    while pending:
        process = pending.pop()
        listed.append(process)
        pending += sorted(children[id(process)], key=order, reverse=True)
    for number, process in enumerate(listed, start=1):
        process.id = f"P{number}"
    return listed


def tied_findings(processes: Iterable[Process]) -> list[set[Key]]:
    """Sets of findings that one tree of processes ties together; the parents of nearly everything tie nothing."""
    groups: dict[int, set[Key]] = defaultdict(set)
    for process in processes:
        top = process
        while top.parent is not None and top.parent.name not in COMMON_PARENTS:
            top = top.parent
        groups[id(top)] |= process.findings
    return [found for found in groups.values() if len(found) > 1]


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:TEXT_LETTERS]


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
