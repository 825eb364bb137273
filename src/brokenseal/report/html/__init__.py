"""The report as one HTML file, made from the incident document alone.

It loads nothing, runs no script and holds a Content-Security-Policy that allows its own style sheet (by hash) and nothing
else. The same document gives the same bytes. Templates are in ``templates/`` and hold no words, words are in ``texts/``, and
each section has a module of views that makes markup out of what attackers wrote (see ``shown.py``).
"""

from __future__ import annotations

from brokenseal.report.html.rendering import render
from brokenseal.report.html.texts import languages
from brokenseal.report.redaction import parse_kinds

__all__ = ["languages", "parse_kinds", "render"]
