"""Where to break a line: at spaces, else after a slash (so that names in a long path or URL stay whole), else anywhere.

Breaking leaves nothing out: the pieces put together again are the text. Only :func:`cut` does, and shows it.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, get_character_cell_size

_WORD = re.compile(r"\S*\s*")
_PART = re.compile(r"[^/]*/*")


def breaks(text: str, width: int) -> list[int]:
    """Offsets at which ``text`` goes on in a new line, so that no line takes more than ``width`` cells of the terminal.

    Spaces at the end of a line do not count: they are not seen. A character wider than ``width`` has a line to itself.
    """
    offsets: list[int] = []
    used = 0  # cells taken in the line being filled
    for start, word in _pieces(_WORD, text):
        visible = cell_len(word.rstrip())
        if used + visible <= width:
            used += cell_len(word)
            continue
        if used:
            offsets.append(start)
        if visible <= width:
            used = cell_len(word)
        else:
            inner, used = _within(word, width)
            offsets.extend(start + offset for offset in inner)
    return offsets


def cut(text: str, width: int, lines: int) -> str:
    """As much of ``text`` as ``lines`` lines of ``width`` cells can hold; where that is not all, it ends in ``…``."""
    offsets = [0, *breaks(text, width)]
    if len(offsets) <= lines:
        return text
    start, end = offsets[lines - 1], offsets[lines]
    while end > start and cell_len(text[start:end].rstrip()) >= width:
        end -= 1
    return f"{text[:end].rstrip()}…"


def _within(word: str, width: int) -> tuple[list[int], int]:
    """Breaks inside a word that is too long for a line, and the cells that its last line takes."""
    offsets: list[int] = []
    used = 0
    for start, part in _pieces(_PART, word):
        size = cell_len(part)
        if used and used + cell_len(part.rstrip()) > width:
            offsets.append(start)
            used = 0
        if used + cell_len(part.rstrip()) <= width:
            used += size
            continue
        for position, character in enumerate(part):
            cells = get_character_cell_size(character)
            if used and used + cells > width and not character.isspace():
                offsets.append(start + position)
                used = 0
            used += cells
    return offsets, used


def _pieces(pattern: re.Pattern[str], text: str) -> list[tuple[int, str]]:
    return [(match.start(), match[0]) for match in pattern.finditer(text) if match[0]]
