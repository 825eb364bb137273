"""Findings by intrusion and stage, one finding, one event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from brokenseal.report.csv_cells import csv_bytes
from brokenseal.report.shape import Finding, Intrusion, Reference
from brokenseal.review.case_review import CaseReview, finding_target
from brokenseal.review.decisions import Marks
from brokenseal.review.event_key import EventKey
from brokenseal.review.filters import Filter
from brokenseal.review.raw_line import raw_of
from brokenseal.review.rendering import missing, page, review_of
from brokenseal.review.standing import Rest

_HEADER = (
    "id", "title", "level", "outcome", "count", "time", "last", "host", "source_ip", "campaign", "stage", "rule",
    "false_positive",
)  # fmt: skip
#: Findings of one page; the filter and the export reach all.
_MOST = 500
_LEVELS = ("critical", "high", "medium", "low", "informational")
_ASKED = ("host", "level", "ip", "rule", "text", "decided")


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one intrusion (None: of none) by stage, in the order of time. ``stage`` None: they support others."""

    intrusion: Intrusion | None
    stages: Sequence[tuple[str | None, Sequence[Finding]]]


def findings(request: Request) -> Response:
    review, marks = review_of(request), review_of(request).decisions.marks()
    asked = {name: request.query_params.get(name, "")[:300].strip() for name in _ASKED}
    kept = [one for one in review.document["findings"] if _fits(one, asked, marks)]
    return page(
        request,
        "findings",
        title="Findings",
        marks=marks,
        asked=asked,
        query=_query(asked),
        groups=_groups(review, kept[:_MOST]),
        rests=_rests(review, marks),
        left=max(len(kept) - _MOST, 0),
        shown_count=len(kept),
        levels=_LEVELS,
        hosts=sorted({one["host"] for one in review.document["findings"] if one["host"]}),
        target=finding_target,
    )


def findings_export(request: Request) -> Response:
    review, marks = review_of(request), review_of(request).decisions.marks()
    asked = {name: request.query_params.get(name, "")[:300].strip() for name in _ASKED}
    records: list[dict[str, object]] = []
    for one in review.document["findings"]:
        if _fits(one, asked, marks):
            record: dict[str, object] = {name: one.get(name) for name in _HEADER[:-1]}
            record["false_positive"] = marks.false_positive(finding_target(one)) is not None
            records.append(record)
    form = request.path_params["form"]
    if form not in ("csv", "jsonl"):
        return missing(request)
    if form == "csv":
        content, kind = csv_bytes(_HEADER, [list(record.values()) for record in records]), "text/csv; charset=utf-8"
    else:
        content = "".join(json.dumps(record) + "\n" for record in records).encode()
        kind = "application/x-ndjson"
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="findings.{form}"'}
    )


def finding(request: Request) -> Response:
    review = review_of(request)
    found = review.findings.get(request.path_params["id"])
    if found is None:
        return missing(request, "There is no such finding in this case.")
    marks = review.decisions.marks()
    return page(
        request,
        "finding",
        title=f"{found['id']}: {found['title']}",
        marks=marks,
        finding=found,
        grade=review.grades.of(found),
        held=marks.of("finding", finding_target(found)),
        intrusions=review.intrusions_of(found["id"]),
        evidence=[
            (reference, review.key_of(reference), raw)
            for reference, raw in zip(found["evidence"], raw_of(review, found["evidence"]), strict=True)
        ],
        timeline_query=Filter(rule=found["rule"]).query(),
        own_query=Filter(finding=found["id"]).query(),
        in_timeline=review.events_of(found["id"]),
        whole=review.told.whole,
    )


def event(request: Request) -> Response:
    review = review_of(request)
    key = EventKey.parse(request.path_params["key"])
    row = review.timeline.one(key) if key is not None else None
    target = review.event_target(row.key) if row is not None else None
    if row is None or target is None:
        return missing(request, "There is no such event in this case.")
    marks = review.decisions.marks()
    record = review.record(row)
    offset = dict(record).get("offset")
    place: Reference = {"file": target[0], "sha256": target[1], "line": row.key.line}
    if isinstance(offset, int):
        place["offset"] = offset
    return page(
        request,
        "event",
        title="Event",
        marks=marks,
        row=row,
        file=target[0],
        sha256=target[1],
        record=record,
        raw=raw_of(review, [place])[0],
        found=review.findings_at(row),
        whole=review.told.whole,
        held=marks.of("event", target),
    )


def _groups(review: CaseReview, kept: Sequence[Finding]) -> list[Group]:
    groups: list[Group] = []
    placed: set[str] = set()
    for intrusion in review.document["intrusions"]:
        names = set(intrusion.get("findings", ()))
        own = [one for one in kept if one["id"] in names]
        placed.update(one["id"] for one in own)
        if own:
            groups.append(Group(intrusion, _by_stage(own)))
    rest = [one for one in kept if one["id"] not in placed]
    if rest:
        groups.append(Group(None, _by_stage(rest)))
    return groups


def _rests(review: CaseReview, marks: Marks) -> dict[str, Rest]:
    """What of each intrusion rests on marked findings, by its id."""
    rests = review.standing(marks).intrusions
    return {one["id"]: rest for one, rest in zip(review.document["intrusions"], rests, strict=True)}


def _by_stage(found: Sequence[Finding]) -> list[tuple[str | None, Sequence[Finding]]]:
    """Stages by their first finding; what has no stage comes last."""
    stages: dict[str | None, list[Finding]] = {}
    for one in sorted(found, key=lambda one: (one["time"] or "~", one["id"])):
        stages.setdefault(one.get("stage"), []).append(one)
    return [
        *((stage, of) for stage, of in stages.items() if stage),
        *((None, of) for stage, of in stages.items() if not stage),
    ]


def _fits(one: Finding, asked: dict[str, str], marks: Marks) -> bool:
    out = marks.false_positive(finding_target(one)) is not None
    text = asked["text"].lower()
    return (
        asked["host"] in ("", one["host"])
        and asked["level"] in ("", one["level"])
        and asked["rule"] in ("", one["rule"])
        and asked["ip"].lower() in ("", one["source_ip"])
        and (not text or text in f"{one['id']} {one['title']} {' '.join(one.get('tags', ()))}".lower())
        and {"": True, "counts": not out, "false_positive": out}.get(asked["decided"], True)
    )


def _query(asked: dict[str, str]) -> str:
    return urlencode([(name, value) for name, value in asked.items() if value])
