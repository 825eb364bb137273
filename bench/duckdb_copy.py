"""What a flat CSV reader makes of the same logs: DuckDB's read_csv into Parquet (zstd). Fast, and wrong.

One column list for all files of a kind, because read_csv knows no header that changes: cells shift without an error.
Lines that do not fit are dropped without an error. Prints the rows it got, as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/duckdb_copy.py`

from bench.httpproxy_lines import FIELDS
from bench.iis_lines import MORE_FIELDS

# Of the settings that pass over the '#' lines, those that get the most rows of these files, all columns as text. With
# quote='"', the right one for HttpProxy, an open quote swallows the lines after it and 8 % of the rows are gone.
_SETTINGS = (
    "quote='', escape='', comment='#', header=false, auto_detect=false, ignore_errors=true, null_padding=true, "
    "strict_mode=false"
)
_DELIMITERS = {"iis": " ", "httpproxy": ","}
_COLUMNS = {"iis": MORE_FIELDS.split(" "), "httpproxy": FIELDS}


def copy(kind: str, files: Sequence[Path], out: Path, connection: duckdb.DuckDBPyConnection) -> int:
    """Copy *files* to the Parquet file *out*; the rows it got."""
    listed = ", ".join(_text(path.as_posix()) for path in files)
    columns = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in _COLUMNS[kind])
    source = f"read_csv([{listed}], columns={{{columns}}}, delim={_text(_DELIMITERS[kind])}, {_SETTINGS})"
    target = _text(out.as_posix())
    rows = connection.execute(f"COPY (FROM {source}) TO {target} (FORMAT parquet, COMPRESSION zstd)").fetchone()
    return int(rows[0]) if rows else 0


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evidence", type=Path, required=True, metavar="DIR", help="folder that make_logs.py made")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write the Parquet files")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    options = parser.parse_args()
    connection = duckdb.connect(config={"threads": str(options.threads), "preserve_insertion_order": "false"})
    options.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    for kind, pattern in (("iis", "**/W3SVC*/*.log"), ("httpproxy", "**/HttpProxy_*.LOG")):
        files = sorted(options.evidence.glob(pattern))
        if files:
            rows[kind] = copy(kind, files, options.out / f"{kind}.parquet", connection)
    print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
