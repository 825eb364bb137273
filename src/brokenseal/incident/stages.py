"""How far a finding reaches: the campaign's ladder of stages, and the verdict each step carries."""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.detections.campaign import Campaign, Stage
from brokenseal.incident.findings import Finding

#: Verdicts from least to worst; ``cannot_tell`` is worse than nothing found, because something may be hidden.
VERDICTS = ("no_evidence", "cannot_tell", "probed", "attempted", "breached", "mail_read")
_BY_OUTCOME = {"probed": "probed", "attempted": "attempted", "succeeded": "breached"}


def worst(verdicts: Sequence[str], default: str = "no_evidence") -> str:
    """The worst of *verdicts*."""
    return max(verdicts, key=VERDICTS.index, default=default)


class Ladder:
    """The stages of all campaigns, and which campaign a rule belongs to."""

    def __init__(self, campaigns: Sequence[Campaign], campaign_of_rule: dict[str, str]) -> None:
        self._stages: dict[tuple[str, str], Stage] = {}
        self._campaign_of_rule = campaign_of_rule
        for campaign in campaigns:
            for stage in campaign.stages:
                self._stages[campaign.id, stage.id] = stage

    def campaign(self, finding: Finding) -> str | None:
        return self._campaign_of_rule.get(finding.rule.id)

    def stage(self, finding: Finding) -> Stage | None:
        campaign = self.campaign(finding)
        if campaign is None or finding.rule.stage is None:
            return None
        return self._stages.get((campaign, finding.rule.stage))

    def rank(self, finding: Finding) -> tuple[int, int]:
        """How far the finding's stage is, over all ladders: by its verdict, then its step; lowest without one."""
        stage = self.stage(finding)
        return (VERDICTS.index(stage.verdict), stage.step) if stage is not None else (-1, -1)

    def grade(self, finding: Finding) -> str | None:
        """The verdict this finding alone carries; None for context and for rules that grade nothing."""
        if finding.rule.context or finding.rule.outcome is None:
            return None
        by_outcome = _BY_OUTCOME[finding.rule.outcome]
        stage = self.stage(finding)
        if stage is None or finding.rule.outcome != "succeeded":
            return by_outcome
        return stage.verdict

    def above_probe(self, finding: Finding) -> bool:
        grade = self.grade(finding)
        return grade is not None and VERDICTS.index(grade) > VERDICTS.index("probed")

    def broke_in(self, findings: Sequence[Finding]) -> bool:
        """Whether one of the findings shows that the server was broken into."""
        grades = [grade for finding in findings if (grade := self.grade(finding)) is not None]
        return worst(grades) in ("breached", "mail_read")

    def wrote_file(self, finding: Finding) -> bool:
        """Whether the finding can be the birth of a web shell: something that succeeded below its use."""
        return self.grade(finding) == "breached" and finding.rule.webshell is None

    def highest(self, findings: Sequence[Finding]) -> Stage | None:
        """The highest stage among findings that grade something; a failed try at a stage does not reach it."""
        reached = [finding for finding in findings if self.stage(finding) is not None and self._reached(finding)]
        best = max(reached, key=self.rank, default=None)
        return self.stage(best) if best is not None else None

    def _reached(self, finding: Finding) -> bool:
        stage = self.stage(finding)
        return stage is not None and self.grade(finding) == stage.verdict
