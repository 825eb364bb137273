"""What to do next: the document's own advice, then the commands of ``content/advice/commands.yaml`` by phases.

Commands get values out of the document only after a strict check: an attacker chose them, and somebody will paste them
into a shell of an administrator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import TypedDict, cast

from markupsafe import Markup, escape

from brokenseal.content_yaml import read_yaml
from brokenseal.report.html.clock import read_times
from brokenseal.report.html.context import Context
from brokenseal.report.html.stages import findings_of
from brokenseal.report.shape import IncidentDocument

PHASES = ("contain", "preserve", "evict", "patch", "reset", "notify")

_SENTENCES, _ADDRESSES, _PATHS, _LINKS = 60, 30, 10, 6

# A path that can stand between single quotes of PowerShell and means itself: ASCII, no quote, no dollar, no backtick.
_PATH = re.compile(r"[A-Za-z]:(?:\\[A-Za-z0-9][A-Za-z0-9 ._()-]{0,120}){1,24}", re.ASCII)


class Entry(TypedDict, total=False):
    """One step of the file, member for member."""

    id: str
    phase: str
    verdicts: list[str]
    stages: list[str]
    shell: str
    where: str
    commands: list[str]


@dataclass(frozen=True, slots=True)
class Step:
    title: Markup
    why: Markup
    where: Markup
    commands: Markup
    because: Markup


@dataclass(frozen=True, slots=True)
class Phase:
    title: Markup
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Advice:
    sentences: Sequence[Markup]
    more: Markup
    phases: Sequence[Phase]


@cache
def entries() -> tuple[Entry, ...]:
    """The steps of ``content/advice/commands.yaml``."""
    file = files("brokenseal") / "content" / "advice" / "commands.yaml"
    return tuple(cast(list[Entry], read_yaml(file.read_text(encoding="utf-8"))["steps"]))


def view(context: Context) -> Advice:
    texts, document = context.texts, context.document
    values = _values(document)
    alive = any(shell["state"] == "alive" for one in document["intrusions"] for shell in one["webshells"])
    phases = []
    for phase in PHASES:
        steps = [
            _step(context, entry, values)
            for entry in entries()
            if entry["phase"] == phase and document["verdict"] in entry["verdicts"] and _holds(context, entry, alive)
        ]
        if steps:
            phases.append(Phase(texts.say(f"advice.phases.{phase}"), steps))
    left_out = len(document["advice"]) - _SENTENCES
    return Advice(
        sentences=[context.sentence(sentence) for sentence in document["advice"][:_SENTENCES]]
        or [texts.say("advice.default")],
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
        phases=phases,
    )


def _holds(context: Context, entry: Entry, alive: bool) -> bool:
    wanted = entry.get("stages")
    return (not wanted or bool(_shown_by(context, wanted))) and (entry.get("shell") != "alive" or alive)


def _shown_by(context: Context, wanted: Sequence[str]) -> list[str]:
    every = [one for intrusion in context.document["intrusions"] for one in findings_of(context, intrusion)]
    return list(dict.fromkeys(one["id"] for one in every if one.get("stage") in wanted))


def _step(context: Context, entry: Entry, values: Mapping[str, Sequence[str]]) -> Step:
    texts, identity = context.texts, entry["id"]
    shown_by = _shown_by(context, entry.get("stages", []))
    lines = [line for command in entry["commands"] for line in _filled(command, values)]
    return Step(
        title=texts.say(f"advice.steps.{identity}.title"),
        why=texts.say(f"advice.steps.{identity}.why"),
        where=texts.say(f"advice.where.{entry['where']}"),
        commands=escape("\n".join(lines)),
        because=texts.say("advice.because", findings=context.finding_list(shown_by, _LINKS))
        if shown_by
        else Markup(""),
    )


def _filled(command: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The command with values in its places; once for each path."""
    for name, given in values.items():
        if f"{{{name}}}" in command:
            for value in given:
                yield command.replace(f"{{{name}}}", value)
            return
    yield command


def _values(document: IncidentDocument) -> dict[str, list[str]]:
    addresses = sorted({text for one in document["intrusions"] for text in one["source_ips"] if _is_address(text)})
    shells = [shell for one in document["intrusions"] for shell in one["webshells"] if shell["state"] == "alive"]
    paths = sorted({path for shell in shells if (path := shell.get("path")) and _PATH.fullmatch(path)})
    starts = read_times(one["first_seen"] for one in document["intrusions"])
    return {
        "addresses": [",".join(addresses[:_ADDRESSES]) or "<addresses of the intruder>"],
        "path": paths[:_PATHS] or ["<path of the web shell>"],
        "since": [f"{min(starts):%Y-%m-%d}" if starts else "<first day of the break-in>"],
    }


def _is_address(text: str) -> bool:
    # Scope ids (fe80::1%eth0) may hold any character.
    try:
        return "%" not in text and str(ip_address(text)) != ""
    except ValueError:
        return False
