"""The days on which a server ran without the fixes of the flaws that were used, against the days of the attack."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from brokenseal.incident.builds import is_fixed
from brokenseal.report.html.clock import Days, Line, Tick, common, count_days, percent, read_time
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, bare, shown
from brokenseal.report.shape import Host

_HOSTS, _BUILDS = 50, 40
_TAG = re.compile(r"cve\.(\d{4})-(\d{4,7})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a lane. ``state``: vulnerable, fixed, unknown or attack."""

    left: str
    width: str
    state: str


@dataclass(frozen=True, slots=True)
class BuildRow:
    build: Markup
    product: Markup
    first: Markup
    last: Markup
    state: str
    verdict: Markup


@dataclass(frozen=True, slots=True)
class Exposure:
    number: int
    host: Markup
    sentences: Sequence[Markup]
    title: Markup
    description: Markup
    builds: Sequence[Segment]
    attacks: Sequence[Segment]
    ticks: Sequence[Tick]
    rows: Sequence[BuildRow]


def view(context: Context) -> list[Exposure]:
    """One a server whose builds are known and on which there was an intrusion or a flaw was tried."""
    made = (_of(context, number, host) for number, host in enumerate(context.document["hosts"][:_HOSTS], start=1))
    return [one for one in made if one is not None]


@dataclass(frozen=True, slots=True)
class _Run:
    """One build, from its first log line to the first of the next one."""

    build: str
    first: datetime
    last: datetime
    until: datetime
    product: str | None
    state: str


def _of(context: Context, number: int, host: Host) -> Exposure | None:
    texts = context.texts
    flaws = _flaws(context, host["host"])
    runs = _runs(host, flaws)
    attacks = list(_attacks(context, host["host"]))
    line = Line.over(
        [*(time for run in runs for time in (run.first, run.until)), *(time for pair in attacks for time in pair)]
    )
    if not flaws or not runs or line is None:
        return None
    open_days = [Days.of(run.first, run.until) for run in runs if run.state == "vulnerable"]
    known_days = [Days.of(run.first, run.until) for run in runs]
    attack_days = [Days.of(first, last) for first, last in attacks]
    name = bare(host["host"], LONGEST_NAME)
    sentences = [
        texts.say(
            "exposure.open",
            host=shown(host["host"], LONGEST_NAME),
            flaws=texts.listed([shown(flaw, LONGEST_NAME) for flaw in flaws], 8),
            open=texts.count("time.days", count_days(open_days)),
            known=texts.count("time.days", count_days(known_days)),
        )
    ]
    if any(run.state == "unknown" for run in runs):
        sentences.append(texts.say("exposure.unknown"))
    if attacks:
        total, before = count_days(attack_days), count_days(common(attack_days, open_days))
        sentences.append(
            texts.say(
                "exposure.attack",
                attack=texts.count("time.days", total),
                before=texts.count("time.days", before),
                after=texts.count("time.days", total - before),
            )
        )
        if before < total:
            sentences.append(texts.say("exposure.update_is_not_enough"))
    return Exposure(
        number=number,
        host=shown(host["host"], LONGEST_NAME),
        sentences=sentences,
        title=texts.say("exposure.title", host=name),
        description=texts.say(
            "exposure.description", first=line.first.strftime("%Y-%m-%d"), last=line.last.strftime("%Y-%m-%d")
        ),
        builds=[_segment(line, run.first, run.until, run.state) for run in runs],
        attacks=[_segment(line, first, last, "attack") for first, last in attacks],
        ticks=line.ticks(),
        rows=[
            BuildRow(
                shown(run.build, LONGEST_NAME),
                shown(run.product, LONGEST_NAME) or texts.say("exposure.no_product"),
                Markup(run.first.strftime("%Y-%m-%d")),
                Markup(run.last.strftime("%Y-%m-%d")),
                run.state,
                texts.say(f"exposure.states.{run.state}"),
            )
            for run in runs
        ],
    )


def _runs(host: Host, flaws: Sequence[str]) -> list[_Run]:
    times = [(one, read_time(one["first"]), read_time(one["last"])) for one in host["builds"][:_BUILDS]]
    known = [(one, first, last) for one, first, last in times if first is not None and last is not None]
    known.sort(key=lambda entry: (entry[1], entry[0]["build"]))
    runs = []
    for place, (one, first, last) in enumerate(known):
        until = max(last, known[place + 1][1]) if place + 1 < len(known) else max(last, first)
        runs.append(_Run(one["build"], first, max(first, last), until, one["product"], _state(one["build"], flaws)))
    return runs


def _state(build: str, flaws: Sequence[str]) -> str:
    fixed = [is_fixed(build, flaw) for flaw in flaws]
    if False in fixed:
        return "vulnerable"
    return "fixed" if fixed and all(fixed) else "unknown"


def _flaws(context: Context, host: str) -> list[str]:
    """Flaws that were used on the server, or else those that the rules which found something there are about."""
    used = {flaw["id"] for one in context.document["intrusions"] if host in one["hosts"] for flaw in one["cves"]}
    if not used:
        tags = (tag for one in context.document["findings"] if one["host"] == host for tag in one.get("tags", ()))
        used = {f"CVE-{match[1]}-{match[2]}" for tag in tags if (match := _TAG.fullmatch(tag.lower()))}
    return sorted(used)


def _attacks(context: Context, host: str) -> Iterator[tuple[datetime, datetime]]:
    for intrusion in context.document["intrusions"]:
        first, last = read_time(intrusion["first_seen"]), read_time(intrusion["last_seen"])
        if host in intrusion["hosts"] and first is not None and last is not None:
            yield first, max(first, last)


def _segment(line: Line, first: datetime, last: datetime, state: str) -> Segment:
    left = line.place(first)
    return Segment(percent(left), percent(max(line.place(last) - left, 0.6)), state)
