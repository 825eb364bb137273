"""The raw text of an event's line: from the document where it is kept, else from the evidence where that is still at hand.

The evidence is opened read-only. Whether a file still has the hash of the scan is not checked here, only its size and the
time of its last change: the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from markupsafe import Markup, escape

from brokenseal.errors import EvidenceError
from brokenseal.events import Source
from brokenseal.events.raw_records import RawRecords, found_again, named_binary, raw_records
from brokenseal.events.sources import WEB_FILE
from brokenseal.evidence import EvidenceFile
from brokenseal.incident.subject_logs import WITH_SUBJECTS
from brokenseal.parsers.record_text import RecordText
from brokenseal.report.raw_lines import RawKey, physical_lines, raw_key, raw_lines
from brokenseal.report.shape import CitedLine, Reference
from brokenseal.report.text import plain
from brokenseal.review.case_review import CaseReview

#: Characters shown of a line that is read from the evidence.
_MOST = 20_000
#: Bytes of compressed content that are read over to come to a line, so that a page comes at once.
_FARTHEST = 128 << 20

_FORMS = {
    "line": "Raw line",
    "record": "Raw text of the record",
    "first_line": "First raw line of the record",
    "decoded": "Record as decoded",
}
_GONE = "The evidence is not there any more, or is not as it was, and the result does not keep this line."
_NOT_FOUND = "The line is not where it was in its file any more."
_BINARY = "The file is no text: the fields are what was decoded of the record."
_TOO_FAR = "The line lies too far into a compressed file to be read for a page."
_WITHHELD = "Such a line tells of single messages, which are private: a scan with --subjects shows it."
_FROM_EVIDENCE = "Read from the evidence now. Its size and time are those of the scan; its hash was not checked."
_KEPT = "Kept in the result of the scan."


@dataclass(frozen=True, slots=True)
class RawLine:
    """``text`` is markup, empty where there is none; ``source`` says where it comes from, or why it is not there."""

    title: str
    text: Markup
    source: str


def raw_of(review: CaseReview, references: Sequence[Reference]) -> list[RawLine | None]:
    """The raw text of each; None for what has no lines (a file of a web folder), or is not of this case."""
    kept = raw_lines(review.document)
    missing: dict[int, list[Reference]] = {}
    for reference in references:
        place = review.place(reference)
        if raw_key(reference) not in kept and place is not None and reference.get("offset") is not None:
            missing.setdefault(place[0], []).append(reference)
    read = _read(review, missing)
    return [_kept_line(kept[raw_key(one)]) if raw_key(one) in kept else read.get(raw_key(one)) for one in references]


def _read(review: CaseReview, missing: Mapping[int, Sequence[Reference]]) -> dict[RawKey, RawLine]:
    sources = [source for number in missing if (source := review.store.sources[number]).kind != WEB_FILE]
    withheld = [source for source in sources if source.kind in WITH_SUBJECTS and not review.subjects]
    hidden = RawLine(_FORMS["line"], Markup(""), _WITHHELD)
    found: dict[RawKey, RawLine] = {raw_key(one): hidden for source in withheld for one in missing[source.id]}
    sources = [source for source in sources if source not in withheld]
    at_hand = found_again(sources)
    for source in sources:
        wanted = missing[source.id]
        lines = _of_source(source, at_hand.get(source.id), (one["offset"] for one in wanted))
        found.update((raw_key(one), lines[one["offset"]]) for one in wanted)
    return found


def _of_source(source: Source, file: EvidenceFile | None, offsets: Iterable[int]) -> dict[int, RawLine]:
    wanted = set(offsets)
    near = {offset for offset in wanted if file is None or not file.compressed or offset <= _FARTHEST}
    raw, why = RawRecords(named_binary(source)), _GONE
    if file is not None:
        with suppress(EvidenceError, OSError):
            raw, why = raw_records(file, source, near, _MOST), _NOT_FOUND
    if raw.binary:
        return dict.fromkeys(wanted, RawLine(_FORMS["decoded"], Markup(""), _BINARY))
    found = dict.fromkeys(wanted, RawLine(_FORMS["line"], Markup(""), why))
    found |= dict.fromkeys(wanted - near, RawLine(_FORMS["line"], Markup(""), _TOO_FAR))
    return found | {offset: _read_line(text) for offset, text in raw.texts.items()}


def _kept_line(line: CitedLine) -> RawLine:
    return RawLine(_title(line["form"], line["text"], line["bytes"], cut=line["cut"]), _markup(line["text"]), _KEPT)


def _read_line(text: RecordText) -> RawLine:
    return RawLine(_title(text.form.value, text.text, text.size, cut=text.cut), _markup(text.text), _FROM_EVIDENCE)


def _title(form: str, text: str, size: int, *, cut: bool) -> str:
    title = _FORMS.get(form, _FORMS["line"])
    return f"{title}, the first {len(text):,} characters of {size:,} bytes" if cut else f"{title}, {size:,} bytes"


def _markup(text: str) -> Markup:
    shown = (escape(plain(line, None)) for line in physical_lines(text))
    return Markup("\n").join(Markup("<bdi>{}</bdi>").format(line) for line in shown)
