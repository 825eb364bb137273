"""Decisions: making one, taking one back, the list and its export."""

from __future__ import annotations

import json
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from brokenseal.errors import UsageError
from brokenseal.report.redaction import Redaction
from brokenseal.report.text import plain
from brokenseal.review.case_review import CaseReview, finding_label, finding_target
from brokenseal.review.decisions import Decision, Target
from brokenseal.review.event_key import EventKey
from brokenseal.review.for_report import place_alone
from brokenseal.review.forms import back_to, read_form
from brokenseal.review.rendering import page, review_of
from brokenseal.review.without_names import asked_kinds, attachment

_LABEL = 200


async def decide(request: Request) -> Response:
    fields = await read_form(request)
    if isinstance(fields, Response):
        return fields
    review = review_of(request)
    about = fields.get("about", "")
    meant = await run_in_threadpool(_meant, review, about, fields.get("target", ""))
    if meant is None:
        return PlainTextResponse("There is no such finding or event in this case.\n", 404)
    target, label = meant
    try:
        await run_in_threadpool(
            review.decisions.add, fields.get("kind", ""), about, target, label=label, value=fields.get("value", "")
        )
    except ValueError as error:
        return PlainTextResponse(f"{error}\n", 400)
    await run_in_threadpool(_judge, review)
    return back_to(fields.get("back", "/"))


async def undo(request: Request) -> Response:
    fields = await read_form(request)
    if isinstance(fields, Response):
        return fields
    number = fields.get("id", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 15):
        return PlainTextResponse("There is no such decision.\n", 404)
    review = review_of(request)
    await run_in_threadpool(review.decisions.undo, int(number))
    await run_in_threadpool(_judge, review)
    return back_to(fields.get("back", "/decisions"))


def decisions(request: Request) -> Response:
    review = review_of(request)
    every = review.decisions.every()
    marks = review.decisions.marks()
    return page(
        request,
        "decisions",
        title="Decisions",
        marks=marks,
        entries=[(one, _link(review, one)) for one in reversed(every)],
        verdict=review.verdict(marks),
    )


def decisions_export(request: Request) -> Response:
    """With ``redact``, without the names of those who decided and of those whom their texts name."""
    review = review_of(request)
    try:
        kinds = asked_kinds(request)
    except UsageError as error:
        return PlainTextResponse(f"{error}\n", 400)
    verdict = review.verdict(review.decisions.marks())
    every = review.decisions.every()
    records = [_record(review, one) for one in every]
    if "subjects" in kinds:
        for one, record in zip(every, records, strict=True):
            record["label"] = place_alone(review.document, one) or record["label"]
    if kinds:
        records = _without_names(Redaction(review.document, kinds), records)
    exported = {
        "case": review.name,
        "verdict": {"of_the_scan": verdict.before, "with_decisions": verdict.after},
        "decisions": records,
    }
    return Response(
        json.dumps(exported, indent=1).encode() + b"\n",
        media_type="application/json",
        headers=attachment("decisions", "json", kinds),
    )


def _judge(review: CaseReview) -> None:
    """Begin to judge the case again, so that it is done when somebody looks at the mailboxes."""
    review.judged(review.decisions.marks())


def _record(review: CaseReview, one: Decision) -> dict[str, object]:
    names = ("rule", "host", "source_ip") if one.about == "finding" else ("file", "sha256", "line")
    found = review.finding_of_target(one.target) if one.about == "finding" else None
    return {
        "id": one.id,
        "made_at": one.made_at,
        "made_by": one.made_by,
        "kind": one.kind,
        "about": one.about,
        "target": dict(zip(names, one.target, strict=False)),
        "finding": found["id"] if found is not None else None,
        "label": one.label,
        "value": one.value,
        "undone_at": one.undone_at,
        "undone_by": one.undone_by,
    }


def _without_names(redaction: Redaction, records: list[dict[str, object]]) -> list[dict[str, object]]:
    people = [str(name) for one in records for name in (one["made_by"], one["undone_by"]) if name]
    redaction.also(people, [str(one[name]) for one in records for name in ("label", "value")])
    free = ("made_by", "undone_by", "label", "value")
    found = []
    for one in records:
        target = {name: redaction.text(value) for name, value in cast("dict[str, str]", one["target"]).items()}
        texts = {name: redaction.text(str(one[name])) if one[name] else one[name] for name in free}
        found.append({**one, **texts, "target": target})
    return found


def _meant(review: CaseReview, about: str, name: str) -> tuple[Target, str] | None:
    if about == "finding":
        found = review.findings.get(name)
        return (finding_target(found), finding_label(found)) if found is not None else None
    key = EventKey.parse(name) if about == "event" else None
    row = review.timeline.one(key) if key is not None else None
    target = review.event_target(row.key) if row is not None else None
    if row is None or target is None:
        return None
    return target, f"{plain(row.text, _LABEL)} ({target[0]}:{target[2]})"


def _link(review: CaseReview, one: Decision) -> str | None:
    """The page of what a decision is about, if the case still has it."""
    if one.about == "finding":
        found = review.finding_of_target(one.target)
        return f"/findings/{found['id']}" if found is not None else None
    place = review.place_of_target(one.target)
    key = review.timeline.keys([place]).get(place) if place is not None else None
    return f"/events/{key}" if key is not None else None
