"""The rules and campaigns of one scan, looked up by what the incident needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brokenseal.detections.campaign import Campaign
from brokenseal.detections.prefilter import literals_by_kind
from brokenseal.detections.rule_header import RuleHeader
from brokenseal.detections.rules import Rule, RuleSet, load_rules


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Campaigns, all rules, and which rule belongs to which campaign (rules of the user belong to none)."""

    campaigns: tuple[Campaign, ...]
    rule_set: RuleSet
    campaign_of_rule: dict[str, str]

    @classmethod
    def load(cls, campaigns: Sequence[Campaign], more: Sequence[Path]) -> Knowledge:
        belongs: dict[str, str] = {}
        rule_set = RuleSet(())
        for campaign in campaigns:
            rule_set = load_rules([campaign.rules_folder])
            for rule in (*rule_set.rules, *rule_set.correlations):
                belongs[rule.id] = campaign.id
        if more or len(campaigns) > 1:
            # Together once more: ids must be unique over all, and correlations may build on rules of another folder.
            rule_set = load_rules([*[campaign.rules_folder for campaign in campaigns], *more])
        return cls(tuple(campaigns), rule_set, belongs)

    @property
    def by_id(self) -> dict[str, RuleHeader]:
        """Rules and correlations by id."""
        return {rule.id: rule for rule in (*self.rule_set.rules, *self.rule_set.correlations)}

    def for_kind(self, kind: str) -> list[Rule]:
        return [rule for rule in self.rule_set.rules if kind in rule.kinds]

    def literals(self) -> dict[str, frozenset[str]]:
        """Kind → literals of which every event that some prefiltered rule matches holds one in its line."""
        return literals_by_kind(self.rule_set.rules)

    def not_run(self) -> list[tuple[str | None, str, str]]:
        """(rule id, file, reason) of the rules that are wrong; those whose log this version does not read are not meant."""
        return [
            (problem.rule_id or None, problem.path, problem.reason)
            for problem in self.rule_set.problems
            if problem.severity == "error"
        ]
