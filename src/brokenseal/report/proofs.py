"""The section of the report that lists the findings and the log entries behind them; other sections name them by id."""

from __future__ import annotations

from collections.abc import Collection

from brokenseal.report.page import Page, where
from brokenseal.report.raw_lines import not_there, raw_key, raw_lines
from brokenseal.report.shape import CitedLine, Finding, IncidentDocument
from brokenseal.report.text import plain, unpadded
from brokenseal.report.wording import OUTCOMES, WINDOWS_EVENT, count, entry_of, moment, rank

_FINDINGS = 12
_INDENT = 7
_LEVELS = ("critical", "high", "medium", "low", "informational")

#: How much a finding weighs: what weighs most is smallest.
Weight = tuple[int, int, str, str]


def findings(document: IncidentDocument, page: Page) -> None:
    """The findings that weigh most, each with its first log entry; when verbose, all with all entries on record and the
    beginning of each entry's raw text."""
    page.heading("Findings and where they stand in the logs")
    event_logs = {one["file"] for one in document["evidence"] if one["kind"] == WINDOWS_EVENT}
    everything = sorted(document["findings"], key=weight)
    raw = raw_lines(document) if page.verbose else {}
    if not everything:
        page.sentence("No rule found anything.")
    for finding in page.bound(everything, _FINDINGS):
        page.labelled(plain(finding["id"]), plain(finding["title"]), width=4)
        entries = _entries(finding, event_logs)
        page.sentence(_about(finding, entries), _INDENT)
        references = finding["evidence"] if page.verbose else finding["evidence"][:1]
        for reference in references:
            page.sentence(where(reference), _INDENT)
            if detail := page.brief(reference.get("detail") or "").strip():
                page.barred(detail, _INDENT, ">", lines=1)
            if (line := raw.get(raw_key(reference))) is not None:
                page.clipped(_raw(line), _INDENT, "raw:")
        if page.verbose and finding["count"] > len(references):
            page.sentence(f"… and {count(finding['count'] - len(references), *_more(entries))}", _INDENT)
    page.more(len(everything), _FINDINGS, hint="-v or --json")
    cited = document.get("cited")
    for sentence in not_there(cited) if page.verbose and cited is not None else ():
        page.sentence(sentence)


def _raw(line: CitedLine) -> str:
    return plain(unpadded(line["text"]), None) + ("…" if line["cut"] else "")


def weight(finding: Finding) -> Weight:
    return (rank(OUTCOMES, finding["outcome"]), rank(_LEVELS, finding["level"]), finding["time"] or "", finding["id"])


def _entries(finding: Finding, event_logs: Collection[str]) -> tuple[str, str]:
    """What the log entries of ``finding`` are called, one and many: a rule can match in text logs and in event logs."""
    of_events = {one["file"] in event_logs or "record" in one for one in finding["evidence"]}
    if len(of_events) > 1:
        return "log entry", "log entries"
    entry = f"log {entry_of(WINDOWS_EVENT if True in of_events else '')}"
    return entry, f"{entry}s"


def _more(entries: tuple[str, str]) -> tuple[str, str]:
    return f"more {entries[0]}", f"more {entries[1]}"


def _about(finding: Finding, entries: tuple[str, str]) -> str:
    about = [plain(finding["outcome"]), plain(finding["level"]), count(finding["count"], *entries)]
    if finding["time"]:
        about.append(f"first {moment(finding['time'])}")
    if finding["source_ip"]:
        about.append(f"from {plain(finding['source_ip'])}")
    if finding["host"]:
        about.append(f"on {plain(finding['host'])}")
    return ", ".join(about)
