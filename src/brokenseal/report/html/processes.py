"""What ran on the servers: the trees of processes, as lists in lists.

Of each tree the branches with findings that prove something are open; brothers without any are behind one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from brokenseal.report.html.context import Context
from brokenseal.report.html.raw import Raw
from brokenseal.report.html.shown import LONGEST, LONGEST_NAME, shown
from brokenseal.report.processes import parents_of
from brokenseal.report.shape import IncidentDocument, Process

_PROCESSES, _INTRUSIONS, _HOSTS = 500, 10, 20
_DEEPEST = 10
_NOTHING = Markup("")


@dataclass(slots=True)
class Node:
    """``told``: it has a finding that proves something. ``quiet``: children of which none below has.

    ``level`` is empty unless it stands deeper than is drawn.
    """

    anchor: str
    name: Markup
    time: Markup
    program: Markup
    pid: Markup
    user: Markup
    command: Markup
    findings: Markup
    where: Markup
    raw: Raw | None
    level: Markup
    told: bool = False
    children: list[Node] = field(default_factory=list)
    quiet: list[Node] = field(default_factory=list)
    quiet_title: Markup = _NOTHING


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes of one intrusion on one server; ``quiet``: trees without a finding that proves something."""

    title: Markup
    roots: Sequence[Node]
    quiet: Sequence[Node]
    quiet_title: Markup


@dataclass(frozen=True, slots=True)
class Trees:
    trees: Sequence[Tree]
    more: Markup


def view(context: Context) -> Trees | None:
    """``None`` where no log of started processes belongs to an intrusion."""
    texts = context.texts
    intrusions = [one for one in context.document["intrusions"] if one["processes"]]
    total = sum(len(one["processes"]) for one in intrusions)
    if not total:
        return None
    chosen = _all_chosen(context.document)
    trees = [tree for number, places in chosen.items() for tree in _trees(context, number, places)]
    told = sum(map(len, chosen.values()))
    more = texts.count("processes.more", total - told) if told < total else Markup("")
    return Trees(trees, more)


def process_anchors(document: IncidentDocument) -> dict[tuple[int, str], str]:
    """The anchors of the processes that the page shows, by the place of their intrusion and their own id."""
    anchors: dict[tuple[int, str], str] = {}
    for number, places in _all_chosen(document).items():
        for place in places:
            anchors.setdefault(
                (number, document["intrusions"][number]["processes"][place]["id"]), _anchor(number, place)
            )
    return anchors


def _anchor(number: int, place: int) -> str:
    return f"process-{number + 1}-{place + 1}"


def _all_chosen(document: IncidentDocument) -> dict[int, list[int]]:
    """By the place of the intrusion, the places of its processes that are shown."""
    room = _PROCESSES
    chosen: dict[int, list[int]] = {}
    for number, intrusion in enumerate(document["intrusions"]):
        if intrusion["processes"] and len(chosen) < _INTRUSIONS:
            chosen[number] = _chosen(intrusion["processes"], room)
            room -= len(chosen[number])
    return chosen


def _chosen(processes: Sequence[Process], room: int) -> list[int]:
    """As many as there is room for, never one without its parents: those with findings, what these started, others."""
    parents = parents_of(processes)
    below: set[int | None] = set()
    for place, process in enumerate(processes):
        if process["findings"] or (parents[place] is not None and parents[place] in below):
            below.add(place)
    chosen: set[int] = set()
    for place in sorted(
        range(len(processes)), key=lambda place: (not processes[place]["findings"], place not in below, place)
    ):
        chain: set[int] = set()
        at: int | None = place
        while at is not None and at not in chosen and len(chain) <= room:
            chain.add(at)
            at = parents[at]
        if len(chosen) + len(chain) <= room:
            chosen |= chain
    return sorted(chosen)


