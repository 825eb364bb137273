"""Where the time of a scan goes: CPU seconds by step, from timers around the real functions.

Runs one scan inside this process with one job, so that at each moment one thread works and the process's CPU time
belongs to the step in hand. A step's own time leaves out the steps within it. A function that is no longer there is
named at the end; the rest is still measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/profile_scan.py`

from bench.timers import Timers, table

#: Step → where the functions are called by name (module:attribute); what contains what is found while running.
STEPS: dict[str, tuple[str, ...]] = {
    "inventory": ("brokenseal.incident.scan:collect",),
    "rules: load": ("brokenseal.incident.scan:load_campaigns", "brokenseal.incident.scan:Knowledge.load"),
    "rules: literals": ("brokenseal.incident.knowledge:Knowledge.literals",),
    "prefilter: compile": ("brokenseal.incident.scan:LinePrefilter.__init__",),
    "case: open": ("brokenseal.events.case:Case.__init__",),
    "case: journal": ("brokenseal.events.case:Case.commit",),
    "identify": ("brokenseal.events.reading:identify",),
    "read + hash": ("brokenseal.parsers.blocks:_chunks", "brokenseal.events.reading:hash_blocks"),
    "blocks": ("brokenseal.events.reading:read_blocks",),
    "blocks: clean bytes": ("brokenseal.parsers.blocks:clean",),
    "blocks: find lines": ("brokenseal.parsers.blocks:newlines_of",),
    "parse": ("brokenseal.parsers.delimited:DelimitedParser.parse",),
    "parse: segments": ("brokenseal.parsers.delimited:DelimitedParser._segments",),
    "parse: quotes": ("brokenseal.parsers.delimited:_without_broken_quotes",),
    "parse: pyarrow.csv": ("brokenseal.parsers.delimited:read_rows",),
    "parse: odd rows": ("brokenseal.parsers.delimited:DelimitedParser._one_by_one",),
    "parse: columns": ("brokenseal.parsers.delimited:DelimitedParser._finish",),
    "parse: time, host, build": (
        "brokenseal.parsers.iis:Iis.events",
        "brokenseal.parsers.exchange_log:ExchangeLogParser.events",
    ),
    "prefilter: search": ("brokenseal.detections.prefilter:LinePrefilter.match",),
    "candidates, source ids": ("brokenseal.events.reading:_take",),
    "times, hosts, builds of a file": ("brokenseal.events.reading:_note_times",),
    "Parquet: write": ("brokenseal.events.parts:TaskParts.write",),
    "Parquet: close": ("brokenseal.events.parts:TaskParts.finish",),
    "store: open": ("brokenseal.events.store:EventStore.__init__",),
    "rules: run": ("brokenseal.incident.account:match_everything",),
    "rules: single events": ("brokenseal.incident.matching:match_rules",),
    "rules: correlations": ("brokenseal.incident.matching:run_correlations",),
    "rules: details of matches": ("brokenseal.incident.matching:build_matches",),
    "joins: findings": ("brokenseal.incident.account:collect_findings",),
    "joins: intrusions": ("brokenseal.incident.account:join_intrusions",),
    "joins: web shells": ("brokenseal.incident.account:collect_webshells",),
    "joins: mail ledger": ("brokenseal.incident.account:account_for_mail",),
    "account": ("brokenseal.incident.scan:build_account",),
    "document": ("brokenseal.incident.scan:incident_document", "brokenseal.incident.scan:_canonical"),
}
#: SQL is timed across the steps: the statements that took longest are listed by themselves.
SQL = ("brokenseal.events.engine:DuckEngine.query", "brokenseal.events.engine:DuckEngine.execute")


def main() -> int:
    options = _options()
    evidence = options.data / "evidence" if (options.data / "evidence").is_dir() else options.data
    began = time.process_time()
    module = importlib.import_module("brokenseal.incident.scan")
    importlib.import_module("brokenseal.parsers")
    imported = time.process_time() - began
    timers = Timers()
    for step, targets in STEPS.items():
        for target in targets:
            timers.wrap(target, step)
    statements = Timers()
    for target in SQL:
        statements.wrap(target, lambda *arguments: " ".join(str(arguments[1]).split()))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as work:
        began, began_wall = time.process_time(), time.perf_counter()
        incident = module.scan([evidence], case=Path(work) / "case", jobs=1)
        total, wall = time.process_time() - began, time.perf_counter() - began_wall
        if options.rescan:
            timers.clear()
            statements.clear()
            began, began_wall = time.process_time(), time.perf_counter()
            incident = module.scan([evidence], case=Path(work) / "case", jobs=1)
            total, wall = time.process_time() - began, time.perf_counter() - began_wall
    size = sum(int(entry["size"]) for entry in incident.document["evidence"])
    if options.json:
        record = {
            "bytes": size,
            "cpu_seconds": total,
            "wall_seconds": wall,
            "import_seconds": imported,
            "steps": timers.to_json(),
            "sql": statements.to_json()[: options.sql],
            "missing": [*timers.missing, *statements.missing],
        }
        print(json.dumps(record, indent=1))
        return 0
    print(f"{size / 1e6:,.0f} MB, one job: {total:.2f} CPU s, {wall:.2f} s; imports before that {imported:.2f} CPU s\n")
    print(table(timers, total, size))
    if options.sql:
        print(f"\nSQL together {sum(spent.seconds for spent in statements.spent.values()):.2f} CPU s; longest:")
        for entry in statements.to_json()[: options.sql]:
            print(f"  {entry['cpu_seconds']:7.3f} s in {entry['calls']:>3}  {str(entry['step'])[: options.width]}")
    for missing in (*timers.missing, *statements.missing):
        print(f"not found, so not measured: {missing}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="what make_logs.py made, or any evidence"
    )
    parser.add_argument(
        "--rescan", action="store_true", help="profile a second scan of the same case, with nothing new"
    )
    parser.add_argument(
        "--sql", type=int, default=8, metavar="N", help="show the N longest SQL statements (default: 8)"
    )
    parser.add_argument(
        "--width", type=int, default=150, metavar="N", help="characters of each statement (default: 150)"
    )
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the case goes for the time of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
