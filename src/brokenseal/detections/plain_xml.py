"""Read XML that an attacker may have written: no entities, nothing fetched, and no more of it than fits the limits.

The standard library's expat is used with every entity refused, so that no other library is needed for it.
"""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass, field

from brokenseal.errors import BrokensealError

MOST_BYTES = 8 << 20
MOST_ELEMENTS = 100_000
MOST_DEPTH = 64


class XmlProblem(BrokensealError):
    """The text is no XML, or more than is read: the message says what and on which line."""


@dataclass(slots=True)
class Element:
    """An element: attributes as written, ``line`` from 1, its own text, and its comments with their lines."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> list[Element]:
        """The elements below at *path* (names, any case)."""
        found = [self]
        for name in path:
            found = [child for each in found for child in each.children if child.name.lower() == name.lower()]
        return found

    def get(self, name: str) -> str | None:
        """An attribute, whatever the case of its name."""
        if name in self.attributes:
            return self.attributes[name]
        return next((value for key, value in self.attributes.items() if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Document:
    """The root element, and all comments with their lines."""

    root: Element
    comments: list[tuple[int, str]]


def read_xml(data: bytes) -> Document:
    """The document in *data*. Raises XmlProblem."""
    if len(data) > MOST_BYTES:
        raise XmlProblem(f"is larger than {MOST_BYTES} bytes, the most that is read")
    reader = _Reader()
    try:
        reader.parser.Parse(data.lstrip(b"\r\n\t "), True)
    except xml.parsers.expat.ExpatError as error:
        text = xml.parsers.expat.errors.messages[error.code] if error.code in _MESSAGES else str(error)
        raise XmlProblem(f"line {error.lineno}: {text}") from None
    except (ValueError, LookupError, UnicodeError) as error:
        raise XmlProblem(f"cannot be read as XML: {error}") from None
    if reader.root is None:
        raise XmlProblem("holds no element")
    return Document(reader.root, reader.comments)


_MESSAGES = xml.parsers.expat.errors.messages


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self.comments: list[tuple[int, str]] = []
        self._open: list[Element] = []
        self._count = 0
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.CommentHandler = self._comment
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.EntityDeclHandler = self._refuse_entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) >= MOST_DEPTH:
            raise XmlProblem(f"line {self.parser.CurrentLineNumber}: has more or deeper elements than are read")
        element = Element(name, attributes, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def _comment(self, text: str) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise XmlProblem(f"line {self.parser.CurrentLineNumber}: has more comments than are read")
        self.comments.append((self.parser.CurrentLineNumber, text))

    def _refuse_doctype(self, name: str, *more: object) -> None:
        raise XmlProblem(f"line {self.parser.CurrentLineNumber}: declares a document type, which no such file has")

    def _refuse_entity(self, name: str, *more: object) -> None:
        raise XmlProblem(f"line {self.parser.CurrentLineNumber}: declares an entity, which is not read")
