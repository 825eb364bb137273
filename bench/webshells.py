"""How many web shells are found and how many honest files are flagged, on folders that you have on disk.

``python bench/webshells.py CORPUS BENIGN`` judges every file below both folders as brokenseal would and prints recall by
extension, the shells that were missed, and the honest files that were flagged, with their names and what was said of them.
Either folder may be ``-`` to leave it out. Nothing of a corpus is kept, and no corpus belongs to this project: collections
of real web shells are for people who may have them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))  # for `python bench/webshells.py`

from brokenseal.detections.web_content import YARA_LIMIT, ContentReport, WebContent
from brokenseal.detections.web_language import extension_of

#: What the project set itself: recall by extension, and one false alarm in so many ordinary ASP.NET pages.
GOALS = {"aspx": 0.97, "ashx": 0.97, "asmx": 0.97, "asp": 0.95, "php": 0.95, "jsp": 0.95}
ONE_IN = 500


@dataclass(slots=True)
class Tally:
    """Files judged and flagged of one extension; names of those that were judged wrong."""

    files: int = 0
    flagged: int = 0
    wrong: list[str] = field(default_factory=list)


def files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def judged(content: WebContent, folder: Path) -> Iterator[tuple[Path, int, ContentReport]]:
    for path in files_below(folder):
        size = path.stat().st_size
        with path.open("rb") as stream:
            data = stream.read(YARA_LIMIT)
        windows_path = "C:\\inetpub\\wwwroot\\" + "\\".join(path.relative_to(folder).parts)
        yield path, size, content.judge(windows_path, data, size=size)


def measure(content: WebContent, folder: Path, *, shells: bool, details: bool) -> tuple[dict[str, Tally], int, float]:
    """Tallies by extension, bytes and seconds. Of *shells* the missed are wrong, of honest files the flagged."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    total = 0
    started = time.perf_counter()
    for path, size, report in judged(content, folder):
        tally = tallies[extension_of(path.name)]
        tally.files += 1
        tally.flagged += report.suspicious
        total += size
        if report.suspicious != shells:
            tally.wrong.append(_line(path.relative_to(folder), report, details))
    return dict(tallies), total, time.perf_counter() - started


def _line(path: Path, report: ContentReport, details: bool) -> str:
    said = [f"{match.rule} (rule, {match.score})" for match in report.yara]
    said += [f"{feature.name} {feature.weight}" for feature in report.features]
    line = f"{path.as_posix()}  score {report.score}: {', '.join(said) or 'nothing'}"
    if details:
        line += "".join(f"\n        {feature.weight:>3} {feature.sentence}" for feature in report.features)
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of web shells, or -")
    parser.add_argument("benign", help="folder of honest files, or -")
    parser.add_argument(
        "--yara", action="append", default=[], type=Path, metavar="DIR", help="folder of further YARA rules"
    )
    parser.add_argument("--details", action="store_true", help="every feature of each file that was judged wrong")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    options = parser.parse_args()
    content = WebContent(options.yara)
    result: dict[str, object] = {"rules_not_compiled": list(content.problems)}
    for name, folder, shells in (("shells", options.corpus, True), ("honest", options.benign, False)):
        if folder == "-":
            continue
        tallies, total, seconds = measure(content, Path(folder), shells=shells, details=options.details)
        result[name] = {key: [tally.files, tally.flagged] for key, tally in sorted(tallies.items())}
        if not options.json:
            _print(name, tallies, total, seconds, shells)
    if options.json:
        print(json.dumps(result, indent=2))
    return 0


def _print(name: str, tallies: dict[str, Tally], total: int, seconds: float, shells: bool) -> None:
    files = sum(tally.files for tally in tallies.values())
    print(
        f"{name}: {files:,} files, {total / 1e6:,.1f} MB, {seconds:.1f} s ({files / max(seconds, 1e-9):,.0f} files/s)"
    )
    for extension, tally in sorted(tallies.items(), key=lambda item: (-item[1].files, item[0])):
        share = tally.flagged / tally.files
        goal = f"  goal {GOALS[extension]:.0%}" if shells and extension in GOALS else ""
        if not shells and extension == "aspx":
            goal = f"  goal at most 1 in {ONE_IN}"
        print(f"  .{extension or '(none)':<12}{tally.flagged:>7,} of {tally.files:>7,} flagged ({share:.1%}){goal}")
    for line in sorted(line for tally in tallies.values() for line in tally.wrong):
        print(f"  {'missed' if shells else 'flagged'}: {line}")
    reasons = Counter(
        line.split("  score", 1)[0].rpartition(".")[2] for tally in tallies.values() for line in tally.wrong
    )
    if reasons:
        print("  wrong by extension: " + ", ".join(f"{key} {count}" for key, count in sorted(reasons.items())))


if __name__ == "__main__":
    sys.exit(main())
