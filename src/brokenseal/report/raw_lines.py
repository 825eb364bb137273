"""The raw text of the lines that a document cites, found by the references to them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from brokenseal.report.shape import Cited, CitedLine, IncidentDocument, Reference
from brokenseal.report.wording import count

#: File, SHA-256, line and offset: two records may begin in one line.
RawKey = tuple[str, str | None, int, int | None]

_LINE_END = re.compile(r"\r*\n")


def raw_lines(document: IncidentDocument) -> Mapping[RawKey, CitedLine]:
    """By what a reference to it says; empty for a document without."""
    cited = document.get("cited")
    lines = cited["lines"] if cited is not None else []
    return {(line["file"], line["sha256"], line["line"], line["offset"]): line for line in lines}


def raw_key(reference: Reference) -> RawKey:
    return reference["file"], reference["sha256"], reference["line"], reference.get("offset")


def physical_lines(text: str) -> list[str]:
    """The lines of a record, without their ends."""
    return _LINE_END.split(text)


def not_there(cited: Cited) -> list[str]:
    """Of how many lines the raw text is not in the document, and why: sentences."""
    lines = "cited line", "cited lines"
    sentences = {
        "of {} is not here: the file could not be read again": cited["missing"],
        "of {} is left out here: it would be too much": cited["left_out"],
        "of {} is withheld: such logs hold subjects of messages (scan with --subjects)": cited["withheld"],
    }
    return [f"The raw text {sentence.format(count(n, *lines))}." for sentence, n in sentences.items() if n]
