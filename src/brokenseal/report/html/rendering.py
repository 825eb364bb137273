"""From the incident document to the bytes of the page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brokenseal.report.html import (
    advice,
    coverage,
    evidence,
    exposure,
    mailboxes,
    opening,
    outflow,
    processes,
    proofs,
    shells,
    story,
    timeline,
)
from brokenseal.report.html.context import Context
from brokenseal.report.html.decided import Decided
from brokenseal.report.html.decided import view as decisions_view
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.html.texts import load_texts
from brokenseal.report.html.translating import in_language
from brokenseal.report.redaction import Redaction
from brokenseal.report.shape import IncidentDocument

_TEMPLATES = "templates"
_VIEWS: dict[str, Callable[[Context], object]] = {
    "story": story.view,
    "timeline": timeline.view,
    "mailboxes": mailboxes.view,
    "outflow": outflow.view,
    "shells": shells.view,
    "processes": processes.view,
    "exposure": exposure.view,
    "coverage": coverage.view,
    "advice": advice.view,
    "findings": proofs.findings,
    "evidence": evidence.view,
}


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: Markup
    template: str
    view: object


def render(
    document: Mapping[str, object],
    *,
    language: str = "en",
    redacted: Collection[str] = (),
    names_of: Mapping[str, object] | None = None,
    decided: Decided | None = None,
    all_files: bool = False,
    document_sha256: str | None = None,
    manifest_sha256: str | None = None,
) -> bytes:
    """The page as UTF-8. ``document`` must be valid by its schema. ``decided``: what the case's review says.

    ``redacted``: kinds of names to replace by pseudonyms (see :mod:`brokenseal.report.redaction`); those of ``names_of``,
    another document of the same case, are given first.
    ``all_files``: list every file of the evidence. ``document_sha256``, ``manifest_sha256``: of the file that the case keeps
    the document in, and of the manifest of its verification, where known.
    Raises ``UsageError`` for a language without texts.
    """
    texts = load_texts(language)
    incident = cast(IncidentDocument, document)
    if redacted:
        first = incident if names_of is None else cast(IncidentDocument, names_of)
        redaction = Redaction(first, redacted)
        incident = redaction.document() if first is incident else redaction.of(incident)
        decided = decided.redacted(redaction) if decided is not None else None
    incident, untold = in_language(incident, language)
    context = Context.of(
        incident,
        texts,
        all_files=all_files,
        redacted=bool(redacted),
        document_sha256=document_sha256,
        manifest_sha256=manifest_sha256,
    )
    views = {name: view(context) for name, view in _VIEWS.items()}
    views = {"decisions": decisions_view(decided, context), **views}
    sections = [
        Section(name, texts.say(f"page.sections.{name}"), f"{name}.html.jinja", made)
        for name, made in views.items()
        if made
    ]
    style = style_sheet()
    page = _environment().get_template("page.html.jinja")
    html = page.render(
        t=texts.say,
        texts=texts,
        policy=policy(style),
        style=Markup(style),
        opening=opening.view(context),
        sections=sections,
        ids={section.id for section in sections},
        redacted=bool(redacted),
        untold=texts.count("page.untold", untold) if untold else "",
        generator=texts.say(
            "page.made_by",
            name=shown(incident["generator"]["name"], LONGEST_NAME),
            version=shown(incident["generator"]["version"], LONGEST_NAME),
            schema=shown(incident["schema_version"], LONGEST_NAME),
        ),
        lane_height=timeline.LANE_HEIGHT,
    )
    return (html.rstrip("\n") + "\n").encode("utf-8")


def policy(style: str) -> str:
    """The Content-Security-Policy of a page with this style sheet: nothing may be loaded, run or sent."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def style_sheet() -> str:
    """``templates/report.css`` with the newlines that it stands in the page with."""
    file = files("brokenseal.report.html") / _TEMPLATES / "report.css"
    return "\n" + file.read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("brokenseal.report.html", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
