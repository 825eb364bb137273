"""The findings with the lines behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.context import MOST_PLACES, Context, PlacesInFile
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.shape import Finding

_TAGS = 12
_OPEN = 3  # so few places are shown at once


@dataclass(frozen=True, slots=True)
class Fact:
    label: Markup
    value: Markup


@dataclass(frozen=True, slots=True)
class FindingView:
    anchor: str
    name: Markup
    title: Markup
    outcome: Markup
    tone: str
    level: Markup
    facts: Sequence[Fact]
    places: Sequence[PlacesInFile]
    summary: Markup
    open: bool


@dataclass(frozen=True, slots=True)
class Findings:
    findings: Sequence[FindingView]
    none: Markup
    more: Markup
    raw: Sequence[Markup]


def findings(context: Context) -> Findings:
    texts, every = context.texts, context.document["findings"]
    anchors = dict(context.findings)
    made = []
    for finding in every:
        anchor = anchors.pop(finding["id"], None)  # of two with one id only the first
        if anchor is not None:
            made.append(_finding(context, finding, anchor))
    left_out = len(every) - len(made)
    return Findings(
        made,
        Markup("") if every else texts.say("findings.none"),
        texts.count("findings.more", left_out) if left_out > 0 else Markup(""),
        _about_raw(context),
    )


def _about_raw(context: Context) -> list[Markup]:
    """What the page says of raw texts, and of those that it has not."""
    texts, cited = context.texts, context.document.get("cited")
    if cited is None:
        return [texts.say("raw.none")]
    said = [texts.say("raw.intro")] if cited["lines"] else []
    left_out = cited["left_out"] + len(context.raw.left_out)
    numbers = {"left_out": left_out, "missing": cited["missing"], "withheld": cited["withheld"]}
    return said + [texts.count(f"raw.{name}", number) for name, number in numbers.items() if number]


def _finding(context: Context, finding: Finding, anchor: str) -> FindingView:
    texts, document = context.texts, context.document
    ids = {one["id"]: one["title"] for one in document["campaigns"]}
    campaign, stage = finding.get("campaign"), finding.get("stage")
    evidence = finding["evidence"][:MOST_PLACES]
    facts = {
        "when": texts.span(finding["time"], finding.get("last") or finding["time"]),
        "count": texts.number(finding["count"]),
        "host": shown(finding["host"], LONGEST_NAME),
        "source_ip": shown(finding["source_ip"], LONGEST_NAME),
        "stage": texts.words("stages", f"{stage}.sentence", shown(stage, LONGEST_NAME)) if stage else "",
        "campaign": shown(ids.get(campaign, campaign), LONGEST_NAME) if campaign else "",
        "tags": texts.listed([shown(tag, LONGEST_NAME) for tag in finding.get("tags", ())], _TAGS),
        "rule": Markup("<code>{}</code>").format(shown(finding["rule"], LONGEST_NAME)),
    }
    summary = texts.count("findings.places", len(evidence))
    if finding["count"] > len(evidence):
        summary = texts.say("findings.places_of", places=summary, all=texts.number(finding["count"]))
    return FindingView(
        anchor=anchor,
        name=shown(finding["id"], LONGEST_NAME),
        title=shown(finding["title"]),
        outcome=texts.words("outcomes", finding["outcome"]),
        tone={"succeeded": "bad", "attempted": "warn", "probed": "warn"}.get(finding["outcome"], "plain"),
        level=texts.words("levels", finding["level"]),
        facts=[
            Fact(texts.say(f"findings.facts.{name}"), Markup.escape(value)) for name, value in facts.items() if value
        ],
        places=context.places(evidence, finding=anchor),
        summary=summary,
        open=len(evidence) <= _OPEN,
    )
