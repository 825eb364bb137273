"""A page's bytes as text: byte order marks, code pages named in the page, UTF-16 without a mark, EBCDIC.

Pages are hidden from plain text search by writing them in an odd code page that the web server reads all the same.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

#: Bytes of the beginning of a file that features look at.
FEATURE_LIMIT = 8 << 20
#: Bytes behind them, at a mark of code and at the end, that features look at too.
PIECE = 1 << 20
#: Bytes without which a file that is no page by its name has no server code in it.
MARKERS = re.compile(rb"<\?php|<%|runat\s*=|<jsp:", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: A page's own word on its code page: ASP.NET and ASP by number, JSP and XML by name.
_NAMED = re.compile(
    rb"<%@[^>]{0,300}?(?:codepage|pageencoding|charset)\s*=\s*[\"']?\s*([\w.-]{2,20})|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.-]{2,20})",
    re.IGNORECASE,
)
#: Code pages that no honest page needs: EBCDIC, UTF-7, UTF-32, UTF-16 big-endian.
_ODD_NUMBERS = {"65000": "utf-7", "12000": "utf-32-le", "12001": "utf-32-be", "1201": "utf-16-be"}
_ODD_NAME = re.compile(r"(?:ibm|cp|x-ibm)?-?0?(037|273|424|500|875|1026|1140|1141|1148)$|utf-?7$|utf-?32|utf-?16be$")
_EBCDIC_STARTS = (b"\x4c\x6f\xa7\x94\x93", b"\x4c\x6c\x7c", b"\x4c\x6c\x15", b"\x4c\x6c\x40")
#: An ASCII page after a line in ASCII that names its code page: "%" in EBCDIC and in UTF-16 halves.
_FIRST_LINE = 400


@dataclass(frozen=True, slots=True)
class DecodedText:
    """``encoding``: what it was read as; ``odd`` a code page that no honest page uses, else None."""

    text: str
    encoding: str
    odd: str | None


def part_for_features(data: bytes, tail: bytes = b"") -> tuple[bytes, bool]:
    """What of a file features look at, and whether that is not all of it. ``tail``: the end of a file of which *data* is not
    all. Of a longer file: its first ``FEATURE_LIMIT`` bytes, a piece from the next mark of code on, and its end."""
    if len(data) <= FEATURE_LIMIT and not tail:
        return data, False
    head, rest = data[:FEATURE_LIMIT], data[FEATURE_LIMIT:]
    if len(rest) + len(tail) <= PIECE:
        return data + tail, bool(tail)
    end = tail or rest[-PIECE:]
    marked = MARKERS.search(rest[: len(rest) - (0 if tail else len(end))])
    piece = rest[marked.start() : marked.start() + PIECE] if marked else b""
    return b"\n".join(part for part in (head, piece, end) if part), True


def decode_text(data: bytes) -> DecodedText:
    """*data* as text; never fails."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            odd = encoding if "32" in encoding else None
            return DecodedText(_without_mark(data, mark, encoding), encoding, odd)
    if data.startswith(_EBCDIC_STARTS):
        return DecodedText(data.decode("cp037", "replace"), "cp037", "cp037")
    if wide := _wide(data):
        return DecodedText(data.decode(wide, "replace"), wide, wide if wide != "utf-16-le" else None)
    named = _named_code_page(data)
    if named is not None:
        whole = data.decode("latin-1") + "\n" + data.decode(named, "replace")
        if re.search(r"<%|<jsp:|<script|<\?", data.decode(named, "replace"), re.IGNORECASE):
            return DecodedText(whole, named, named)
    try:
        return DecodedText(data.decode("utf-8"), "utf-8", None)
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and len(data) >= FEATURE_LIMIT:
            return DecodedText(data.decode("utf-8", "ignore"), "utf-8", None)
    return DecodedText(data.decode("latin-1"), "latin-1", None)


def _without_mark(data: bytes, mark: bytes, encoding: str) -> str:
    return data[len(mark) :].decode(encoding, "replace")


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of the first is NUL."""
    head = data[:512]
    if len(head) < 8 or b"\0" not in head:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd * 10 >= half * 8 and even * 10 <= half:
        return "utf-16-le"
    if even * 10 >= half * 8 and odd * 10 <= half:
        return "utf-16-be"
    return None


def _named_code_page(data: bytes) -> str | None:
    """The odd code page that the page names for itself."""
    found = _NAMED.search(data[:4096])
    if not found:
        return None
    name = (found[1] or found[2]).decode("ascii").lower()
    if name in _ODD_NUMBERS:
        return _ODD_NUMBERS[name]
    odd = _ODD_NAME.match(name)
    if not odd:
        return None
    try:
        return codecs.lookup(f"cp{odd[1]}" if odd[1] else name).name
    except LookupError:
        return None
