"""Encoded pieces of code: base64, hexadecimal, lists of numbers. What is readable inside is judged as well.

One layer is taken off; text that comes out is given back, programs and pictures are recognised by their first bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from brokenseal.detections.web_codecs import base64_bytes, inflated, readable

#: Pieces of one file that are decoded, and most bytes of one.
_MOST = 400
_LARGEST = 2 << 20
_BASE64 = re.compile(r'"([A-Za-z0-9+/_-][A-Za-z0-9+/_\v \\-]{10,}={0,2})"')
_HEX = re.compile(r'"(?:0x|\\\\x)?((?:[0-9a-fA-F]{2}){12,})"')
_NUMBERS = re.compile(
    r"(?:(?:0x[0-9a-fA-F]{1,2}|\d{1,3})(?:[,|;:*#_ \v\n.-]|, |,\v| , ){1,2}){11,}(?:0x[0-9a-fA-F]{1,2}|\d{1,3})"
)
_LETTERS = re.compile(r"\"[^\"\n]\"(?:\s*,\s*\"[^\"\n]\"){5,}")
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,2}|\d{1,3}")
_PICTURES = (
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"RIFF",
    b"wOFF",
    b"wOF2",
    b"BM",
    b"\0\0\1\0",
    b"OTTO",
    b"\0\1\0\0",
    b"<svg",
    b"%PDF",
    b"iVBOR",
)
#: First bytes of gzip, zlib and most raw deflate streams.
_PACKED = (b"\x1f", b"\x78", b"\xed", b"\x7d", b"\xcd", b"\x8d", b"\xad")
_PROGRAMS = (
    (b"MZ", "a Windows program or library"),
    (b"\xca\xfe\xba\xbe", "a Java class"),
    (b"\x7fELF", "a Linux program"),
)


@dataclass(frozen=True, slots=True)
class Blob:
    """``how`` it was encoded, its ``offset`` and ``length`` in the plain form; ``text`` or ``program`` inside."""

    how: str
    offset: int
    length: int
    text: str | None
    program: str | None


def find_blobs(text: str) -> list[Blob]:
    """All encoded pieces of *text* (plain form) that hold text or a program; pictures and fonts are left out."""
    found: list[Blob] = []
    for how, offset, length, stored in _candidates(text):
        if stored.startswith(_PICTURES):
            continue
        data = (inflated(stored) or stored) if stored[:1] in _PACKED else stored
        program = next((what for start, what in _PROGRAMS if data.startswith(start) and len(data) > 60), None)
        inside = None if program else readable(data)
        if program or inside:
            found.append(Blob(how, offset, length, inside, program))
    return found


def _candidates(text: str) -> list[tuple[str, int, int, bytes]]:
    out: list[tuple[str, int, int, bytes]] = []
    for found in _BASE64.finditer(text):
        data = base64_bytes(found[1][:_LARGEST].replace("\\", ""))
        if data:
            out.append(("base64", found.start(), len(found[1]), data))
        if len(out) >= _MOST:
            break
    for found in list(_HEX.finditer(text))[:_MOST]:
        out.append(("hexadecimal", found.start(), len(found[1]), bytes.fromhex(found[1][:_LARGEST])))
    for number, found in enumerate(_NUMBERS.finditer(text)):
        values = [int(item, 0) if item.startswith("0x") else int(item) for item in _NUMBER.findall(found[0][:_LARGEST])]
        if number < _MOST and max(values) < 256 and len(set(values)) > 4:
            out.append(("numbers", found.start(), len(found[0]), bytes(values)))
    for number, found in enumerate(_LETTERS.finditer(text)):
        if number < _MOST:
            letters = "".join(re.findall(r'"([^"\n])"', found[0]))
            out.append(("single letters", found.start(), len(found[0]), letters.encode("utf-8", "replace")))
    return sorted(out, key=lambda item: item[1])
