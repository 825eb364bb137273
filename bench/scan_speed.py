"""How fast a scan is, side by side with what it is compared with: rg, DuckDB's read_csv and the csv loop of today.

Needs the data of make_logs.py. Every command runs as a process of its own, in turns, with the files in the page cache;
times are medians. A goal that was missed is said, and never changes the exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/scan_speed.py`

from bench.goals import Report, goals, table
from bench.httpproxy_lines import FIELDS, directives
from bench.make_logs import PROXY_FOLDER
from bench.measure import Measured, measure

HERE = Path(__file__).resolve().parent
#: What an administrator might search for, as plain text and as patterns.
PATTERNS = (
    "ServerInfo~",
    "X-BEResource",
    "X-AnonResource-Backend",
    "proxyLogon\\.ecp",
    "DDIService\\.svc/SetObject",
    "ResetOABVirtualDirectory",
    "Set-OabVirtualDirectory",
    "/ecp/[a-z0-9]{1,3}\\.js",
    "/owa/auth/Current/themes/resources/",
    "/aspnet_client/.*\\.aspx",
    "/owa/auth/[a-z0-9]+\\.aspx.* 200 ",
    "supp0rt\\.aspx",
    "OutlookEN\\.aspx",
    "RedirSuiteServerProxy",
    "autodiscover\\.json.*powershell",
    "X-Rps-CAT",
    "python-requests",
    "antSword",
    "ExchangeServicesClient/0\\.0\\.0\\.0",
    "POST .*\\.(?:js|css|gif|ttf|eot) ",
)


@dataclass(slots=True)
class Contender:
    """A command that is measured. ``bytes``: the size of the logs it reads; ``fresh``: paths to remove before a run."""

    key: str
    title: str
    command: list[str]
    bytes: int
    ok: tuple[int, ...] = (0,)
    fresh: tuple[Path, ...] = ()
    runs: list[Measured] = field(default_factory=list)
    said: str = ""
    failure: str = ""

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.runs)

    def to_json(self) -> dict[str, object]:
        return {
            "title": self.title,
            "wall_seconds": self.wall,
            "wall_least": min(run.wall for run in self.runs),
            "wall_most": max(run.wall for run in self.runs),
            "cpu_seconds": self.cpu,
            "peak_bytes": self.peak_bytes,
            "peak_of_all_processes": all(run.sampled for run in self.runs),
            "megabytes_per_second": self.bytes / self.wall / 1e6,
        }


def contenders(evidence: Path, work: Path, jobs: int, sizes: dict[str, int]) -> tuple[list[Contender], list[str]]:
    """What is measured, in the order of a turn, and why something is left out. The rescan must follow its scan."""
    both, python = sum(sizes.values()), sys.executable
    proxy = evidence / PROXY_FOLDER
    case, proxy_case, copied = work / "case", work / "case-httpproxy", work / "copied"
    scan = [python, "-m", "brokenseal", "scan", "--json", "--jobs", str(jobs), "--case"]
    copy = [python, str(HERE / "duckdb_copy.py"), "--evidence", str(evidence), "--out", str(copied)]
    loop = [python, str(HERE / "csv_loop.py"), str(proxy)]
    done = (0, 3)  # 3: finished, but some rows could not be read; hostile lines see to that
    found = [
        Contender("copy", "DuckDB read_csv to Parquet", [*copy, "--threads", str(jobs)], both, fresh=(copied,)),
        Contender("scan", "brokenseal scan", [*scan, str(case), str(evidence)], both, done, (case,)),
        Contender("rescan", "  again, nothing new", [*scan, str(case), str(evidence)], both, done),
    ]
    left_out: list[str] = []
    if sizes.get("httpproxy"):
        size = sizes["httpproxy"]
        found += [
            Contender("csv", "csv loop, HttpProxy", loop, size),
            Contender("csv_some", "  only files with an anchor", [*loop, "--prefilter"], size),
            Contender(
                "scan_proxy", "brokenseal, HttpProxy", [*scan, str(proxy_case), str(proxy)], size, done, (proxy_case,)
            ),
        ]
    else:
        left_out.append("csv loop: the data has no HttpProxy logs")
    rg = shutil.which("rg")
    if rg:
        patterns = [part for pattern in PATTERNS for part in ("-e", pattern)]
        options = ["--no-config", "--text", "--count", "--ignore-case", "--threads", str(jobs)]
        found.insert(
            0, Contender("rg", "rg -c -i, 20 patterns", [rg, *options, *patterns, str(evidence)], both, (0, 1))
        )
    else:
        left_out.append("rg: not installed")
    return found, left_out


def run_all(
    found: Sequence[Contender], runs: int, work: Path, environment: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    """Each contender once a turn, so that a slow minute of the machine does not hit one alone; one that fails stops."""
    for turn in range(1, runs + 1):
        for contender in found:
            if contender.failure:
                continue
            for path in contender.fresh:
                shutil.rmtree(path, ignore_errors=True)
            out = work / f"{contender.key}.out"
            try:
                measured = measure(contender.command, out, environment, contender.ok)
            except RuntimeError as error:
                contender.failure = str(error)
                tell(contender.failure)
                continue
            contender.runs.append(measured)
            contender.said = out.read_text("utf-8", "replace")
            tell(f"turn {turn}/{runs}  {contender.title.strip():<28} {measured.wall:8.2f} s")


def warm(evidence: Path, work: Path) -> dict[str, str]:
    """Bring all files into the page cache and the modules' bytecode into one of our own; the environment for all runs.

    An installed package has its bytecode beside it; a checkout, or an environment that forbids to write it, has not, and
    would spend a second or two compiling in every run.
    """
    for path in evidence.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                while stream.read(1 << 22):
                    pass
    environment = dict(os.environ) | {"PYTHONPYCACHEPREFIX": str(work / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    little = work / "warm"
    moment = "2021-03-02T00:00:00.000Z"
    (little / "HttpProxy").mkdir(parents=True)
    (little / "HttpProxy" / "HttpProxy_2021030200-1.LOG").write_bytes(directives(moment, FIELDS))
    command = [sys.executable, "-m", "brokenseal", "scan", str(little), "--json"]
    measure(command, work / "warm.out", environment, (0, 3))
    measure([sys.executable, str(HERE / "csv_loop.py"), str(little)], work / "warm.out", environment)
    return environment


def main() -> int:
    options = _options()
    evidence, known = options.data / "evidence", options.data / "expected.json"
    try:
        expected = json.loads(known.read_text("utf-8"))
    except OSError as error:
        raise SystemExit(f"{known}: {error.strerror}; make the data with bench/make_logs.py") from error
    sizes = {kind: int(counts["bytes"]) for kind, counts in expected["kinds"].items()}
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=options.work))
    try:
        found, left_out = contenders(evidence, work, options.jobs, sizes)
        environment = warm(evidence, work)
        run_all(found, options.runs, work, environment, lambda text: print(text, file=sys.stderr, flush=True))
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report = Report(
        machine={"processors": os.cpu_count() or 1, "load_after": os.getloadavg()[0], "jobs": options.jobs},
        bytes=sizes,
        runs=options.runs,
        measured={contender.key: contender.to_json() for contender in found if not contender.failure},
        left_out=[
            *left_out,
            *(f"{contender.title.strip()}: {contender.failure}" for contender in found if contender.failure),
        ],
        goals=[],
        notes=[],
    )
    goals(report, {contender.key: contender.said for contender in found}, expected)
    print(json.dumps(report.to_json(), indent=1) if options.json else table(report))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="what make_logs.py --out DIR made")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="threads for each contender (default: 2)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="turns; medians are shown (default: 3)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where cases and copies go for the time of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    if options.jobs < 1 or options.runs < 1:
        parser.error("--jobs and --runs must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
