"""The text that a call is given: up to its closing bracket, cut at its commas, or to the end of the statement."""

from __future__ import annotations

import re

_STATEMENT_END = re.compile(r'"[^"\n]*+"?|[;\n]')


def statement(text: str, start: int, limit: int = 500) -> str:
    """From *start* to the end of the statement, at most *limit* characters."""
    for found in _STATEMENT_END.finditer(text, start, start + limit):
        if found[0] in (";", "\n"):
            return text[start : found.start()]
    return text[start : start + limit]


def arguments(text: str, start: int, limit: int = 1500) -> list[str]:
    """The arguments of a call whose opening bracket is just before *start*, at most *limit* characters of them."""
    inside = balanced(text, start, limit)
    parts: list[str] = []
    depth = begin = 0
    in_text = False
    for at, letter in enumerate(inside):
        if letter == '"':
            in_text = not in_text
        elif in_text:
            continue
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(inside[begin:at])
            begin = at + 1
    parts.append(inside[begin:])
    return parts


_BRACKETS = re.compile(r'"[^"\n]*+"?|[()]')


def balanced(text: str, start: int, limit: int = 1500) -> str:
    """From *start* up to the bracket that closes the one before it."""
    depth = 1
    for found in _BRACKETS.finditer(text, start, start + limit):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
            if depth == 0:
                return text[start : found.start()]
    return text[start : start + limit]
