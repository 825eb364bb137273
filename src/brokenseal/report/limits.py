"""The last sections of the report: what could not be seen, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from brokenseal.report.page import Page
from brokenseal.report.shape import Coverage, EvidenceRecord, IncidentDocument
from brokenseal.report.text import plain
from brokenseal.report.wording import count, day_span, entry_of, moment, source_in_words

_SENTENCES = 40
_FILES = 10
_GAPS = 3
_REASONS = 3


def not_seen(document: IncidentDocument, page: Page) -> None:
    page.heading("What could not be seen")
    for sentence in page.bound(document["not_seen"], _SENTENCES):
        page.bullet(plain(sentence))
    page.more(len(document["not_seen"]), _SENTENCES)
    problems = [*_refused(document), *_rejected(document), *_not_run(document)]
    for problem in page.bound(problems, _FILES):
        page.bullet(problem)
    page.more(len(problems), _FILES)
    unrecognised = [plain(one["file"], None) for one in document["evidence"] if one["kind"] == "unrecognised"]
    if unrecognised:
        page.bullet(f"{count(len(unrecognised), 'file')} of a kind this version does not read:")
        for name in page.bound(unrecognised, _FILES):
            page.sentence(name, 6)
        page.more(len(unrecognised), _FILES, 6)
    if not (document["not_seen"] or problems or unrecognised):
        page.sentence("Nothing is known to be missing.")
    if any(host["coverage"] for host in document["hosts"]):
        page.blank()
        page.sentence("The logs that were read, and from when to when (UTC):")
        for host in document["hosts"]:
            page.sentence(plain(host["host"]), 4)
            for coverage in host["coverage"]:
                _coverage(coverage, page)


def next_steps(document: IncidentDocument, page: Page) -> None:
    page.heading("What to do next")
    advice = document["advice"] or ["Keep the evidence and this result as they are."]
    width = len(str(len(advice)))
    for number, sentence in enumerate(advice, start=1):
        page.bullet(plain(sentence), mark=f"{number:>{width}}.")


def _refused(document: IncidentDocument) -> Iterator[str]:
    for one in document["evidence"]:
        if one["kind"] == "refused":
            yield f"Not read: {plain(one['file'], None)}{_note(one)}"


def _rejected(document: IncidentDocument) -> Iterator[str]:
    for one in sorted(document["evidence"], key=lambda one: -one["rejects"]):
        if one["rejects"]:
            entries = count(one["rejects"], entry_of(one["kind"]))
            lost = f"{entries} of {one['events'] + one['rejects']:,} could not be parsed"
            yield f"{plain(one['file'], None)}: {lost}{_reasons(one['reject_reasons'])}"


def _not_run(document: IncidentDocument) -> Iterator[str]:
    for rule in document["rules"]["not_run"]:
        yield f"Rule not run: {plain(rule['file'], None)}: {plain(rule['reason'])}"


def _note(one: EvidenceRecord) -> str:
    note = plain(one.get("note"))
    return f": {note}" if note else ""


def _reasons(reasons: Mapping[str, int]) -> str:
    """The most frequent reasons, in brackets."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{plain(reason)}: {number:,}" for reason, number in ordered[:_REASONS]]
    if len(ordered) > _REASONS:
        parts.append(f"{count(len(ordered) - _REASONS, 'other reason')}")
    return f" ({'; '.join(parts)})" if parts else ""


def _coverage(coverage: Coverage, page: Page) -> None:
    files = count(coverage["files"], "file")
    if coverage["events"]:
        text = f"{day_span(coverage['first'], coverage['last'])}; {count(coverage['events'], 'event')}, {files}"
    else:
        text = f"no events ({files})"
    if coverage["rejects"]:
        entry = entry_of(coverage["source"].partition("/")[0])
        text += f"; {count(coverage['rejects'], entry)} not parsed"
    page.bullet(f"{source_in_words(coverage['source'])}: {text}", 6)
    gaps = sorted(coverage["gaps"], key=lambda gap: -gap["hours"])
    for gap in page.bound(gaps, _GAPS):
        page.sentence(f"GAP of {gap['hours']:,.1f} h: {moment(gap['from'])} to {moment(gap['to'])}", 8)
    page.more(len(gaps), _GAPS, 8)
    if coverage.get("note"):
        page.sentence(plain(coverage["note"]), 8)
