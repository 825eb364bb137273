"""What the evidence can show and what it cannot: said as loudly as what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.clock import Line, percent, read_time, read_times
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, bare, shown
from brokenseal.report.shape import Coverage, Host

_SENTENCES, _PROBLEMS, _HOSTS, _SOURCES, _GAPS = 100, 100, 50, 80, 5
_REASONS = 3


@dataclass(frozen=True, slots=True)
class Span:
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class Log:
    """One kind of log. ``spans`` where it has events, ``gaps`` where it has none, on the server's line of time."""

    name: Markup
    first: Markup
    last: Markup
    events: str
    files: str
    rejects: str
    spans: Sequence[Span]
    gaps: Sequence[Span]
    drawing: Markup
    gap_texts: Markup
    note: Markup


@dataclass(frozen=True, slots=True)
class Server:
    name: Markup
    caption: Markup
    logs: Sequence[Log]
    attacks: Sequence[Span]
    first: Markup
    last: Markup
    more: Markup


@dataclass(frozen=True, slots=True)
class Sight:
    """``blind``: what could not be seen. ``problems``: files and lines that could not be read, rules that did not run."""

    blind: Sequence[Markup]
    none: Markup
    more_blind: Markup
    problems: Sequence[Markup]
    more_problems: Markup
    servers: Sequence[Server]
    more_servers: Markup


def view(context: Context) -> Sight:
    texts, document = context.texts, context.document
    problems = [*_not_read(context), *_rejected(context), *_not_run(context)]
    blind = document["not_seen"]
    return Sight(
        blind=[context.sentence(sentence) for sentence in blind[:_SENTENCES]],
        none=Markup("") if blind or problems else texts.say("coverage.nothing_missing"),
        more_blind=_more(context, len(blind), _SENTENCES),
        problems=problems[:_PROBLEMS],
        more_problems=_more(context, len(problems), _PROBLEMS),
        servers=[_server(context, host) for host in document["hosts"][:_HOSTS] if host["coverage"]],
        more_servers=_more(context, len(document["hosts"]), _HOSTS),
    )


def _more(context: Context, total: int, limit: int) -> Markup:
    return context.texts.count("left_out", total - limit) if total > limit else Markup("")


def _not_read(context: Context) -> Iterator[Markup]:
    texts = context.texts
    for kind in ("refused", "unrecognised"):
        for one in context.document["evidence"]:
            if one["kind"] == kind:
                note = shown(one.get("note"))
                said = texts.say(f"coverage.{kind}", file=context.file(one["file"]))
                yield texts.say("coverage.because", what=said, why=note) if note else said


def _rejected(context: Context) -> Iterator[Markup]:
    texts = context.texts
    for one in sorted(context.document["evidence"], key=lambda one: -one["rejects"]):
        if one["rejects"]:
            yield texts.say(
                "coverage.rejected",
                file=context.file(one["file"]),
                n=texts.number(one["rejects"]),
                all=texts.number(one["events"] + one["rejects"]),
                why=_reasons(context, one["reject_reasons"]),
            )


def _reasons(context: Context, reasons: Mapping[str, int]) -> Markup:
    texts = context.texts
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return texts.listed(
        [texts.say("coverage.reason", why=shown(why), n=texts.number(n)) for why, n in ordered], _REASONS
    ) or texts.say("coverage.no_reason")


def _not_run(context: Context) -> Iterator[Markup]:
    for rule in context.document["rules"]["not_run"]:
        yield context.texts.say("coverage.not_run", file=shown(rule["file"]), why=shown(rule["reason"]))


def _server(context: Context, host: Host) -> Server:
    texts = context.texts
    here = [one for one in context.document["intrusions"] if host["host"] in one["hosts"]]
    spans = [read_times((one["first_seen"], one["last_seen"])) for one in here]
    ends = read_times(time for one in host["coverage"] for time in (one["first"], one["last"]))
    # An attack that the logs do not reach back to is drawn where it was: outside of all bars.
    line = Line.over([*ends, *(time for span in spans for time in span)]) if ends else None
    attacks = []
    for span in spans:
        if line is not None and span:
            left = line.place(min(span))
            attacks.append(Span(percent(left), percent(max(line.place(max(span)) - left, 0.6))))
    name = shown(host["host"], LONGEST_NAME)
    return Server(
        name=name,
        caption=texts.say("coverage.caption", host=name),
        logs=[_log(context, one, line) for one in host["coverage"][:_SOURCES]],
        attacks=attacks,
        first=Markup(line.first.strftime("%Y-%m-%d")) if line else Markup(""),
        last=Markup(line.last.strftime("%Y-%m-%d")) if line else Markup(""),
        more=_more(context, len(host["coverage"]), _SOURCES),
    )


def _log(context: Context, one: Coverage, line: Line | None) -> Log:
    texts = context.texts
    kind, _, part = one["source"].partition("/")
    name = texts.words("sources", kind)
    gaps = sorted(one["gaps"], key=lambda gap: (-gap["hours"], gap["from"]))
    first, last = read_time(one["first"]), read_time(one["last"])
    spans, holes = [], []
    if line is not None and first is not None and last is not None:
        spans = [Span(line.at(first), percent(max(line.place(last) - line.place(first), 0.6)))]
        for gap in gaps[:50]:
            start, end = read_time(gap["from"]), read_time(gap["to"])
            if start is not None and end is not None:
                left = line.place(start)
                holes.append(Span(percent(left), percent(max(line.place(end) - left, 0.4))))
    days = (f"{time:%Y-%m-%d}" if time else "" for time in (first, last))
    told = [
        texts.say(
            "coverage.gap", hours=f"{gap['hours']:.1f}", first=texts.moment(gap["from"]), last=texts.moment(gap["to"])
        )
        for gap in gaps[:_GAPS]
    ]
    more = texts.say("list.more", n=texts.number(len(gaps) - _GAPS)) if len(gaps) > _GAPS else Markup("")
    return Log(
        name=texts.say("coverage.part", source=name, part=shown(part, LONGEST_NAME)) if part else name,
        first=texts.moment(one["first"]) if one["first"] else Markup(""),
        last=texts.moment(one["last"]) if one["last"] else Markup(""),
        events=texts.number(one["events"]),
        files=texts.number(one["files"]),
        rejects=texts.number(one["rejects"]),
        spans=spans,
        gaps=holes,
        drawing=texts.say(
            "coverage.drawing", source=bare(one["source"], LONGEST_NAME), days=" – ".join(filter(None, days))
        ),
        gap_texts=Markup("; ").join(told) + (Markup(" {}").format(more) if more else Markup("")),
        note=context.sentence(one.get("note") or ""),
    )
