"""Text out of logs, made safe to show.

Log lines are written by attackers. A terminal that is shown them raw can be made to clear the screen, retitle its
window, hide a line, or show a file name backwards. Each character that could do so is shown as a visible escape
instead, in the notation of Python: ``\\x1b``, ``\\n``, ``\\u202e``, ``\\U000e0041``. A backslash that stands in the
text stays as it is (Windows paths would be unreadable otherwise), so this form is for reading; the exact text is in
the JSON document and in the evidence.
"""

from __future__ import annotations

import re
import unicodedata

# Cc control, Cf format (bidi controls, zero-width, tags), Cs lone surrogates (undecodable bytes), Co private use,
# Cn unassigned, Zl and Zp line and paragraph separators. Zs (other than the space itself) is only confusable, yet
# an invisible difference between two file names is just what a reader of evidence must not miss.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})

# Letters, marks and symbols by category, but drawn as nothing.
_DRAWN_AS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
)

_LAST_OF_TWO_DIGITS, _LAST_OF_FOUR_DIGITS = 0xFF, 0xFFFF
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_PADDING = re.compile(r"\s{8,}")

LONGEST = 1000


def plain(text: object, limit: int | None = LONGEST) -> str:
    """``text`` as one line that is safe to print.

    ``limit`` is the greatest number of characters of the result: a longer one ends in ``…``. With ``None`` nothing is
    cut: for file names, which a reader must be able to follow.
    Anything that is not a string is shown by ``str()``; ``None`` is the empty string.
    """
    if text is None:
        return ""
    source = text if isinstance(text, str) else str(text)
    if limit is not None and len(source) > limit:
        # Escaping only makes text longer, so nothing after the limit can be shown.
        source = source[: limit + 1]
    safe = source if source.isascii() and source.isprintable() else "".join(map(_visible, source))
    if limit is not None and len(safe) > limit:
        return safe[: max(limit - 1, 0)] + "…"
    return safe


def unpadded(text: str) -> str:
    """``text`` with long runs of blanks as their number, so that padding pushes nothing out of the part that is shown."""
    return _PADDING.sub(lambda blanks: f" [{len(blanks[0]):,} blanks] ", text)


def _visible(character: str) -> str:
    if character == " ":
        return character
    if unicodedata.category(character) not in _ESCAPED_CATEGORIES and character not in _DRAWN_AS_NOTHING:
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code <= _LAST_OF_TWO_DIGITS:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