def _trees(context: Context, number: int, chosen: Sequence[int]) -> list[Tree]:
    texts, intrusion = context.texts, context.document["intrusions"][number]
    processes = intrusion["processes"]
    parents = parents_of(processes)
    shown_here = set(chosen)
    proving = _proving(context, [process for place, process in enumerate(processes) if place in shown_here])
    telling: set[int] = set()  # with a proving finding, or with one below
    for place in reversed(chosen):
        if place in telling or not proving.isdisjoint(processes[place]["findings"]):
            telling.add(place)
            above = parents[place]
            if above is not None:
                telling.add(above)
    hosts: dict[str, list[Node]] = {}
    nodes: dict[int, tuple[Node, int]] = {}
    quiet_roots: dict[str, list[Node]] = {}
    for place in chosen:
        process, above = processes[place], parents[place]
        holder, depth = nodes[above] if above is not None and above in nodes else (None, -1)
        parent = processes[above] if above is not None else None
        told = not proving.isdisjoint(process["findings"])
        node = _node(context, process, parent, _anchor(number, place), depth + 1, told=told)
        if holder is None:
            (hosts if place in telling else quiet_roots).setdefault(process["host"], []).append(node)
        else:
            # Below what is folded away nothing is folded once more.
            (holder.children if place in telling or above not in telling else holder.quiet).append(node)
        # Deeper than is drawn, a process stands beside its parent and says how deep it is.
        nodes[place] = (node, depth + 1) if depth + 1 < _DEEPEST else (holder or node, depth + 1)
    for node, _ in nodes.values():
        node.quiet_title = texts.count("processes.quiet", _size(node.quiet)) if node.quiet else Markup("")
    trees = []
    for host in list(dict.fromkeys([*hosts, *quiet_roots]))[:_HOSTS]:
        title = texts.say("processes.of", id=shown(intrusion["id"], LONGEST_NAME), host=shown(host, LONGEST_NAME))
        quiet = quiet_roots.get(host, [])
        trees.append(Tree(title, hosts.get(host, []), quiet, texts.count("processes.quiet", _size(quiet))))
    return trees


def _proving(context: Context, processes: Sequence[Process]) -> set[str]:
    """Ids of the findings of these processes that prove something; of all, where none does."""
    ids = {identity for process in processes for identity in process["findings"]}
    graded = {one["id"] for one in context.document["findings"] if one["outcome"] in ("succeeded", "attempted")}
    return ids & graded or ids


def _size(nodes: Sequence[Node]) -> int:
    count, pending = 0, list(nodes)
    while pending:
        node = pending.pop()
        count += 1
        pending += [*node.children, *node.quiet]
    return count


def _node(context: Context, process: Process, parent: Process | None, anchor: str, depth: int, *, told: bool) -> Node:
    texts = context.texts
    user = process["user"]
    new_user = user and (parent is None or user.casefold() != (parent["user"] or "").casefold())
    where = context.places(process["evidence"][:1]) if told else []
    return Node(
        anchor=anchor,
        name=shown(process["id"], 20),
        time=texts.moment(process["time"]) if process["time"] else texts.say("processes.no_time"),
        program=_program(context, process["image"]),
        pid=texts.say("processes.pid", pid=shown(process["pid"], 20)) if process["pid"] else Markup(""),
        user=texts.say("processes.user", user=shown(user, LONGEST_NAME)) if new_user else Markup(""),
        command=shown(process["command_line"], LONGEST),
        findings=context.finding_list(process["findings"]),
        where=texts.say("processes.where", file=where[0].file, place=where[0].places[0].where) if where else Markup(""),
        raw=where[0].places[0].raw if where else None,
        level=texts.say("processes.level", n=str(depth + 1)) if depth >= _DEEPEST else Markup(""),
        told=told,
    )


def _program(context: Context, image: str | None) -> Markup:
    if not image:
        return context.texts.say("processes.no_program")
    name = image.replace("/", "\\").rstrip("\\").rpartition("\\")[2]
    return shown(name or image, LONGEST_NAME)
