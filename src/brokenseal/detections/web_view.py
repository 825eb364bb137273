"""A page's server code as features look at it: the plain form, lower-case, with what encoded pieces hold put behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from brokenseal.detections.web_blobs import Blob, find_blobs
from brokenseal.detections.web_flow import Flow, web_method_parameters
from brokenseal.detections.web_folding import Folded, fold
from brokenseal.detections.web_language import Page
from brokenseal.detections.web_lexing import Lexed, lex
from brokenseal.detections.web_model import Model
from brokenseal.detections.web_pieces import NET

_INPUT_TAG = re.compile(
    r"<(?:asp:(?:textbox|hiddenfield|dropdownlist|listbox|radiobuttonlist)|input|textarea|select)\b([^>]{0,400})>"
)
_UPLOAD_TAG = re.compile(r"<(?:asp:fileupload|input[^>]{0,200}type\s*=\s*[\"']?file)\b[^>]{0,400}>")
_ID = re.compile(r"\bid\s*=\s*[\"']?(\w+)")
_INPUT_DECLARED = re.compile(r"\b(?:textbox|htmlinputtext|htmltextarea|htmlinputhidden|hiddenfield)\s+(\w+)\s*[;=,]")
_TEXT = re.compile(r'"[^"\n]*+"')
_OWN_REQUEST = re.compile(r'"[^"\n]*+"|(?<![\w.])request\b')
_MOST_INNER = 200_000
EXCERPT = 90


class CodeView:
    """A page's server code in its plain form, with what was undone and what was found inside encoded pieces."""

    def __init__(self, page: Page, model: Model) -> None:
        self.page = page
        self.model = model
        self.lexed: Lexed = lex(page.code, page.dialect, java=page.language == "jsp")
        self.folded: Folded = fold(self.lexed.text, page.dialect)
        self.blobs: list[Blob] = find_blobs(self.folded.text)
        plain = _own_names(self.folded.text, page)
        #: Offsets from which text is from inside an encoded piece, with what to say of it.
        self.inner: list[tuple[int, str]] = []
        parts = [plain]
        length = len(plain)
        for label, text in self._inner_texts():
            parts.append("\n" + text)
            self.inner.append((length + 1, label))
            length += len(text) + 1
            if length - len(plain) > _MOST_INNER:
                break
        self.text = "".join(parts)
        self.lower = lowered(self.text)
        self._constants = {name.lower(): value.lower() for name, value in self.folded.constants.items()}
        self._family = model.families[page.family or NET]
        self._inputs = self._form_inputs()
        self.has_source = (
            bool(self._inputs)
            or self._family.sources.search(self.lower) is not None
            or next(web_method_parameters(self.lower, page.dialect), None) is not None
        )

    @cached_property
    def bare(self) -> str:
        """The lower-case code with every letter of its texts as an ``x``."""
        return _TEXT.sub(lambda found: '"' + "x" * (len(found[0]) - 2) + '"', self.lower)

    def constant(self, name: str) -> str | None:
        """The text that *name* (lower case) holds, where it holds only one."""
        return self._constants.get(name)

    @cached_property
    def flow(self) -> Flow:
        """Worked out only for a page that has a dangerous call at all."""
        family = self._family
        return Flow(self.lower, self.page.dialect, family.sources, family.posted, family.decoders, self._inputs)

    def _inner_texts(self) -> Iterator[tuple[str, str]]:
        """What encoded pieces say, lexed as code; only where it holds a telling word."""
        seen: set[str] = set()
        pieces = [
            (f"a {blob.how} text at line {self._line_of(self.folded.text, blob.offset)}", blob.text)
            for blob in self.blobs
        ]
        pieces += [
            (f"a text decoded by {name} at line {self._line_of(self.folded.text, at)}", text)
            for at, name, text in self.folded.decoded
        ]
        for label, text in pieces:
            if text and len(text) > 3 and text not in seen and self.model.telling.search(text.lower()):
                seen.add(text)
                inner = re.sub(r"<\?(?:php|=)?|\?>|<%[=!@]?|%>|</?script[^>]{0,200}>", " ", text[:_MOST_INNER])
                yield label, fold(lex(inner, self.page.dialect).text, self.page.dialect).text.replace("\v", " ")

    def _form_inputs(self) -> list[str]:
        if self.page.family != NET:
            return []
        markup = self.page.markup.lower()
        tags = [
            found[0] for found in _INPUT_TAG.finditer(markup) if "runat" in found[1] and not _UPLOAD_TAG.match(found[0])
        ]
        names = [found[1] for tag in tags for found in _ID.finditer(tag)]
        return names + _INPUT_DECLARED.findall(self.lower)

    def _line_of(self, text: str, offset: int) -> int:
        return self.page.file_line(1 + text.count("\n", 0, offset) + text.count("\v", 0, offset))

    def place(self, offset: int) -> str:
        """Where *offset* of the plain form is, for a reader."""
        label = next((label for start, label in reversed(self.inner) if offset >= start), None)
        if label is not None:
            return f"inside {label}"
        return f"line {self._line_of(self.text, offset)}"

    def excerpt(self, start: int, end: int) -> str:
        """A short piece of the code for a sentence."""
        text = re.sub(r"\s+", " ", self.text[start : min(end, start + 400)]).strip()
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
        return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def _own_names(text: str, page: Page) -> str:
    """In C# a variable called ``request`` is not the page's ``Request``: it gets another name of the same length."""
    if page.family == NET and page.dialect == "c":
        return _OWN_REQUEST.sub(lambda found: "reqvest" if found[0] == "request" else found[0], text)
    return text


def lowered(text: str) -> str:
    """*text* in lower case, of the same length."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
