"""What every section of the report is made from: the document, the words, and where its parts stand in the page.

Ids of the document never become anchors (they are text like any other): anchors are numbered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.raw import Raw, RawTexts
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.html.texts import Texts
from brokenseal.report.proofs import weight
from brokenseal.report.shape import EvidenceRecord, Finding, IncidentDocument, Reference
from brokenseal.report.text import plain

#: Findings and files that the page lists. So few files as ``FEW_FILES`` are all listed; of more, those that are cited or
#: could not be read, and the others by folders.
MOST_FINDINGS, MOST_FILES, FEW_FILES = 200, 1000, 60
#: Places that one claim shows.
MOST_PLACES = 25

_FINDING_OR_TIME = re.compile(
    r"\bF[0-9]+\b|\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII
)
_IDS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """One log line, record or file of a group. Each part is markup, empty where not known; ``raw`` is its text."""

    where: Markup
    time: Markup
    detail: Markup
    raw: Raw | None


@dataclass(frozen=True, slots=True)
class PlacesInFile:
    """Lines of one file that prove something."""

    file: Markup
    sha256: Markup
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class Context:
    """``findings`` and ``files`` are those that the page has room for, in the document's order, by their anchors."""

    document: IncidentDocument
    texts: Texts
    findings: Mapping[str, str]
    files: Mapping[str, str]
    raw: RawTexts
    redacted: bool = False
    document_sha256: str | None = None
    manifest_sha256: str | None = None

    @classmethod
    def of(
        cls,
        document: IncidentDocument,
        texts: Texts,
        *,
        all_files: bool = False,
        redacted: bool = False,
        document_sha256: str | None = None,
        manifest_sha256: str | None = None,
    ) -> Context:
        places = range(len(document["findings"]))
        heaviest = sorted(places, key=lambda place: weight(document["findings"][place]))[:MOST_FINDINGS]
        findings: dict[str, str] = {}
        for place in sorted(heaviest):
            findings.setdefault(document["findings"][place]["id"], f"finding-{place + 1}")
        files: dict[str, str] = {}
        for place in _files(document, all_files=all_files):
            files.setdefault(document["evidence"][place]["file"], f"file-{place + 1}")
        by_anchor = {
            findings[one["id"]]: one["evidence"][:MOST_PLACES]
            for one in reversed(document["findings"])  # of two with one id the first counts
            if one["id"] in findings
        }
        raw = RawTexts.of(document, texts, {anchor: by_anchor[anchor] for anchor in findings.values()})
        return cls(document, texts, findings, files, raw, redacted, document_sha256, manifest_sha256)

    def finding(self, identity: str) -> Markup:
        """The finding's id, as a link where the page has it."""
        anchor, text = self.findings.get(identity), shown(identity, LONGEST_NAME)
        return Markup('<a href="#{}">{}</a>').format(anchor, text) if anchor else text

    def finding_list(self, identities: Sequence[str], most: int = _IDS) -> Markup:
        """Ids of findings, as links, with commas between; empty without any."""
        shown_ids = [self.finding(identity) for identity in identities[:most]]
        if len(identities) > most:
            shown_ids.append(self.texts.say("list.more", n=self.texts.number(len(identities) - most)))
        return Markup(", ").join(shown_ids)

    def sentence(self, text: str) -> Markup:
        """A sentence of the document, with the ids of findings in it as links and times as everywhere in the page."""
        # Escaped piece by piece; the pieces are one text, so the direction is kept for all of them together.
        safe = plain(text)
        pieces, end = [], 0
        for match in _FINDING_OR_TIME.finditer(safe):
            if match[0] in self.findings:
                inserted = Markup('<a href="#{}">{}</a>').format(self.findings[match[0]], match[0])
            elif match[0].endswith("Z"):
                inserted = self.texts.moment(match[0])
            else:
                continue
            pieces += [Markup.escape(safe[end : match.start()]), inserted]
            end = match.end()
        pieces.append(Markup.escape(safe[end:]))
        return Markup("<bdi>{}</bdi>").format(Markup("").join(pieces))

    def file(self, name: str) -> Markup:
        """The name of a file, as a link to its line in the list of evidence where the page has that."""
        anchor, text = self.files.get(name), file_name(name)
        return Markup('<a href="#{}">{}</a>').format(anchor, text) if anchor else text

    def places(
        self, references: Iterable[Reference], most: int = MOST_PLACES, finding: str | None = None
    ) -> list[PlacesInFile]:
        """Lines by file, in the order in which the files are first named; *finding*: the anchor of the one they prove."""
        grouped: dict[tuple[str, str | None], list[Reference]] = {}
        for reference in list(references)[:most]:
            grouped.setdefault((reference["file"], reference["sha256"]), []).append(reference)
        return [
            PlacesInFile(self.file(name), shown(sha256, LONGEST_NAME), [self._place(each, finding) for each in lines])
            for (name, sha256), lines in grouped.items()
        ]

    def _place(self, reference: Reference, finding: str | None) -> Place:
        texts = self.texts
        record = reference.get("record")
        line = texts.number(reference["line"])
        where = (
            texts.say("place.line", line=line)
            if record is None
            else texts.say("place.record", line=line, record=str(record))
        )
        offset = reference.get("offset")
        if offset is not None:
            where = texts.say("place.at_byte", where=where, offset=texts.number(offset))
        time = texts.moment(reference["time"]) if reference.get("time") else Markup("")
        return Place(where, time, shown(reference.get("detail"), 300), self.raw.take(reference, finding))


def cited_files(document: IncidentDocument) -> set[str]:
    """Names of the files that a finding, a mailbox, a web shell or a process refers to."""
    references: list[Reference] = []
    for finding in document["findings"]:
        references += finding["evidence"]
    for mailbox in document["mailboxes"]:
        references += mailbox.get("evidence", [])
    for change in document.get("changes", []):
        references += change.get("evidence", [])
    for intrusion in document["intrusions"]:
        for shell in intrusion["webshells"]:
            references += shell.get("evidence", [])
            planted = shell.get("planted")
            references += [planted["evidence"]] if planted else []
        for process in intrusion["processes"]:
            references += process["evidence"]
    return {reference["file"] for reference in references}


def by_id(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding["id"]: finding for finding in findings}


def in_trouble(one: EvidenceRecord) -> bool:
    """Whether a file, or a part of it, could not be read."""
    return one["kind"] in ("refused", "unrecognised") or one["rejects"] > 0 or one["sha256"] is None


def _files(document: IncidentDocument, *, all_files: bool) -> list[int]:
    """The places of the files that the page names: what is cited first, then what could not be read, then the others."""
    evidence = document["evidence"]
    if all_files or len(evidence) <= FEW_FILES:
        return list(range(len(evidence)))
    cited = cited_files(document)
    named = [place for place, one in enumerate(evidence) if one["file"] in cited or in_trouble(one)]
    return sorted(sorted(named, key=lambda place: (evidence[place]["file"] not in cited, place))[:MOST_FILES])
