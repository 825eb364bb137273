"""The web application: its addresses, and the door in front of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from brokenseal.report.html.rendering import style_sheet
from brokenseal.review.case_review import CaseReview
from brokenseal.review.pages import deciding, entities, findings, overview, results, timeline
from brokenseal.review.rendering import missing
from brokenseal.review.session import OPENING, Guard, Session

_STATIC = {
    "review.css": "text/css; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# The cookie is sent on the way to a page that this page leads to, wherever the printed address was followed from.
_OPENED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">
<link rel="icon" href="/static/icon.svg"><title>brokenseal review</title></head>
<body><main><p><a href="/">Go to the case</a></p></main></body></html>
"""


def application(review: CaseReview, session: Session, *, failed: Callable[[Exception], None] = lambda _: None) -> Guard:
    """The pages of one case for one session. ``failed`` is told what went wrong inside."""
    routes = [
        Route(OPENING, _open, methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
        Route("/", overview.overview, methods=["GET"]),
        Route("/keys", overview.keys, methods=["GET"]),
        Route("/timeline", timeline.timeline, methods=["GET"]),
        Route("/timeline/export.{form}", timeline.export, methods=["GET"]),
        Route("/events/{key}", findings.event, methods=["GET"]),
        Route("/findings", findings.findings, methods=["GET"]),
        Route("/findings/export.{form}", findings.findings_export, methods=["GET"]),
        Route("/findings/{id}", findings.finding, methods=["GET"]),
        Route("/mailboxes", results.mailboxes, methods=["GET"]),
        Route("/mailboxes/{list}.csv", results.mailboxes_export, methods=["GET"]),
        Route("/webshells", results.webshells, methods=["GET"]),
        Route("/entities", entities.entities, methods=["GET"]),
        Route("/entity", entities.entity, methods=["GET"]),
        Route("/coverage", results.coverage, methods=["GET"]),
        Route("/rules", results.rules, methods=["GET"]),
        Route("/decisions", deciding.decisions, methods=["GET"]),
        Route("/decisions/export.json", deciding.decisions_export, methods=["GET"]),
        Route("/decide", deciding.decide, methods=["POST"]),
        Route("/undo", deciding.undo, methods=["POST"]),
    ]
    made = Starlette(routes=routes, exception_handlers={404: _no_page})
    made.state.review = review
    made.state.session = session
    # Around all of it: answers to errors are guarded like all others.
    return Guard(made, session, failed=failed)


async def _open(request: Request) -> Response:
    session: Session = request.app.state.session
    if not session.exchange(request.query_params.get("token", "")):
        return PlainTextResponse(
            "This address worked once, or never. Stop 'brokenseal review' and start it again for a new one.\n", 403
        )
    response = HTMLResponse(_OPENED)
    response.set_cookie(session.cookie, session.secret, path="/", httponly=True, samesite="strict")
    return response


def _no_page(request: Request, _: Exception) -> Response:
    return missing(request)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "report.css":
        return Response(style_sheet(), media_type="text/css; charset=utf-8")
    if name not in _STATIC:
        return PlainTextResponse("Not found.\n", 404)
    return Response(_file(name), media_type=_STATIC[name])


@cache
def _file(name: str) -> bytes:
    return (files("brokenseal.review") / "static" / name).read_bytes()
