"""The rules of a scan as the rules commands see them: those of every campaign, and those that the user adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from brokenseal.detections.rule_files import Problem
    from brokenseal.detections.rules import Rule
    from brokenseal.detections.sigma_correlation import Correlation

    AnyRule: TypeAlias = Rule | Correlation

NO_CAMPAIGN = "-"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Every rule that runs, with the id of its campaign, by campaign and title; what is wrong with others."""

    rules: list[tuple[str, AnyRule]]
    problems: Sequence[Problem]
    folders: list[Path]


def load(paths: Sequence[Path]) -> Loaded:
    """Raises ``ContentError`` when a campaign itself is wrong."""
    from brokenseal.detections.campaign import load_campaigns
    from brokenseal.detections.rules import load_rules

    campaign_of: dict[str, str] = {}
    folders: list[Path] = []
    for campaign in load_campaigns():
        folders.append(campaign.rules_folder)
        own = load_rules([campaign.rules_folder])
        campaign_of.update({rule.id: campaign.id for rule in (*own.rules, *own.correlations)})
    folders += paths
    found = load_rules(folders)
    everything: list[AnyRule] = [*found.rules, *found.correlations]
    rules = [(campaign_of.get(rule.id, NO_CAMPAIGN), rule) for rule in everything]
    rules.sort(key=lambda pair: (pair[0] == NO_CAMPAIGN, pair[0], pair[1].title, pair[1].id))
    return Loaded(rules, found.problems, folders)


def text_of(rule: AnyRule, folders: Sequence[Path]) -> str | None:
    """The text of the file that ``rule`` stands in; bytes that are no UTF-8 as lone surrogates. None: it is gone."""
    from brokenseal.detections.rule_files import read_documents, rule_paths
    from brokenseal.detections.rule_header import rule_id_of

    for path, name in rule_paths(folders):
        # Two folders given can have the same name, so the printed name alone does not say which file it is.
        if name == rule.path and any(rule_id_of(one.data) == rule.id for one in read_documents(path, name)[0]):
            return path.read_text(encoding="utf-8", errors="surrogateescape")
    return None
