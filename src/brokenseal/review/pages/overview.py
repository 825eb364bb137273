"""The case at a glance, and the page of keys."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from brokenseal.review.filters import Filter
from brokenseal.review.gaps import milliseconds
from brokenseal.review.rendering import page, review_of

#: A second is added to the end of a time of which the last event is asked for.
_SECOND_MS = 1000


def overview(request: Request) -> Response:
    review = review_of(request)
    marks = review.decisions.marks()
    windows = {
        one["id"]: Filter(
            intrusion=one["id"],
            from_ms=milliseconds(one["first_seen"]),
            to_ms=milliseconds(one["last_seen"]) + _SECOND_MS,
        )
        for one in review.document["intrusions"]
    }
    return page(
        request,
        "overview",
        title="Overview",
        marks=marks,
        verdict=review.verdict(marks),
        rests=review.standing(marks),
        proofs={name: window.query() for name, window in windows.items()},
        around={name: Filter(from_ms=one.from_ms, to_ms=one.to_ms).query() for name, one in windows.items()},
        events=review.timeline.events,
        first_ms=review.timeline.first_ms,
        last_ms=review.timeline.last_ms,
    )


def keys(request: Request) -> Response:
    return page(request, "keys", title="Keys")
