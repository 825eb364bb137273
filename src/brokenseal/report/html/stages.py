"""The findings of an intrusion by the stage they show: what the story tells and the timeline draws.

A stage's chapter and words are in the texts (``stages.<id>``); for a stage of a campaign that has none there the rule's own
title speaks, and the ATT&CK tactics of its tags say which chapter it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import bare, shown
from brokenseal.report.shape import Finding, Intrusion

CHAPTERS = ("in", "did", "left", "mail")

_TACTICS = {
    "attack.persistence": "left",
    "attack.collection": "mail",
    "attack.exfiltration": "mail",
    "attack.reconnaissance": "in",
    "attack.initial-access": "in",
}
_LABEL = 46


@dataclass(frozen=True, slots=True)
class Stage:
    """``label`` is short and without elements, ``sentence`` whole. ``findings`` by time, never empty."""

    chapter: str
    label: Markup
    sentence: Markup
    findings: Sequence[Finding]

    @property
    def first(self) -> str | None:
        return min((one["time"] for one in self.findings if one["time"]), default=None)

    @property
    def last(self) -> str | None:
        return max((one.get("last") or one["time"] or "" for one in self.findings), default=None) or None

    @property
    def entries(self) -> int:
        """How often at least: a line that two rules match is one, so counts are not added; different times are not one."""
        times = {one["time"] for one in self.findings if one["time"]}
        return max(len(times), *(one["count"] for one in self.findings))


def findings_of(context: Context, intrusion: Intrusion) -> list[Finding]:
    """Those that the intrusion or a part of it names."""
    ids = set(intrusion.get("findings", ()))
    for flaw in intrusion["cves"]:
        ids.update(flaw["findings"])
    for shell in intrusion["webshells"]:
        ids.update(shell.get("findings", ()))
    return [finding for finding in context.document["findings"] if finding["id"] in ids]


def stages(context: Context, findings: Iterable[Finding]) -> list[Stage]:
    """By time. Findings without a stage, which support others, are in none."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        stage = finding.get("stage")
        if stage:
            known = context.texts.has(f"stages.{stage}.sentence")
            grouped.setdefault(stage if known else f"{stage}\0{finding['title']}", []).append(finding)
    made = [_stage(context, key, members) for key, members in grouped.items()]
    return sorted(made, key=lambda stage: (stage.first or "~", CHAPTERS.index(stage.chapter), stage.findings[0]["id"]))


def _stage(context: Context, key: str, findings: list[Finding]) -> Stage:
    texts = context.texts
    findings.sort(key=lambda finding: (finding["time"] or "~", finding["id"]))
    if "\0" not in key:
        chapter = texts.entries[f"stages.{key}.chapter"]
        return Stage(chapter, texts.say(f"stages.{key}.label"), texts.say(f"stages.{key}.sentence"), findings)
    title = findings[0]["title"]
    tags = [tag for finding in findings for tag in finding.get("tags", ())]
    chapter = next((name for tag, name in _TACTICS.items() if tag in tags), "did")
    return Stage(chapter, bare(title, _LABEL), texts.say("story.by_title", title=shown(title)), findings)
