"""The printed names of evidence: decoded where a collector encoded them, printable, and all different.

References: Velociraptor stores a collected file under its path with characters that Windows forbids in names written as
%XX, e.g. ``uploads/auto/C%3A/inetpub/…``; a device is ``%5C%5C.%5CC%3A`` for ``\\\\.\\C:``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_ENCODED_BY_COLLECTOR = re.compile(r"%(?:3A|5C|20|2A|3F|22|3C|3E|7C)", re.IGNORECASE)
_ENCODED_VOLUME = re.compile(r"(?:^|/)(?:[A-Za-z]%3A|%5C%5C[.?]%5C[^/]*)(?:/|$)", re.IGNORECASE)
_NOT_PRINTED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def joined(segments: Sequence[str]) -> str:
    """The printed form of a path on disk and the paths in archives that follow it: 'a.zip!/inner.zip!/x.log'."""
    return printable("!/".join(segments))


def printable(name: str) -> str:
    r"""``name`` with control, formatting and undecodable characters as ``\x1b`` or ``\u202e``."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(_escaped(character) if _is_unprintable(character) else character for character in name)


def decoded(path: str) -> str:
    """``path`` with %XX decoded once, where the collector wrote it; otherwise as it is.

    A path with an encoded drive or device was written by a collector, so each of its parts is decoded. Elsewhere only
    parts are that hold an encoded character which Windows forbids in names, or an encoded space. Parts that would
    decode to '/', to a control character, to '.' or '..', or to no valid UTF-8 are kept.
    """
    if not _ENCODED.search(path):
        return path
    by_collector = _ENCODED_VOLUME.search(path) is not None
    return "/".join(
        _decoded_part(part) if by_collector or _ENCODED_BY_COLLECTOR.search(part) else part for part in path.split("/")
    )


def distinct_names(paths: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """For each path (one string per archive level, in a stable order) its printed segments, no two alike when joined.

    Where decoding or escaping makes two paths equal, they keep their encoded form; what is still equal is numbered.
    """
    names = [tuple(printable(decoded(segment)) for segment in path) for path in paths]
    encoded = [False] * len(names)
    while True:
        counts = Counter("!/".join(name) for name in names)
        alike = [at for at, name in enumerate(names) if counts["!/".join(name)] > 1 and not encoded[at]]
        if not alike:
            break
        for at in alike:
            names[at] = tuple(printable(segment) for segment in paths[at])
            encoded[at] = True
    taken = set(counts)
    seen: set[str] = set()
    for at, name in enumerate(names):
        full = "!/".join(name)
        if full in seen:
            number = 2
            while f"{full} ({number})" in taken:
                number += 1
            names[at] = (*name[:-1], f"{name[-1]} ({number})")
            taken.add(f"{full} ({number})")
        seen.add(full)
    return names


def _decoded_part(part: str) -> str:
    try:
        plain = unquote(part, errors="strict")
    except UnicodeDecodeError:
        return part
    if "/" in plain or plain in ("", ".", "..") or any(map(_is_unprintable, plain)):
        return part
    return plain


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in _NOT_PRINTED


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, see PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
