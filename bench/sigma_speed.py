"""All Sigma rules on one Windows event log: how fast, in how much memory, with which hits, side by side with Zircolite.

Needs an EVTX file (make_events.py makes big ones), folders with Sigma rules, and for the comparison a checkout of
Zircolite. Both run as processes of their own, in turns, with the file in the page cache; times are medians. Zircolite is
given rule sets that its own converter made before: its time is without the conversion, as ours is without the compiling of
the first run, which is listed by itself. A goal that was missed is said, and never changes the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/sigma_speed.py`

from bench.goals import Goal, Report, table
from bench.rule_hits import Difference, differences, our_hits, read_results, sigma_titles, their_hits
from bench.scan_speed import Contender, run_all
from bench.zircolite_rules import Zircolite, single_event

LEAST_OF_ZIRCOLITE = 10.0
MOST_MEMORY = 1 << 30
MOST_START_SECONDS = 1.0
DONE = (0, 3)  # 3: finished, but some records could not be read
READY = "--until-rules-are-ready"


def contenders(options: argparse.Namespace, work: Path, environment: Mapping[str, str]) -> list[Contender]:
    """What is measured, in the order of a turn."""
    size = options.events.stat().st_size
    ours = [sys.executable, "-m", "brokenseal", "scan"]
    rules = [part for folder in options.rules for part in ("--rules", str(folder))]
    how = ["--json", "--jobs", str(options.jobs)]
    single = work / "single.evtx"
    single_event(single)
    found = [
        Contender("scan", "brokenseal scan", [*ours, str(options.events), *rules, *how], size, DONE),
        Contender("ready", "  rules ready (kept)", [sys.executable, __file__, READY, *map(str, options.rules)], 0),
        Contender("single", "  scan of one event", [*ours, str(single), *rules, *how], 0, DONE),
    ]
    if options.zircolite:
        zircolite = Zircolite.at(options.zircolite, options.zircolite_python)
        made = options.converted
        if not made:
            _tell("Zircolite converts the rules")
            made = [zircolite.convert_for_both_sources(options.rules, work, environment)]
        command = zircolite.scan(options.events, made, work / "zircolite.json")
        found.append(Contender("zircolite", "Zircolite", command, size))
    return found


def first_run(scan: Contender, work: Path, environment: Mapping[str, str]) -> Contender:
    """The scan when no rules are kept yet: they are read, compiled and kept."""
    first = Contender("first", "  first run, no rules kept", scan.command, scan.bytes, scan.ok)
    run_all([first], 1, work, environment, _tell)
    return first


def until_ready(folders: list[Path]) -> None:
    """Do what a scan does until its rules are ready, and say how long it took in this process and whether they were kept."""
    began = time.perf_counter()
    # Not imported above: what a scan imports is part of the time that it takes until then.
    importlib.import_module("brokenseal.incident.scan")
    from brokenseal.detections.campaign import load_campaigns
    from brokenseal.incident.knowledge import Knowledge

    knowledge = Knowledge.load(load_campaigns(), folders)
    knowledge.windows_rules()
    print(json.dumps({"seconds": time.perf_counter() - began, "kept": knowledge.compiled.from_cache}))


def judge(report: Report, found: Mapping[str, Contender]) -> None:
    """Fill *report* with the goals that can be judged."""
    scan = found["scan"]
    if scan.failure:
        return
    peak = max(contender.peak_bytes for key, contender in found.items() if key != "zircolite" and contender.runs)
    zircolite = found.get("zircolite")
    if zircolite is not None and not zircolite.failure:
        faster = zircolite.wall / scan.wall
        least = f"at least {LEAST_OF_ZIRCOLITE:.0f}"
        report.goals.append(Goal("MB/s, brokenseal / Zircolite", faster >= LEAST_OF_ZIRCOLITE, f"{faster:.1f}", least))
        report.notes.append(f"CPU seconds, Zircolite / brokenseal: {zircolite.cpu / scan.cpu:.1f}")
        report.notes.append(f"peak memory, Zircolite / brokenseal: {zircolite.peak_bytes / peak:.1f}")
    report.goals.append(Goal("peak memory", peak < MOST_MEMORY, f"{peak / (1 << 20):.0f} MiB", "under 1024 MiB"))
    ready = found["ready"]
    if not ready.failure:
        said = json.loads(ready.said)
        kept = "" if said["kept"] else ", but they were NOT kept"
        value = f"{ready.wall:.2f} s{kept}"
        reached = bool(said["kept"]) and ready.wall < MOST_START_SECONDS
        report.goals.append(Goal("second run: rules ready, whole process", reached, value, "under 1 s"))


def hits_of(found: Mapping[str, Contender], work: Path, rules: list[Path]) -> tuple[list[Difference], list[str]]:
    """Rules that hit another number of events, and what there is to say on the hits of all."""
    titles = sigma_titles(rules)
    document: dict[str, Any] = json.loads(found["scan"].said)
    ours = our_hits(document, titles)
    notes = [f"rules: {document['rules']['loaded']:,} loaded, {len(document['rules']['not_run']):,} wrong"]
    notes.append(_hits("brokenseal", ours))
    zircolite = found.get("zircolite")
    if zircolite is None or zircolite.failure:
        return [], notes
    theirs = their_hits(read_results(work / "zircolite.json"))
    differing = differences(ours, theirs, titles)
    same = len({*ours, *theirs}) - len(differing)
    return differing, [*notes, _hits("Zircolite", theirs), f"the same number of hits: {same:,} rules"]


def _hits(who: str, hits: Counter[str]) -> str:
    return f"{who}: {hits.total():,} hits of {len(hits):,} rules"


def hits_table(differing: list[Difference]) -> str:
    lines = [f"{'rules that hit another number of events':<82}{'brokenseal':>11}{'Zircolite':>11}"]
    lines += [f"{d.title[:80]:<82}{d.ours:>11,}{d.theirs:>11,}  {d.rule}" for d in differing]
    return "\n".join(lines)


def warm(events: Path, work: Path) -> dict[str, str]:
    """Bring the file into the page cache; the environment of all runs: bytecode and kept rules in folders of our own."""
    with events.open("rb") as stream:
        while stream.read(1 << 22):
            pass
    environment = dict(os.environ)
    environment |= {"PYTHONPYCACHEPREFIX": str(work / "bytecode"), "BROKENSEAL_CACHE": str(work / "kept")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def main() -> int:
    if sys.argv[1:2] == [READY]:
        until_ready([Path(folder) for folder in sys.argv[2:]])
        return 0
    options = _options()
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=options.work)).absolute()
    try:
        environment = warm(options.events, work)
        every = contenders(options, work, environment)
        first = first_run(every[0], work, environment)
        run_all(every, options.runs, work, environment, _tell)
        found = {contender.key: contender for contender in [first, *every]}
        report = Report(
            machine={"processors": os.cpu_count() or 1, "load_after": os.getloadavg()[0], "jobs": options.jobs},
            bytes={"EVTX": options.events.stat().st_size},
            runs=options.runs,
            measured={key: contender.to_json() for key, contender in found.items() if not contender.failure},
            left_out=[f"{one.title.strip()}: {one.failure}" for one in found.values() if one.failure],
            goals=[],
            notes=[],
        )
        judge(report, found)
        differing: list[Difference] = []
        if not found["scan"].failure:
            differing, said = hits_of(found, work, options.rules)
            report.notes += said
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.json:
        print(json.dumps(report.to_json() | {"differences": [asdict(one) for one in differing]}, indent=1))
    else:
        print(table(report), hits_table(differing) if differing else "", sep="\n\n")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=Path, metavar="FILE", help="an EVTX file")
    parser.add_argument(
        "--rules", type=Path, action="append", required=True, metavar="DIR", help="Sigma rules; can be repeated"
    )
    parser.add_argument("--zircolite", type=Path, metavar="PATH", help="a checkout of Zircolite (3 or 4)")
    parser.add_argument(
        "--zircolite-python", type=Path, metavar="PATH", help="the Python that has what Zircolite needs"
    )
    parser.add_argument(
        "--converted",
        type=Path,
        action="append",
        metavar="JSON",
        help="a rule set that Zircolite made of the same rules before, instead of converting; can be repeated",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="threads of brokenseal (default: 2)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="turns; medians are shown (default: 3)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where results go for the time of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    if options.jobs < 1 or options.runs < 1:
        parser.error("--jobs and --runs must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
