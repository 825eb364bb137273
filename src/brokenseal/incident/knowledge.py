"""The rules and campaigns of one scan, looked up by what the incident needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brokenseal.detections.campaign import Campaign
from brokenseal.detections.prefilter import literals_by_kind
from brokenseal.detections.rule_cache import CompiledRules, compiled_rules
from brokenseal.detections.rule_header import RuleHeader
from brokenseal.detections.rules import Rule, RuleSet
from brokenseal.detections.windows_matching import WindowsRules


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Campaigns, all rules, and which rule belongs to which campaign (rules of the user belong to none)."""

    campaigns: tuple[Campaign, ...]
    compiled: CompiledRules
    campaign_of_rule: dict[str, str]

    @classmethod
    def load(cls, campaigns: Sequence[Campaign], more: Sequence[Path]) -> Knowledge:
        # All together: ids must be unique over all, and correlations may build on rules of another folder.
        compiled = compiled_rules([*[campaign.rules_folder for campaign in campaigns], *more])
        rule_set = compiled.rule_set
        folders = [(campaign.id, os.path.join(campaign.rules_folder, "")) for campaign in campaigns]
        belongs = {
            rule.id: campaign
            for campaign, folder in folders
            for rule in (*rule_set.rules, *rule_set.correlations)
            if rule.file.startswith(folder)
        }
        return cls(tuple(campaigns), compiled, belongs)

    @property
    def rule_set(self) -> RuleSet:
        return self.compiled.rule_set

    @property
    def by_id(self) -> dict[str, RuleHeader]:
        """Rules and correlations by id."""
        return {rule.id: rule for rule in (*self.rule_set.rules, *self.rule_set.correlations)}

    def for_kind(self, kind: str) -> list[Rule]:
        return [rule for rule in self.rule_set.rules if kind in rule.kinds]

    def literals(self) -> dict[str, frozenset[str]]:
        """Kind → literals of which every event that some prefiltered rule matches holds one in its line."""
        return literals_by_kind(self.rule_set.rules)

    def windows_rules(self) -> WindowsRules:
        """The rules on Windows events, made ready to run."""
        return self.compiled.windows()

    def not_run(self) -> list[tuple[str | None, str, str]]:
        """(rule id, file, reason) of the rules that are wrong; those whose log this version does not read are not meant."""
        return [
            (problem.rule_id or None, problem.path, problem.reason)
            for problem in self.rule_set.problems
            if problem.severity == "error"
        ]
