"""What was left behind: each web shell with its whole life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.context import Context, PlacesInFile, by_id
from brokenseal.report.html.processes import process_anchors
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.shape import Finding, WebShell

_SHELLS, _REASONS, _CLIENTS, _PROCESSES = 100, 12, 12, 24


@dataclass(frozen=True, slots=True)
class Fact:
    label: Markup
    values: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Shell:
    anchor: str
    name: Markup
    state: Markup
    tone: str
    facts: Sequence[Fact]
    places: Sequence[PlacesInFile]


@dataclass(frozen=True, slots=True)
class Shells:
    shells: Sequence[Shell]
    none: Markup
    more: Markup


def view(context: Context) -> Shells:
    texts, document = context.texts, context.document
    findings = by_id(document["findings"])
    anchors = process_anchors(document)
    every = [(place, shell) for place, one in enumerate(document["intrusions"]) for shell in one["webshells"]]
    left_out = len(every) - _SHELLS
    unsure = document["verdict"] == "cannot_tell"
    return Shells(
        shells=[
            _shell(context, f"shell-{number}", place, shell, findings, anchors)
            for number, (place, shell) in enumerate(every[:_SHELLS], start=1)
        ],
        none=Markup("") if every else texts.say("shells.none_unsure" if unsure else "shells.none"),
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
    )


def _shell(
    context: Context,
    anchor: str,
    place: int,
    shell: WebShell,
    findings: Mapping[str, Finding],
    processes: Mapping[tuple[int, str], str],
) -> Shell:
    texts = context.texts
    size = shell.get("size")
    facts = {
        "server": [shown(shell.get("host"), LONGEST_NAME)],
        "file": [_code(file_name(shell.get("path")))],
        "kind": [shown(shell.get("kind"))],
        "sha256": [_code(shown(shell.get("sha256"), LONGEST_NAME))],
        "size": [Markup("") if size is None else texts.size(size)],
        "known": [shown(shell.get("known_hash"))],
        "came": [_came(context, shell)],
        "set_back": [texts.say("shells.set_back") if shell.get("times_set_back") else Markup("")],
        "written_by": [
            texts.say("shells.written", title=shown(findings[each]["title"]), finding=context.finding(each))
            for each in shell.get("written_by", [])[:_REASONS]
            if each in findings
        ],
        "used": [_use(context, shell)],
        "from": [_cut(context, shell.get("source_ips", []), _CLIENTS)],
        "started": [_started(context, place, shell, processes)],
        "content": [context.sentence(reason) for reason in shell.get("reasons", [])[:_REASONS]],
        "intrusion": [shown(context.document["intrusions"][place]["id"], LONGEST_NAME)],
        "findings": [context.finding_list(shell.get("findings", []), 20)],
    }
    planted = shell.get("planted")
    references = [*([planted["evidence"]] if planted else []), *shell.get("evidence", [])]
    return Shell(
        anchor=anchor,
        name=file_name(shell["url"] or shell.get("path")) or texts.say("shells.nameless"),
        state=texts.words("states", shell["state"]),
        tone="bad" if shell["state"] == "alive" else "warn" if shell["state"] == "removed" else "good",
        facts=[
            Fact(texts.say(f"shells.facts.{name}"), [value for value in values if value])
            for name, values in facts.items()
            if any(values)
        ],
        places=context.places(references),
    )


def _code(text: Markup) -> Markup:
    return Markup("<code>{}</code>").format(text) if text else text


def _came(context: Context, shell: WebShell) -> Markup:
    texts, planted = context.texts, shell.get("planted")
    if planted is None:
        return texts.say("shells.came_unknown")
    return texts.say("shells.came", time=texts.moment(planted["time"]), source=texts.words("planted", planted["from"]))


def _use(context: Context, shell: WebShell) -> Markup:
    texts = context.texts
    if shell["first_used"] is None and shell["last_used"] is None:
        return texts.count("shells.never", shell["requests"]) if shell["requests"] else texts.say("shells.no_request")
    used = texts.count("shells.used", shell["requests"], span=texts.span(shell["first_used"], shell["last_used"]))
    size = shell.get("bytes_out")
    return used if size is None else texts.say("shells.answered", used=used, size=texts.size(size))


def _started(context: Context, place: int, shell: WebShell, processes: Mapping[tuple[int, str], str]) -> Markup:
    ids = shell.get("processes", [])
    if not ids:
        return Markup("")
    links = []
    for identity in ids:
        anchor, text = processes.get((place, identity)), shown(identity, LONGEST_NAME)
        links.append(Markup('<a href="#{}">{}</a>').format(anchor, text) if anchor else text)
    return context.texts.count("shells.started", len(ids), ids=context.texts.listed(links, _PROCESSES))


def _cut(context: Context, items: Sequence[str], most: int) -> Markup:
    return context.texts.listed([shown(item, LONGEST_NAME) for item in items], most)
