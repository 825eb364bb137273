"""The timeline of each intrusion: one lane a stage, drawn by percentages, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from brokenseal.report.html.clock import Line, Tick, read_time, read_times
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, bare, file_name, shown
from brokenseal.report.html.stages import findings_of, stages
from brokenseal.report.shape import Finding, Intrusion

_INTRUSIONS, _LANES, _BARS = 5, 30, 60
_LABEL = 46
LANE_HEIGHT, AXIS_HEIGHT = 34, 26


@dataclass(frozen=True, slots=True)
class Bar:
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Lane:
    """``label`` is text for the drawing, ``name`` the same for the table."""

    chapter: str
    chapter_name: Markup
    label: Markup
    name: Markup
    first: Markup
    last: Markup
    proof: Markup
    bars: Sequence[Bar]
    top: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """``title`` is text for the drawing, ``caption`` the same for the page."""

    number: int
    title: Markup
    caption: Markup
    description: Markup
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    height: int
    more: Markup


def view(context: Context) -> list[Timeline]:
    """Those of the intrusions that have times; empty without any."""
    drawn = (
        _timeline(context, number, one) for number, one in enumerate(context.document["intrusions"][:_INTRUSIONS], 1)
    )
    return [timeline for timeline in drawn if timeline is not None]


@dataclass(frozen=True, slots=True)
class _Row:
    chapter: str
    label: Markup
    name: Markup
    times: Sequence[tuple[str | None, str | None]]
    proof: Markup


def _timeline(context: Context, number: int, intrusion: Intrusion) -> Timeline | None:
    texts = context.texts
    rows = [row for row in _rows(context, intrusion) if read_times(time for pair in row.times for time in pair)]
    rows.sort(key=lambda row: min(first or last or "~" for first, last in row.times))
    line = Line.over(read_times(time for row in rows for pair in row.times for time in pair))
    if line is None:
        return None
    lanes = [_lane(context, line, place, row) for place, row in enumerate(rows[:_LANES])]
    left_out = len(rows) - len(lanes)
    return Timeline(
        number=number,
        title=texts.say("timeline.of", id=bare(intrusion["id"], LONGEST_NAME)),
        caption=texts.say("timeline.of", id=shown(intrusion["id"], LONGEST_NAME)),
        description=texts.count("timeline.description", len(lanes), first=_plain(line.first), last=_plain(line.last)),
        lanes=lanes,
        ticks=line.ticks(),
        height=len(lanes) * LANE_HEIGHT + AXIS_HEIGHT,
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
    )


def _rows(context: Context, intrusion: Intrusion) -> Iterator[_Row]:
    texts = context.texts
    for stage in stages(context, findings_of(context, intrusion)):
        ids = [finding["id"] for finding in stage.findings]
        times = [_times(finding) for finding in stage.findings[:_BARS]]
        yield _Row(stage.chapter, stage.label, stage.sentence, times, context.finding_list(ids))
    for shell in intrusion["webshells"]:
        planted, url = shell.get("planted"), shell["url"] or shell.get("path")
        times = [(planted["time"], planted["time"])] if planted else []
        times += [(shell["first_used"], shell["last_used"])] if shell["first_used"] else []
        label = texts.say("timeline.shell", name=bare(_file_only(url), _LABEL - 10))
        proof = context.finding_list(shell.get("findings", []))
        yield _Row("left", label, texts.say("timeline.shell", name=file_name(url)), times, proof)
    for mailbox in context.document["mailboxes"]:
        if mailbox["intrusion"] == intrusion["id"]:
            name = mailbox["mailbox"]
            label = texts.say("timeline.mailbox", name=bare(name, _LABEL - 8) or texts.say("mail.unnamed_short"))
            whole = texts.say("timeline.mailbox", name=shown(name, LONGEST_NAME) or texts.say("mail.unnamed_short"))
            yield _Row("mail", label, whole, [(mailbox["first"], mailbox["last"])], Markup(""))


def _file_only(url: str | None) -> str:
    return (url or "").replace("\\", "/").rstrip("/").rpartition("/")[2]


def _times(finding: Finding) -> tuple[str | None, str | None]:
    return finding["time"], finding.get("last") or finding["time"]


def _lane(context: Context, line: Line, place: int, row: _Row) -> Lane:
    texts = context.texts
    starts = [first or last for first, last in row.times if first or last]
    ends = [last or first for first, last in row.times if first or last]
    return Lane(
        chapter=row.chapter,
        chapter_name=texts.say(f"timeline.chapters.{row.chapter}"),
        label=row.label,
        name=row.name,
        first=texts.moment(min(time for time in starts if time)),
        last=texts.moment(max(time for time in ends if time)),
        proof=row.proof,
        bars=_bars(line, row),
        top=place * LANE_HEIGHT,
    )


def _bars(line: Line, row: _Row) -> list[Bar]:
    """Without those that would lie on each other."""
    bars: dict[Bar, None] = {}
    for first, last in row.times:
        one, two = read_time(first), read_time(last)
        start, end = one or two, two or one
        if start is not None and end is not None:
            bars.setdefault(Bar(line.at(start), line.at(max(start, end))))
    return list(bars)


def _plain(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")
