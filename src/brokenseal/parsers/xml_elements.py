"""Find the elements of one name in a large XML file and read each by itself: no entities, nothing fetched, memory bounded.

In XML a ``<`` stands nowhere but where a tag begins, so an element reaches from its start tag to its end tag, or, if it has
none, no further than the next start tag. A damaged one loses nothing but itself. The file may be one line. No document type
is ever read, so no entity can be declared.
"""

from __future__ import annotations

import re
import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from brokenseal.errors import BrokensealError
from brokenseal.parsers.blocks import MAX_LINE, Readable, Tally, raw_blocks
from brokenseal.parsers.decoding import SNIFF_BYTES, encoding_of, newlines_of

#: Deeper elements, or more of them in one, are none of the kind that is read here.
MOST_DEPTH = 16
MOST_ELEMENTS = 100_000
#: What may stand around the elements, each no longer than this; so much is shown of what may not.
_SHOWN_BYTES = 4096
_BETWEEN = re.compile(r"<\?xml[^<>]*\?>|</?SearchResults(?:\s[^<>]*)?/?>|<!--[^<>]*-->")


class XmlProblem(BrokensealError):
    """The text is no such element: the message says why."""


class Chunk(NamedTuple):
    """The text of an element, or how something begins that is none (``problem`` says what); line from 1."""

    text: str
    line: int
    offset: int
    problem: str = ""


TOO_LONG = "XML element is too long"
STRAY = "text outside of the XML elements"


@dataclass(slots=True)
class Element:
    """An element: its attributes, children and own text."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


class XmlElements:
    """Where the elements *names* of one file are; keeps what a block does not finish."""

    def __init__(self, names: tuple[str, ...], *, max_bytes: int = MAX_LINE) -> None:
        self._names, self._max_bytes = names, max_bytes
        self._encoding = ""
        self._data = b""
        #: Byte of the file at which the data begins; up to where its lines are counted, and the line there.
        self._base = self._counted = 0
        self._line = 1
        #: Whether what comes next belongs to something that was refused already.
        self._skipping = False

    def chunks(self, stream: Readable, tally: Tally, block_bytes: int) -> Iterator[tuple[list[Chunk], int]]:
        """What is in the file, in order; with each list the number of bytes that were read for it."""
        for raw in raw_blocks(stream, tally, block_bytes=block_bytes):
            self._data += raw
            # However a file is cut into blocks, as many first bytes tell its encoding.
            ready = bool(self._encoding) or len(self._data) >= SNIFF_BYTES
            yield list(self._take(tally, last=False)) if ready else [], len(raw)
        yield list(self._take(tally, last=True)), 0

    def _take(self, tally: Tally, *, last: bool) -> Iterator[Chunk]:
        if not self._encoding:
            self._encoding = tally.encoding = encoding_of(self._data)
            self._compile()
        at = 0
        while at < len(self._data):
            before = at
            if self._skipping:
                at = self._skip(at, last=last)
            else:
                blank = self._blank.match(self._data, at)
                at = blank.end() if blank is not None else at
                start = self._start.match(self._data, at)
                chunk, at = self._outside(at, last=last) if start is None else self._element(at, start.end(), last=last)
                if chunk is not None:
                    yield chunk
            if at == before:
                break
        self._advance(at)
        self._data, self._base, self._counted = self._data[at:], self._base + at, self._counted - at

    def _compile(self) -> None:
        def coded(text: str) -> bytes:
            return re.escape(text.encode(self._encoding))

        self._width = 1 if self._encoding == "utf-8" else 2
        after = b"|".join(coded(each) for each in " \t\r\n/>")
        self._start = re.compile(b"(?:" + b"|".join(coded(f"<{n}") for n in self._names) + b")(?=" + after + b")")
        self._end = re.compile(b"|".join(coded(f"</{name}>") for name in self._names))
        self._blank = re.compile(b"(?:" + b"|".join(coded(each) for each in " \t\r\n\ufeff") + b")*")
        self._longest = (max(map(len, self._names)) + 4) * self._width

    def _skip(self, at: int, *, last: bool) -> int:
        found = self._find(self._start, at, len(self._data))
        if found is not None:
            self._skipping = False
            return found.start()
        if last:
            return len(self._data)
        kept = len(self._data) - self._longest
        return max(at, kept - kept % self._width)

    def _element(self, at: int, begun: int, *, last: bool) -> tuple[Chunk | None, int]:
        """The element that begins at *at*, and where to go on: at *at* again if it is not finished yet."""
        following = self._find(self._start, begun, len(self._data))
        until = len(self._data) if following is None else following.start()
        end = self._find(self._end, begun, until)
        known = end is not None or following is not None or last
        stop = until if end is None else end.end()
        if stop - at > self._max_bytes:
            self._skipping = True
            return self._chunk(at, min(_SHOWN_BYTES, self._max_bytes), TOO_LONG), begun
        return (self._chunk(at, stop - at), stop) if known else (None, at)

    def _outside(self, at: int, *, last: bool) -> tuple[Chunk | None, int]:
        """What stands at *at* where no element begins."""
        rest = len(self._data) - at
        if rest >= self._width or last:
            text = self._text(at, _SHOWN_BYTES)
            between = _BETWEEN.match(text)
            if between is not None:
                return None, at + len(between[0].encode(self._encoding))
            if text and (rest >= _SHOWN_BYTES or last):
                self._skipping = True
                return self._chunk(at, _SHOWN_BYTES, STRAY), at + min(rest, self._width)
        return None, at

    def _chunk(self, at: int, size: int, problem: str = "") -> Chunk:
        self._advance(at)
        text = self._text(at, size)
        return Chunk(text.split("\n")[0].rstrip("\r") if problem else text, self._line, self._base + at, problem)

    def _advance(self, at: int) -> None:
        """Count the lines up to *at*."""
        if at > self._counted:
            passed = self._data[self._counted : at]
            self._line += passed.count(b"\n") if self._width == 1 else len(newlines_of(passed, self._encoding))
            self._counted = at

    def _text(self, at: int, size: int) -> str:
        return self._data[at : at + size].decode(self._encoding, "backslashreplace")

    def _find(self, pattern: re.Pattern[bytes], start: int, end: int) -> re.Match[bytes] | None:
        """The first match that begins on a whole character."""
        found = pattern.search(self._data, start, end)
        while found is not None and found.start() % self._width:
            found = pattern.search(self._data, found.start() + 1, end)
        return found


def read_element(text: str) -> Element:
    """The element with which *text* begins; what follows it is not looked at. Raises XmlProblem."""
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("utf-8", "replace"), True)
    except xml.parsers.expat.ExpatError as error:
        if reader.root is None or reader.open:
            raise XmlProblem(f"XML is not well-formed ({xml.parsers.expat.ErrorString(error.code)})") from None
    if reader.root is None:
        raise XmlProblem("XML is not well-formed (no element found)")
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self._count = 0
        self.parser = xml.parsers.expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self.open) >= MOST_DEPTH:
            raise XmlProblem("XML element has more or deeper elements than are read")
        element = Element(name, attributes)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, name: str) -> None:
        self.open.pop()

    def _characters(self, text: str) -> None:
        self.open[-1].text += text
