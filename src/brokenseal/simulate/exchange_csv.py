"""What all of Exchange's comma-separated text logs share: the preamble and the quoting of a cell."""

from __future__ import annotations

from collections.abc import Iterable


def cell(text: str) -> str:
    """A cell, in double quotes where it holds a comma, a quote or a line end."""
    if "," in text or '"' in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def row(cells: Iterable[str]) -> str:
    return ",".join(cell(text) for text in cells)


def preamble(log_type: str, version: str, date: str, fields: str) -> tuple[str, ...]:
    """The five ``#`` lines at the top of a file; ``date`` in the form of ``clock.iso``."""
    return (
        "#Software: Microsoft Exchange Server",
        f"#Version: {version}",
        f"#Log-type: {log_type}",
        f"#Date: {date}",
        f"#Fields: {fields}",
    )
