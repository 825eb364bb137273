"""Text out of logs as markup: escaped, in a direction of its own, and bounded.

Attackers write log lines. ``plain`` makes what acts (control characters, bidi marks, invisible ones) visible, ``escape``
makes markup text, and ``<bdi>`` keeps letters that are written from right to left from carrying off the words around them.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from brokenseal.report.text import plain, unpadded

#: Characters of one text; names of files get more, since a reader must be able to follow them.
LONGEST, LONGEST_FILE, LONGEST_NAME = 600, 1000, 120

_READ_AHEAD = 4  # times the limit: what may be looked at to find padding, in a text of a megabyte


def bare(text: object, limit: int = LONGEST) -> Markup:
    """``text`` where no element can stand: in an attribute, in the text of a drawing."""
    source = "" if text is None else text if isinstance(text, str) else str(text)
    return escape(plain(unpadded(source[: limit * _READ_AHEAD]), limit))


def shown(text: object, limit: int = LONGEST) -> Markup:
    """``text`` as an element of its own; empty for ``None`` and for empty text."""
    inner = bare(text, limit)
    return Markup("<bdi>{}</bdi>").format(inner) if inner else Markup("")


def file_name(text: object) -> Markup:
    """The name of a file, with all blanks it has."""
    inner = escape(plain(text, LONGEST_FILE))
    return Markup("<bdi>{}</bdi>").format(inner) if inner else Markup("")
