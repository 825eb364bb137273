"""Many names replaced in a text at once, longer ones first, whole words only."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Where a name may begin: not within a word, but after an escape of a URL or of JSON.
_BEGINNINGS = re.compile(r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\[bfnrt]))(?=\S)")
_HEAD = 2


class Replacer:
    """Replaces in a text each of *names* by its pseudonym, whatever the case: ``bob`` leaves ``bobbin`` alone.

    The names are looked up by their first letters, so that thousands of them cost no more than a few.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        lengths: dict[str, set[int]] = {}
        for name in names:
            lengths.setdefault(name[:_HEAD].casefold(), set()).add(len(name))
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}

    def __call__(self, text: str) -> str:
        if not self._names:
            return text
        pieces: list[str] = []
        end = 0
        for match in _BEGINNINGS.finditer(text):
            at = match.start()
            if at < end:
                continue
            lengths = self._lengths.get(text[at : at + _HEAD].casefold(), ())
            for length in lengths or self._lengths.get(text[at].casefold(), ()):
                after = at + length
                if text[after : after + 1].isalnum():
                    continue
                found = text[at:after]
                pseudonym = self._names.get(found) or self._names.get(found.casefold())
                if pseudonym is not None:
                    pieces += (text[end:at], pseudonym)
                    end = after
                    break
        return "".join((*pieces, text[end:])) if pieces else text
