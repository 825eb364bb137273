"""What the measured times mean: the ratios the project set itself, whether the rows are exact, and the table of it all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: A full scan against DuckDB's copy; the csv loop against a scan of the same logs; memory; a rescan.
MOST_OF_COPY = 1.5
LEAST_OF_LOOP = 10.0
MOST_MEMORY = 1 << 30
MOST_RESCAN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: what was measured, what was asked for, and whether it was reached."""

    what: str
    reached: bool
    value: str
    goal: str


@dataclass(slots=True)
class Report:
    """Everything the benchmark has to say."""

    machine: dict[str, float]
    bytes: dict[str, int]
    runs: int
    measured: dict[str, dict[str, Any]]
    left_out: list[str]
    goals: list[Goal]
    notes: list[str]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def goals(report: Report, said: Mapping[str, str], expected: Mapping[str, Any]) -> None:
    """Fill *report* with goals and notes. ``said``: what each contender printed; ``expected``: expected.json."""
    measured = report.measured
    wall = {key: float(entry["wall_seconds"]) for key, entry in measured.items()}
    if {"scan", "copy"} <= wall.keys():
        slower = wall["scan"] / wall["copy"]
        _goal(report, "scan / DuckDB copy, wall", slower <= MOST_OF_COPY, f"{slower:.2f}", f"at most {MOST_OF_COPY}")
        by_cpu = measured["scan"]["cpu_seconds"] / measured["copy"]["cpu_seconds"]
        report.notes.append(f"scan / DuckDB copy by CPU seconds: {by_cpu:.2f}")
    if {"csv", "scan_proxy"} <= wall.keys():
        faster = wall["csv"] / wall["scan_proxy"]
        least = f"at least {LEAST_OF_LOOP:.0f}"
        _goal(report, "csv loop / scan of HttpProxy, wall", faster >= LEAST_OF_LOOP, f"{faster:.1f}", least)
    if "scan" in wall:
        peak = max(measured[key]["peak_bytes"] for key in ("scan", "rescan") if key in wall)
        _goal(report, "peak memory of the scan", peak < MOST_MEMORY, f"{peak / (1 << 20):.0f} MiB", "under 1024 MiB")
        report.goals.append(_exact(json.loads(said["scan"]), expected))
        report.notes += _found(json.loads(said["scan"]), expected)
    if "rescan" in wall:
        again = wall["rescan"]
        _goal(report, "rescan with nothing new", again < MOST_RESCAN_SECONDS, f"{again:.2f} s", "under 2 s")
        if said["rescan"] != said["scan"]:
            report.notes.append("the rescan's document is NOT the scan's")
    if {"scan", "rg"} <= wall.keys():
        report.notes.append(f"scan / rg, wall: {wall['scan'] / wall['rg']:.1f}")
    if "copy" in wall:
        rows = json.loads(said["copy"])
        for kind, counts in expected["kinds"].items():
            got, wanted = rows.get(kind, 0), counts["rows"]
            report.notes.append(f"DuckDB's copy of {kind}: {got:,} rows of {wanted:,}, without an error")
    if "csv" in wall:
        looped, wanted = json.loads(said["csv"]), expected["kinds"]["httpproxy"]["rows"]
        report.notes.append(f"csv loop: {looped['rows']:,} rows of {wanted:,}, {looped['forged']} with a forged anchor")


def _goal(report: Report, what: str, reached: bool, value: str, goal: str) -> None:
    report.goals.append(Goal(what, reached, value, goal))


def _exact(document: Mapping[str, Any], expected: Mapping[str, Any]) -> Goal:
    """Events and rejects of every file against the data lines that were written."""
    got = {entry["file"]: entry for entry in document["evidence"]}
    wrong: list[str] = []
    events = rejects = 0
    for name, written in expected["files"].items():
        entry = got.get(name, {"events": 0, "rejects": 0, "kind": "missing"})
        events, rejects = events + entry["events"], rejects + entry["rejects"]
        if entry["events"] + entry["rejects"] != written["rows"] or entry["kind"] != written["kind"]:
            wrong.append(f"{name} ({entry['kind']}: {entry['events'] + entry['rejects']:,} of {written['rows']:,})")
    value = f"{events:,} events + {rejects:,} rejects"
    if wrong:
        value += f"; wrong in {len(wrong)} file(s), first {wrong[0]}"
    return Goal("rows in = events + rejects, every file", not wrong, value, f"{_rows(expected):,} rows")


def _rows(expected: Mapping[str, Any]) -> int:
    return sum(int(counts["rows"]) for counts in expected["kinds"].values())


def _found(document: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    planted = expected["planted"]
    shells = {shell["url"] for intrusion in document["intrusions"] for shell in intrusion["webshells"]}
    sources = {ip for intrusion in document["intrusions"] for ip in intrusion["source_ips"]}
    shell = "found" if planted["webshell"] in shells else "NOT found"
    source = "found" if planted["source_ip"] in sources else "NOT found"
    return [f"verdict {document['verdict']}; planted web shell {shell}, planted source {source}"]


def table(report: Report) -> str:
    """The report as text."""
    size = ", ".join(f"{kind} {count / 1e6:,.0f} MB" for kind, count in report.bytes.items())
    lines = [
        f"{size}; {report.machine['processors']:.0f} processors, {report.machine['jobs']:.0f} jobs, "
        f"median of {report.runs}, load {report.machine['load_after']:.1f}",
        "",
        f"{'':<30}{'wall s':>8}{'(least-most)':>17}{'CPU s':>9}{'peak MiB':>10}{'MB/s':>8}",
    ]
    for entry in report.measured.values():
        spread = f"({entry['wall_least']:.2f}-{entry['wall_most']:.2f})"
        star = "" if entry["peak_of_all_processes"] else "*"
        lines.append(
            f"{entry['title']:<30}{entry['wall_seconds']:>8.2f}{spread:>17}{entry['cpu_seconds']:>9.2f}"
            f"{entry['peak_bytes'] / (1 << 20):>9.0f}{star or ' '}{entry['megabytes_per_second']:>8.0f}"
        )
    if any(not entry["peak_of_all_processes"] for entry in report.measured.values()):
        lines.append("* of the largest process alone: this system does not tell more")
    lines += ["", f"{'goal':<42}{'reached':<9}measured"]
    lines += [f"{g.what:<42}{'yes' if g.reached else 'NO':<9}{g.value} (goal: {g.goal})" for g in report.goals]
    lines += ["", *report.notes, *(f"left out: {reason}" for reason in report.left_out)]
    return "\n".join(lines)
