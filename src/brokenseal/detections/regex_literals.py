"""Texts that every match of a regular expression contains, read from the expression (RE2 syntax) without running it.

What is not understood counts as "anything", so the answer may be too weak but is never wrong.

References:
    https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_REPEAT = re.compile(r"\{(\d+)(?:,\d*)?\}")
_GROUP_START = re.compile(r"\?(?::|P?<\w+>|[imsU]*(?:-[imsU]+)?:)")
_INLINE_FLAGS = re.compile(r"\?[imsU]*(?:-[imsU]+)?\)")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
#: Escapes of one character that stand for a class or for a place, not for themselves.
_OPAQUE_ESCAPES = frozenset("dDwWsSbBAzCvfnrta")


class _NotUnderstood(Exception):
    """The expression has a part that this reader does not know."""


def regex_literals(pattern: str) -> list[frozenset[str]]:
    """Sets of texts; of each set, every match of *pattern* contains at least one. Empty if nothing is known.

    Texts are as written in the pattern: with the ``i`` flag, a match contains them in some case.
    """
    try:
        reader = _Reader(pattern)
        found = reader.alternatives()
        return found if reader.at_end() else []
    except (_NotUnderstood, RecursionError):
        return []


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._pattern)

    def alternatives(self) -> list[frozenset[str]]:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        if not all(branches):
            return []
        best = [max(branch, key=_strength) for branch in branches]
        return [frozenset().union(*best)]

    def _sequence(self) -> list[frozenset[str]]:
        found: list[frozenset[str]] = []
        run = ""
        while (character := self._peek()) not in ("", "|", ")"):
            item = self._item(character)
            times = self._repetition()
            if isinstance(item, str) and times is None:
                run += item
                continue
            if isinstance(item, str) and times:
                run += item
            if run:
                found.append(frozenset([run]))
            run = ""
            if not isinstance(item, str) and times != 0:
                found += item
        return [*found, frozenset([run])] if run else found

    def _item(self, character: str) -> str | list[frozenset[str]]:
        """One literal character, or what is known of a group or class."""
        if character == "(":
            return self._group()
        if character == "[":
            found = _CLASS.match(self._pattern, self._at)
            if found is None:
                raise _NotUnderstood
            self._at = found.end()
            return []
        self._at += 1
        if character == "\\":
            return self._escape()
        if character in ".^$":
            return []
        if character in "*+?{":
            raise _NotUnderstood
        return character

    def _group(self) -> list[frozenset[str]]:
        self._at += 1
        if flags := _INLINE_FLAGS.match(self._pattern, self._at):
            self._at = flags.end()
            return []
        if start := _GROUP_START.match(self._pattern, self._at):
            self._at = start.end()
        elif self._peek() == "?":
            raise _NotUnderstood
        found = self.alternatives()
        if self._peek() != ")":
            raise _NotUnderstood
        self._at += 1
        return found

    def _escape(self) -> str | list[frozenset[str]]:
        character = self._peek()
        self._at += 1
        if character in _OPAQUE_ESCAPES:
            return []
        if not character.isascii() or character.isalnum() or not character:
            raise _NotUnderstood
        return character

    def _repetition(self) -> int | None:
        """None: exactly once; else the least number of times the item before occurs."""
        character = self._peek()
        if character in ("*", "?"):
            least, self._at = 0, self._at + 1
        elif character == "+":
            least, self._at = 1, self._at + 1
        elif character == "{" and (found := _REPEAT.match(self._pattern, self._at)):
            least, self._at = int(found.group(1)), found.end()
        else:
            return None
        if self._peek() == "?":
            self._at += 1
        return least

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]


def _strength(texts: Iterable[str]) -> int:
    return min(len(text) for text in texts)
