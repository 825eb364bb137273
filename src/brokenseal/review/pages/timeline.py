"""The timeline, the context of one event, and its export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from brokenseal.errors import UsageError
from brokenseal.report.shape import Finding
from brokenseal.review.case_review import CaseReview
from brokenseal.review.decisions import Decision, Marks
from brokenseal.review.event_columns import IN_A_ROW
from brokenseal.review.event_key import EventKey
from brokenseal.review.export import Record, csv_export, json_export, portions
from brokenseal.review.filters import Filter
from brokenseal.review.gaps import GapRow, all_gaps, gaps_between
from brokenseal.review.histogram import histogram
from brokenseal.review.rendering import missing, page, review_of
from brokenseal.review.timeline import EventRow
from brokenseal.review.without_names import EventRedaction, asked_kinds, attachment

SIZES = (50, 100, 200, 500)
CONTEXTS = (5, 10, 20, 50, 100)
_SIZE, _CONTEXT = 100, 10
_EXPORTS: dict[str, tuple[str, Callable[[Iterable[Sequence[Record]]], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_export),
    "jsonl": ("application/x-ndjson", json_export),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An event with what belongs to it."""

    row: EventRow
    findings: Sequence[Finding]
    held: Sequence[Decision]
    here: bool = False


def timeline(request: Request) -> Response:
    review, asked = review_of(request), request.query_params
    wanted, marks = Filter.parse(asked), review.decisions.marks()
    around = EventKey.parse(asked.get("around", ""))
    if around is not None:
        return _context(request, review, wanted, marks, around)
    chosen = review.chosen(wanted, marks)
    size = _one_of(SIZES, asked.get("size"), _SIZE)
    before, after = (EventKey.parse(asked.get(name, "")) for name in ("before", "after"))
    back = before is not None or asked.get("end") == "last"
    rows, more = review.timeline.page(wanted, chosen, before or after, size, back=back)
    earlier = more if back else after is not None
    later = (before is not None) if back else more
    begin, end = _covered(rows, before, after, earlier, later)
    gaps = gaps_between(all_gaps(review.document), wanted, begin, end)
    return page(
        request,
        "timeline",
        title="Timeline",
        marks=marks,
        wanted=wanted,
        around=None,
        size=size,
        lines=merged(_shown(review, marks, rows), gaps),
        rows=rows,
        earlier=rows[0].key if rows and earlier else None,
        later=rows[-1].key if rows and later else None,
        total=len(rows) if not (earlier or later) else review.timeline.count(wanted, chosen),
        bars=histogram(review.timeline, wanted),
        choices=_choices(review),
    )


def export(request: Request) -> Response:
    review, form = review_of(request), request.path_params["form"]
    if form not in _EXPORTS:
        return missing(request)
    try:
        kinds = asked_kinds(request)
    except UsageError as error:
        return PlainTextResponse(f"{error}\n", 400)
    wanted, marks = Filter.parse(request.query_params), review.decisions.marks()
    kind, write = _EXPORTS[form]
    found: Iterator[Sequence[Record]] = portions(review, wanted, review.chosen(wanted, marks), marks)
    if kinds:
        found = map(EventRedaction(review, kinds), found)
    return StreamingResponse(write(found), media_type=kind, headers=attachment("timeline", form, kinds))


def merged(rows: Sequence[Shown], gaps: Sequence[GapRow]) -> list[Shown | GapRow]:
    """Events and gaps in the order of time: a gap follows the last event before it."""
    lines: list[Shown | GapRow] = [*rows, *gaps]
    return sorted(lines, key=lambda one: (one.from_ms, 1) if isinstance(one, GapRow) else (one.row.key.ms, 0))


def _covered(
    rows: Sequence[EventRow], before: EventKey | None, after: EventKey | None, earlier: bool, later: bool
) -> tuple[int | None, int | None]:
    """From and until when a page's gaps begin, so that each gap is on one page, whichever way one turns them."""
    if before is not None:
        return (rows[0].key.ms if rows and earlier else None), before.ms
    begin = after.ms if after is not None else rows[0].key.ms if rows and earlier else None
    return begin, (rows[-1].key.ms if rows and later else None)


def _context(request: Request, review: CaseReview, wanted: Filter, marks: Marks, key: EventKey) -> Response:
    chosen = review.chosen(wanted, marks)
    size = _one_of(CONTEXTS, request.query_params.get("rows"), _CONTEXT)
    row = review.timeline.one(key)
    before, earlier = review.timeline.page(wanted, chosen, key, size, back=True)
    after, later = review.timeline.page(wanted, chosen, key, size)
    rows = [*before, *([row] if row is not None else []), *after]
    gaps = gaps_between(all_gaps(review.document), wanted, rows[0].key.ms, rows[-1].key.ms) if rows else []
    return page(
        request,
        "timeline",
        title="Context of an event",
        marks=marks,
        status=200 if row is not None else 404,
        wanted=wanted,
        around=key,
        size=size,
        lines=merged(_shown(review, marks, rows, key), gaps),
        rows=rows,
        earlier=rows[0].key if rows and earlier else None,
        later=rows[-1].key if rows and later else None,
        total=None,
        bars=None,
        choices=_choices(review),
    )


def _shown(review: CaseReview, marks: Marks, rows: Sequence[EventRow], here: EventKey | None = None) -> list[Shown]:
    found = []
    for row in rows:
        target = review.event_target(row.key)
        held = marks.of("event", target) if target is not None else []
        found.append(Shown(row, review.findings_at(row), held, row.key == here))
    return found


def _choices(review: CaseReview) -> dict[str, object]:
    rules = {finding["rule"]: finding["title"] for finding in review.document["findings"]}
    return {
        "hosts": review.timeline.hosts,
        "kinds": review.timeline.kinds,
        "rule_titles": sorted(rules.items(), key=lambda item: item[1]),
        "row_letters": IN_A_ROW,
        "whole": review.told.whole,
        "intrusions": [one["id"] for one in review.document["intrusions"]],
        "sizes": SIZES,
        "contexts": CONTEXTS,
        "first_ms": review.timeline.first_ms,
        "last_ms": review.timeline.last_ms,
    }


def _one_of(known: Sequence[int], asked: str | None, otherwise: int) -> int:
    return int(asked) if asked is not None and asked in map(str, known) else otherwise
