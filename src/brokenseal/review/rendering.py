"""From what a page knows to its HTML: the templates, and text of logs made safe in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from brokenseal.events.sources import rfc3339
from brokenseal.report import wording
from brokenseal.report.html.shown import bare, file_name, shown
from brokenseal.report.html.texts import load_texts
from brokenseal.report.text import plain
from brokenseal.review.case_review import CaseReview
from brokenseal.review.decisions import Marks
from brokenseal.review.session import Session

PAGES = (
    ("/", "Overview"),
    ("/timeline", "Timeline"),
    ("/findings", "Findings"),
    ("/mailboxes", "Mailboxes"),
    ("/webshells", "Web shells"),
    ("/entities", "Entities"),
    ("/coverage", "Coverage"),
    ("/rules", "Rules"),
    ("/decisions", "Decisions"),
)
TONES = {
    "mail_read": "bad",
    "breached": "bad",
    "attempted": "warn",
    "probed": "plain",
    "cannot_tell": "unsure",
    "no_evidence": "good",
}
LEVEL_TONES = {"critical": "bad", "high": "bad", "medium": "warn", "low": "plain", "informational": "plain"}
_LONGEST_FIELD = 20000
_FINDING_OR_TIME = re.compile(r"\bF[0-9]+\b|\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z", re.ASCII)


def review_of(request: Request) -> CaseReview:
    found: CaseReview = request.app.state.review
    return found


def page(
    request: Request, template: str, *, title: str, marks: Marks | None = None, status: int = 200, **context: object
) -> HTMLResponse:
    """A page of the review. ``template`` without its ending; ``marks`` saves asking for them a second time."""
    review = review_of(request)
    session: Session = request.app.state.session
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    found = marks if marks is not None else review.decisions.marks()
    html = (
        _environment()
        .get_template(f"{template}.html.jinja")
        .render(
            title=title,
            case=review.name,
            document=review.document,
            findings_by_id=review.findings,
            marks=found,
            left_out=review.left_out(found),
            stale=review.stale,
            pages=PAGES,
            path=request.url.path,
            here=here,
            form_token=session.form_token,
            **context,
        )
    )
    return HTMLResponse(html, status)


def missing(request: Request, why: str = "") -> HTMLResponse:
    """The page of what there is not, from which the others can be reached."""
    return page(request, "missing", title="Not found", status=404, why=why or "There is no such page in this review.")


def moment(time: object) -> Markup:
    """A time with its milliseconds, from RFC 3339 or milliseconds since 1970 UTC."""
    if time is None or time == "":
        return Markup('<span class="muted">not known</span>')
    written = rfc3339(time) if isinstance(time, int) else str(time)
    return Markup('<time datetime="{}">{}</time>').format(bare(written, 40), plain_moment(time))


def plain_moment(time: object) -> Markup:
    """The same where no element can stand."""
    written = rfc3339(time) if isinstance(time, int) else str(time)
    return bare(written.replace("T", " ", 1).removesuffix("Z").removesuffix(".000"), 40)


def field(value: object) -> Markup:
    """The value of a field of an event, whole but for what no reader would scroll through."""
    if isinstance(value, datetime):
        return moment(rfc3339(round(value.timestamp() * 1000)))
    text = str(value)
    shown_text = Markup("<bdi>{}</bdi>").format(plain(text, _LONGEST_FIELD))
    if len(text) <= _LONGEST_FIELD:
        return shown_text
    return Markup('{} <strong class="cut">({:,} characters; the rest is in the file)</strong>').format(
        shown_text, len(text)
    )


def linked(text: str, known: object) -> Markup:
    """A sentence of the document in which the ids of findings lead to them, and times are as everywhere in the pages."""
    names = known if isinstance(known, dict) else {}

    def better(found: re.Match[str]) -> str:
        if found[0].endswith("Z"):
            return str(moment(found[0]))
        return f'<a href="/findings/{found[0]}">{found[0]}</a>' if found[0] in names else found[0]

    safe = str(escape(plain(text, None)))
    return Markup("<bdi>{}</bdi>").format(Markup(_FINDING_OR_TIME.sub(better, safe)))


def _verdict(verdict: str) -> str:
    # With decisions the rows are others, and what a verdict rests on may be either.
    return "broken into, and mail was read or sent on" if verdict == "mail_read" else wording.verdict_words(verdict)[0]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("brokenseal.review", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = load_texts("en")
    filters: dict[str, Callable[..., object]] = {
        "shown": shown,
        "bare": bare,
        "file_name": file_name,
        "moment": moment,
        "linked": linked,
        "number": lambda number: f"{number:,}",
        "size": lambda size: texts.size(size) if size is not None else Markup("not known"),
        "span": lambda pair: texts.span(*pair),
        "verdict": _verdict,
        "source": wording.source_in_words,
        "kind": lambda kind: wording.in_words(wording.SOURCES, kind),
        "access": lambda way: wording.in_words(wording.ACCESS, way),
        "change": wording.change_in_words,
        "sure": wording.sure_in_words,
        "hint": wording.hint_in_words,
        "received": wording.received_in_words,
        "estimate": wording.estimate_in_words,
        "tracked": wording.tracked_in_words,
        "state": lambda state: wording.in_words(wording.STATES, state),
        "stage": lambda stage: texts.words("stages", f"{stage}.label", shown(stage)),
        "tone": lambda verdict: TONES.get(verdict, "plain"),
        "zip_same": lambda values: [(value, value) for value in values],
        "zip_kinds": lambda kinds: [(kind, wording.in_words(wording.SOURCES, kind)) for kind in kinds],
        "pair": lambda pairs, name: dict(pairs).get(name, ""),
        "rule_title": lambda rule, titles: dict(titles).get(rule, rule),
        "plain_moment": plain_moment,
        "hours": lambda hours: f"{hours:,.0f} h" if hours >= 1 else f"{hours * 60:,.0f} min",
        "field": field,
        "level_tone": lambda level: LEVEL_TONES.get(level, "plain"),
    }
    environment.filters.update(filters)
    return environment
