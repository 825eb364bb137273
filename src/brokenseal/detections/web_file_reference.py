"""The table of ``docs/webfolders.md`` on fields: ``python -m brokenseal.detections.web_file_reference`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from brokenseal.detections.web_file_kind import ADDED
from brokenseal.events.web_file import COLUMNS

BEGIN = "<!-- Made by `python -m brokenseal.detections.web_file_reference`. -->"
END = "<!-- End of what is made. -->"


def reference() -> str:
    """The part of the page from :data:`BEGIN` to :data:`END`."""
    return "\n".join([BEGIN, "| field | meaning |", "|---|---|", *_rows(), END]) + "\n"


def _rows() -> Iterator[str]:
    for column in COLUMNS:
        yield f"| `{column.name}` | {column.meaning} |"
    for name, _, meaning in ADDED:
        yield f"| `{name}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(reference())
