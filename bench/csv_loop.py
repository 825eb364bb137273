"""The checks an administrator would run today over the HttpProxy logs, as a loop over ``csv.DictReader``.

The two conditions of Microsoft's script that look at these logs, in our own words: the forged anchor of CVE-2021-26855
(``ServerInfo~*/*``, neither autodiscover nor localhost) in every log, and in the Ecp logs the answered reset of a virtual
directory (CVE-2021-27065). Like the script it passes over what cannot be parsed. Kinder than the script: it takes the
column names from ``#Fields`` too, and for a file without any from habit, so that every file is read. Prints JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/csv_loop.py`

from bench.httpproxy_lines import FIELDS

_ANCHOR = "serverinfo~*/*"
_EXCEPT = ("serverinfo~*/autodiscover*", "serverinfo~localhost*/*")
_RESET = "serverinfo~*/*reset*virtualdirectory#"


@dataclass(slots=True)
class Result:
    """Files and rows read, rows that met a condition, and parse errors that were passed over."""

    files: int = 0
    rows: int = 0
    forged: int = 0
    reset: int = 0
    errors: int = 0


def check(path: Path, result: Result) -> None:
    in_ecp = path.parent.name == "Ecp"
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        result.files += 1
        fields, lines = _header(text)
        reader = csv.DictReader(lines, fieldnames=fields)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                result.errors += 1
                continue
            result.rows += 1
            anchor = (row["AnchorMailbox"] or "").lower()
            if fnmatchcase(anchor, _ANCHOR) and not any(fnmatchcase(anchor, pattern) for pattern in _EXCEPT):
                result.forged += 1
            if in_ecp and row["HttpStatus"] == "200" and fnmatchcase(anchor, _RESET):
                result.reset += 1


def _header(text: Iterator[str]) -> tuple[list[str], Iterator[str]]:
    """The column names from a file's first lines, and its other lines without those that begin with '#'."""
    fields = FIELDS
    first = ""
    for line in text:
        if line.startswith("#Fields:"):
            fields = line.removeprefix("#Fields:").strip().split(",")
        elif line.startswith("DateTime,"):
            fields = line.strip().split(",")
        elif not line.startswith("#"):
            first = line
            break
    return fields, chain([first], (line for line in text if not line.startswith("#")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the HttpProxy folder")
    parser.add_argument(
        "--prefilter",
        action="store_true",
        help="read only files that hold the text 'ServerInfo~' at all, as the script does",
    )
    options = parser.parse_args()
    result = Result()
    for path in sorted(options.folder.rglob("*.LOG")):
        if not options.prefilter or b"serverinfo~" in path.read_bytes().lower():
            check(path, result)
    print(json.dumps(asdict(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
