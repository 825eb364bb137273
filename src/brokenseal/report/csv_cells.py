"""CSV for people: spreadsheets run what begins like a formula, so such cells are defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from brokenseal.report.text import plain

#: What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def defused(value: object) -> str:
    """*value* as the text of a cell: empty for None, without control characters, never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    text = plain(str(value), None)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with a byte order mark (so that spreadsheets take it for UTF-8), CRLF at the end of lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([defused(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")
