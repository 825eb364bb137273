"""One case under review: its document, its timeline, its decisions, and what belongs to what among them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from brokenseal.errors import UsageError
from brokenseal.events import EventStore, default_jobs
from brokenseal.events.engine import parquet_relation
from brokenseal.events.web_file import STATES
from brokenseal.incident.kept_results import latest_result
from brokenseal.incident.subject_logs import PRIVATE_FIELDS
from brokenseal.report.shape import Finding, IncidentDocument, Reference
from brokenseal.report.withheld_lines import names_subjects
from brokenseal.review.chosen import Chosen
from brokenseal.review.decisions import PARTS_OF_EVENT, Decisions, Marks, Target
from brokenseal.review.event_index import open_index
from brokenseal.review.event_key import EventKey
from brokenseal.review.filters import Filter
from brokenseal.review.gaps import milliseconds
from brokenseal.review.judged import Judged, judged_without, marked_keys
from brokenseal.review.judging import Judging
from brokenseal.review.opened_case import OpenedCase
from brokenseal.review.standing import Standing, standing
from brokenseal.review.timeline import EventRow, Timeline
from brokenseal.review.verdict import Reviewed, known_access, known_grades, reviewed

_MAJOR = "1."


class CaseReview:
    """Raises ``UsageError`` when the directory is no case, or holds no result of a scan.

    ``building`` is called before the timeline's index is made, which takes a while once.
    """

    def __init__(self, case: Path, *, threads: int | None = None, building: Callable[[], None] = lambda: None) -> None:
        if not case.is_dir():
            raise UsageError(f"{case} is not a directory; name the directory that a scan kept with --case.")
        result = latest_result(case)
        if result is None:
            raise UsageError(
                f"there is no result in {case}, or it was changed since: run 'brokenseal scan EVIDENCE --case' first."
            )
        if not str(result.document.get("schema_version")).startswith(_MAJOR):
            raise UsageError(f"{case} holds a document of another schema; scan again with this version.")
        self.directory = case
        self.document = cast("IncidentDocument", result.document)
        self._stamp = self._results_stamp()
        jobs = threads or default_jobs()
        self.case = OpenedCase(case)
        self.store = EventStore(self.case, threads=1)
        try:
            self._engine, blocks, self.told = open_index(self.case, result, threads=jobs, building=building)
        except BaseException:
            self.store.close()
            raise
        self.timeline = Timeline(self._engine, blocks)
        self.decisions = Decisions(case)
        self.judging = Judging(lambda keys: judged_without(case, keys))
        self.grades = known_grades()
        self.findings = {finding["id"]: finding for finding in self.document["findings"]}
        self._sources = {(one.name, one.sha256): one.id for one in self.store.sources.values()}

    @property
    def subjects(self) -> bool:
        """Whether the scan was asked to name subjects, sizes and ids of messages."""
        return names_subjects(self.document)

    @property
    def name(self) -> str:
        return self.directory.resolve().name

    @property
    def stale(self) -> bool:
        """Whether the case was scanned again since it was opened."""
        return self._results_stamp() != self._stamp

    def _results_stamp(self) -> tuple[int, int]:
        try:
            status = (self.directory / "results" / "key.json").stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size

    @cached_property
    def proof_keys(self) -> dict[tuple[int, int], EventKey]:
        """File and line → key, of all evidence of findings that the timeline shows."""
        found: dict[tuple[int, int], EventKey] = {}
        elsewhere: list[tuple[int, int]] = []
        for finding in self.document["findings"]:
            for reference in finding["evidence"]:
                place, time = self.place(reference), reference.get("time")
                if place is None:
                    continue
                # The evidence of a file may have another time than the row that lists it.
                if time and self.store.sources[place[0]].kind not in STATES:
                    found[place] = EventKey(milliseconds(time), *place)
                else:
                    elsewhere.append(place)
        return found | self.timeline.keys(elsewhere)

    def place(self, reference: Reference) -> tuple[int, int] | None:
        source = self._sources.get((reference["file"], reference["sha256"] or ""))
        return None if source is None else (source, reference["line"])

    def key_of(self, reference: Reference) -> EventKey | None:
        """Where the timeline shows a line of evidence; None where it does not."""
        place = self.place(reference)
        return None if place is None else self.proof_keys.get(place) or self.timeline.keys([place]).get(place)

    def findings_at(self, row: EventRow) -> list[Finding]:
        return [self.findings[name] for name in self.told.of(row.told) if name in self.findings]

    def events_of(self, finding: str) -> int:
        """How many events of a finding the timeline shows; all that it counts, but for those without a time."""
        return self.told.events(self.told.numbers([finding]))

    def intrusions_of(self, finding: str) -> list[str]:
        return [one["id"] for one in self.document["intrusions"] if finding in one.get("findings", ())]

    def event_target(self, key: EventKey) -> Target | None:
        source = self.store.sources.get(key.source_id)
        return None if source is None else (source.name, source.sha256, str(key.line))

    def place_of_target(self, target: Target) -> tuple[int, int] | None:
        """File and line of an event that a decision names; None where the case no longer has it."""
        if len(target) != PARTS_OF_EVENT or not target[2].isdecimal():
            return None
        source = self._sources.get((target[0], target[1]))
        return None if source is None else (source, int(target[2]))

    def finding_of_target(self, target: Target) -> Finding | None:
        return next((one for one in self.document["findings"] if finding_target(one) == target), None)

    def file_of(self, key: EventKey) -> str:
        source = self.store.sources.get(key.source_id)
        return source.name if source is not None else ""

    def left_out(self, marks: Marks) -> set[str]:
        """Ids of the findings that are marked as false positives."""
        return {one["id"] for one in self.document["findings"] if marks.false_positive(finding_target(one))}

    def verdict(self, marks: Marks) -> Reviewed:
        return reviewed(self.document, self.left_out(marks), self.grades)

    def standing(self, marks: Marks) -> Standing:
        """What of the result rests on findings that are marked as false positives."""
        return standing(self.document, self.left_out(marks), self.grades, known_access())

    def judged(self, marks: Marks) -> Judged | None:
        """The case judged again without the marked findings; None where there are none, or while it is being computed."""
        keys = marked_keys(self.document, marks)
        return self.judging.ask(keys) if keys else None

    def chosen(self, wanted: Filter, marks: Marks) -> Chosen | None:
        """The events that a filter by finding or mark leaves; None where it does not choose so."""
        if not wanted.chosen:
            return None
        told = marked = None
        if wanted.by_finding:
            told = self.told.numbers([name for name, one in self.findings.items() if self._fits(one, wanted, marks)])
        if wanted.mark and wanted.mark != "false_positive":
            marked = sorted(self._marked(wanted.mark, marks))
        return Chosen(told, marked)

    def _fits(self, finding: Finding, wanted: Filter, marks: Marks) -> bool:
        return (
            (not wanted.finding or finding["id"] == wanted.finding)
            and (not wanted.rule or finding["rule"] == wanted.rule)
            and (not wanted.level or finding["level"] == wanted.level)
            and (not wanted.intrusion or wanted.intrusion in self.intrusions_of(finding["id"]))
            and (wanted.mark != "false_positive" or marks.false_positive(finding_target(finding)) is not None)
        )

    def _marked(self, kind: str, marks: Marks) -> set[EventKey]:
        places = [place for one in marks.targets(kind, "event") if (place := self.place_of_target(one)) is not None]
        return set(self.timeline.keys(places).values())

    def record(self, row: EventRow) -> list[tuple[str, object]]:
        """All fields of an event as the case keeps them; without subjects, not those that tell of a single message."""
        private = frozenset[str]() if self.subjects else PRIVATE_FIELDS.get(row.kind, frozenset())
        part = self.case.part_path("events", row.kind, self.store.sources[row.key.source_id].part)
        found = self.timeline.ask(
            f"SELECT * FROM {parquet_relation([part])} "
            f"WHERE source_id = {row.key.source_id} AND line = {row.key.line} LIMIT 1"
        )
        told = found[0].items() if found else ()
        return [(name, value) for name, value in told if value is not None and name not in private]

    def close(self) -> None:
        self.judging.close()
        self._engine.close()
        self.store.close()
        self.case.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def finding_target(finding: Finding) -> Target:
    return finding["rule"], finding["host"] or "", finding["source_ip"] or ""


def finding_label(finding: Finding) -> str:
    return f"{finding['id']} {finding['title']}, {finding['host'] or 'no host'}"
