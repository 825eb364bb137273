"""The raw text of cited lines in the page: each stands once, where it proves something first, and is linked to elsewhere.

The findings come before all others, the first line of each before the second of any: so they share the room there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from markupsafe import Markup, escape

from brokenseal.report.html.texts import Texts
from brokenseal.report.raw_lines import RawKey, physical_lines, raw_key, raw_lines
from brokenseal.report.shape import CitedLine, IncidentDocument, Reference
from brokenseal.report.text import plain

#: Characters of raw text in one page, and of one line: as many as a document keeps.
MOST_CHARACTERS, MOST_OF_LINE = 2_000_000, 2000


@dataclass(frozen=True, slots=True)
class Raw:
    """The raw text of a line. Where the page has it elsewhere ``text`` is empty, and ``title`` is that of a link to it."""

    anchor: str
    title: Markup
    text: Markup


@dataclass(slots=True)
class RawTexts:
    """``take`` is asked once for each place that the page shows, in the page's order of sections."""

    texts: Texts
    lines: Mapping[RawKey, CitedLine]
    #: The anchor of the finding at which a line stands.
    _of_findings: Mapping[RawKey, str]
    _room: int
    _anchors: dict[RawKey, str] = field(default_factory=dict)
    _standing: set[RawKey] = field(default_factory=set)
    left_out: set[RawKey] = field(default_factory=set)

    @classmethod
    def of(cls, document: IncidentDocument, texts: Texts, findings: Mapping[str, Sequence[Reference]]) -> RawTexts:
        """*findings*: by anchor, the places that the card of each shows."""
        lines = raw_lines(document)
        owners: dict[RawKey, str] = {}
        for anchor, references in findings.items():
            for reference in references:
                owners.setdefault(raw_key(reference), anchor)
        made = cls(texts, lines, owners, MOST_CHARACTERS)
        for reference in _first_of_each_first(findings.values()):
            made._anchor(raw_key(reference))
        return made

    def take(self, reference: Reference, owner: str | None = None) -> Raw | None:
        """*owner*: the anchor of the finding whose place it is, if it is one's. None where the page has no text of it."""
        key = raw_key(reference)
        anchor = self._anchor(key)
        if anchor is None:
            return None
        home = self._of_findings.get(key)
        if key in self._standing or (home is not None and home != owner):
            return Raw(anchor, self.texts.say("raw.link"), Markup(""))
        self._standing.add(key)
        line = self.lines[key]
        return Raw(anchor, self._title(line), _text(line["text"][:MOST_OF_LINE]))

    def _anchor(self, key: RawKey) -> str | None:
        line = self.lines.get(key)
        if line is None or key in self._anchors or key in self.left_out:
            return self._anchors.get(key)
        if len(line["text"]) > self._room:
            self.left_out.add(key)
            return None
        self._room -= len(line["text"])
        self._anchors[key] = f"line-{len(self._anchors) + 1}"
        return self._anchors[key]

    def _title(self, line: CitedLine) -> Markup:
        texts = self.texts
        title = texts.words("raw.forms", line["form"])
        size = texts.count("bytes", line["bytes"])
        if line["cut"]:
            return texts.say("raw.cut", title=title, shown=texts.number(len(line["text"])), size=size)
        return texts.say("raw.whole", title=title, size=size)


def _first_of_each_first(claims: Iterable[Sequence[Reference]]) -> list[Reference]:
    ranks = zip_longest(*claims)
    return [reference for reference in chain.from_iterable(ranks) if reference is not None]


def _text(text: str) -> Markup:
    """A line of markup for each line of the record."""
    shown = (escape(plain(line, None)) for line in physical_lines(text))
    return Markup("\n").join(Markup("<bdi>{}</bdi>").format(line) for line in shown)
