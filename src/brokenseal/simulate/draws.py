"""Seeded draws that give the same values on every operating system and Python version.

Only ``random.Random.random()`` and ``getrandbits()`` are used: their results for a given integer seed are promised to
stay, those of ``choice``, ``randint`` or ``shuffle`` are not.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

_Option = TypeVar("_Option")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LETTERS_AND_DIGITS = _LETTERS + _LETTERS.upper() + "0123456789"


class Draws:
    """One independent stream of draws, named by its key.

    Streams of different keys do not influence each other, so that a user's Tuesday is the same whatever else happens.
    """

    def __init__(self, *key: object) -> None:
        digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big"))

    def below(self, count: int) -> int:
        """A whole number from 0 to ``count - 1``."""
        return int(self._random.random() * count)

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """True in about ``percent`` of 100 draws."""
        return self._random.random() * 100 < percent

    def pick(self, options: Sequence[_Option]) -> _Option:
        return options[int(self._random.random() * len(options))]

    def guid(self) -> str:
        """A random (version 4) GUID in lower case."""
        h = f"{self._random.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def hexadecimal(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def letters(self, count: int) -> str:
        return "".join(self.pick(_LETTERS) for _ in range(count))

    def letters_and_digits(self, count: int) -> str:
        return "".join(self.pick(_LETTERS_AND_DIGITS) for _ in range(count))
