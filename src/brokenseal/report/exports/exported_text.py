"""Text out of logs on its way into another tool's file: bounded, and never a way to cheat the tool or its reader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from brokenseal.report.csv_cells import defused
from brokenseal.report.text import plain

#: Characters of a name or sentence, and of a long text such as a command line.
NAME, LONG = 300, 8000


class Constant(str):
    """A cell that is ours and must stay as it is, such as ``+00:00``."""

    __slots__ = ()


def shown(text: object, limit: int = NAME) -> str:
    """*text* as one safe line of at most *limit* characters; control and invisible characters show as escapes."""
    return plain(text, limit)


def exact(text: str, limit: int = LONG) -> str:
    """*text* as it is, but valid Unicode and at most *limit* characters, the last of which is then ``…``."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return valid if len(valid) <= limit else valid[: limit - 1] + "…"


def instant(time: str | None) -> datetime | None:
    """A time of the document; None if there is none, or none such day (a document can come from anywhere)."""
    try:
        return datetime.fromisoformat(time) if time else None
    except ValueError:
        return None


def json_bytes(value: object) -> bytes:
    """ASCII JSON (escapes for all else: no terminal or editor gets a control character), a newline at the end."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1).encode("ascii") + b"\n"


def json_line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def tool_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """CSV for a program that reads UTF-8: without the byte order mark, which some take for part of the first name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([str(cell) if isinstance(cell, Constant) else _cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    return defused(shown(value, LONG) if isinstance(value, str) else value)
