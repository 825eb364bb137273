"""The section of the report that lists the findings and the log lines behind them; other sections name them by id."""

from __future__ import annotations

from brokenseal.report.page import Page, where
from brokenseal.report.shape import Finding, IncidentDocument
from brokenseal.report.text import plain
from brokenseal.report.wording import OUTCOMES, count, moment, rank

_FINDINGS = 12
_LEVELS = ("critical", "high", "medium", "low", "informational")


def findings(document: IncidentDocument, page: Page) -> None:
    """The findings that weigh most, each with its first log line; when verbose, all with all lines on record."""
    page.heading("Findings and their log lines")
    everything = sorted(document["findings"], key=_weight)
    if not everything:
        page.sentence("No rule found anything.")
    for finding in page.bound(everything, _FINDINGS):
        page.labelled(plain(finding["id"]), plain(finding["title"]), width=4)
        page.sentence(_about(finding), 7)
        references = finding["evidence"] if page.verbose else finding["evidence"][:1]
        for reference in references:
            page.sentence(where(reference["file"], reference["line"]), 7)
        if page.verbose and finding["count"] > len(references):
            page.sentence(f"… and {count(finding['count'] - len(references), 'more log line')}", 7)
    page.more(len(everything), _FINDINGS, hint="-v or --json")


def _weight(finding: Finding) -> tuple[int, int, str, str]:
    return (rank(OUTCOMES, finding["outcome"]), rank(_LEVELS, finding["level"]), finding["time"] or "", finding["id"])


def _about(finding: Finding) -> str:
    about = [plain(finding["outcome"]), plain(finding["level"]), count(finding["count"], "log line")]
    if finding["time"]:
        about.append(f"first {moment(finding['time'])}")
    if finding["source_ip"]:
        about.append(f"from {plain(finding['source_ip'])}")
    if finding["host"]:
        about.append(f"on {plain(finding['host'])}")
    return ", ".join(about)
