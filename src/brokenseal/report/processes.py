"""The section of the report on what an intruder had the servers run: the trees of processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from brokenseal.report.page import INDENT, Page, where
from brokenseal.report.proofs import Weight, weight
from brokenseal.report.shape import IncidentDocument, Intrusion, Process
from brokenseal.report.text import plain
from brokenseal.report.wording import ids_in_brackets, moment

_PROCESSES = 30
_COMMAND_LINES = 2  # lines of the terminal for one command line
_LEFT = 2 * INDENT
_STEP = 2  # columns by which a child stands further in than its parent
_MARK = 2  # columns of the mark before a text
_NARROWEST = 24  # cells that a process keeps, however deep it stands
_LONGEST_NAME = 80
_LONGEST_NUMBER = 20
_LIGHTEST: Weight = (1000, 0, "", "")


def what_ran(document: IncidentDocument, page: Page) -> None:
    """The trees of each intrusion; nothing at all where no log of started processes belongs to one."""
    ran = [intrusion for intrusion in document["intrusions"] if intrusion["processes"]]
    if not ran:
        return
    page.heading("What ran on the server")
    weights = {finding["id"]: weight(finding) for finding in document["findings"]}
    for intrusion in ran:
        _trees(intrusion, weights, page)


def _trees(intrusion: Intrusion, weights: Mapping[str, Weight], page: Page) -> None:
    processes = intrusion["processes"]
    parents = parents_of(processes)
    shown = sorted(range(len(processes)) if page.verbose else _telling(processes, parents, weights))
    for host in dict.fromkeys(processes[place]["host"] for place in shown):
        page.barred(f"on {plain(host)}", INDENT, f"Intrusion {plain(intrusion['id'], _LONGEST_NUMBER)}")
        here = [place for place in shown if processes[place]["host"] == host]
        for level, place, parent in _drawn(here, parents):
            _process(processes[place], processes[parent] if parent is not None else None, level, page)
    page.more(len(processes), len(shown))
    if not all(processes[place]["command_line"] for place in shown):
        page.sentence("Where no command line is shown, none was logged.")


def parents_of(processes: Sequence[Process]) -> list[int | None]:
    """The place of each one's parent. Parents come before children, so that no loop can come of it."""
    places: dict[str, int] = {}
    parents: list[int | None] = []
    for place, process in enumerate(processes):
        parents.append(None if process["parent"] is None else places.get(process["parent"]))
        places.setdefault(process["id"], place)
    return parents


def _telling(processes: Sequence[Process], parents: Sequence[int | None], weights: Mapping[str, Weight]) -> set[int]:
    """The places of those that say most, never one without its parents: those with findings, the worst first, then
    what these started, then others.
    """
    below: set[int | None] = set()
    for place, process in enumerate(processes):
        if process["findings"] or (parents[place] is not None and parents[place] in below):
            below.add(place)

    def order(place: int) -> tuple[bool, bool, Weight, int]:
        own = processes[place]["findings"]
        worst = min((weights[identity] for identity in own if identity in weights), default=_LIGHTEST)
        return not own, place not in below, worst, place

    chosen: set[int] = set()
    for place in sorted(range(len(processes)), key=order):
        chain: set[int] = set()
        at: int | None = place
        while at is not None and at not in chosen:
            chain.add(at)
            at = parents[at]
        if len(chosen) + len(chain) <= _PROCESSES:
            chosen |= chain
    return chosen


def _drawn(places: Sequence[int], parents: Sequence[int | None]) -> Iterator[tuple[int, int, int | None]]:
    """(level, place, place of its parent), each below its parent and otherwise in the order given."""
    here = set(places)
    children: dict[int | None, list[int]] = {}
    for place in places:
        parent = parents[place]
        children.setdefault(parent if parent in here else None, []).append(place)
    pending: list[tuple[int, int, int | None]] = [(0, place, None) for place in reversed(children.get(None, []))]
    while pending:
        level, place, parent = pending.pop()
        yield level, place, parent
        pending += [(level + 1, child, place) for child in reversed(children.get(place, []))]


def _process(process: Process, parent: Process | None, level: int, page: Page) -> None:
    deepest = max((page.console.width - _LEFT - _MARK - _NARROWEST) // _STEP, 0)
    indent = _LEFT + _STEP * min(level, deepest)
    # From here on the indentation no longer says whose child it is.
    start = f"(level {level}) " if level > deepest else ""
    page.barred(Text.assemble(start, *_about(process, parent, page)), indent, "-")
    inside = indent + _MARK
    if process["command_line"]:
        page.barred(page.brief(process["command_line"]), inside, ">", _COMMAND_LINES)
    for reference in process["evidence"] if page.verbose else ():
        page.barred(where(reference), inside, "at")


def _about(process: Process, parent: Process | None, page: Page) -> Iterator[str | tuple[str, str]]:
    yield f"{moment(process['time']) if process['time'] else '(start not logged)'} "
    yield (_program(process["image"], page), "bold" if process["findings"] else "")
    # Words of ours between the texts of others: written from right to left, these would else carry off what follows.
    if process["pid"]:
        yield f", pid {plain(process['pid'], _LONGEST_NUMBER)}"
    user = process["user"]
    if user and (parent is None or user.casefold() != (parent["user"] or "").casefold()):
        yield f", as {page.brief(user, _LONGEST_NAME)}"
    if process["findings"]:
        yield f" {ids_in_brackets(process['findings'])}"


def _program(image: str | None, page: Page) -> str:
    """The file name of the program; with its folder when verbose."""
    if not image:
        return "(program not logged)"
    file = image if page.verbose else image.replace("/", "\\").rstrip("\\").rsplit("\\", 1)[-1]
    return page.brief(file or image, _LONGEST_NAME)
