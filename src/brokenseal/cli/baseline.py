"""``brokenseal baseline``: the files that a build of Exchange has, and how a server differs from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.help import PlainCommand, PlainGroup
from brokenseal.cli.streams import out, out_bytes, say
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.detections.baselines import Baseline, Comparison, Outlier
    from brokenseal.incident.server_files import ServerFiles

_BUILD = re.compile(r"1[45]\.\d{1,2}\.\d{1,5}\.\d{1,5}")
#: Lines of one kind printed without -v.
_SHOWN = 25

baseline = typer.Typer(
    cls=PlainGroup,
    help="Compare the files of web folders with those that a build of Exchange has.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_EVIDENCE = typer.Argument(
    metavar="EVIDENCE", help="Folders, archives, listings with hashes, or a $MFT. They are only read."
)


@baseline.command(cls=PlainCommand, short_help="Write the baseline of a clean server.")
def make(
    evidence: Annotated[list[Path], _EVIDENCE],
    build: Annotated[str, typer.Option(metavar="BUILD", help="The build of Exchange on it, such as 15.1.2176.9.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, not to standard output.")
    ] = None,
) -> int:
    """Write the files of a clean server of one build as a baseline: SHA-256, build, path from the install folder on.

    The form is that of the baselines that Microsoft published in March 2021, so either can be given to 'diff'.

    \b
    Example:
      brokenseal baseline make clean-server/ --build 15.1.2176.9 -o exchange-15.1.2176.9.csv
    """

    def work() -> int:
        from brokenseal.detections.baselines import BaselineFile, find_install_folder, write_baseline
        from brokenseal.detections.web_folders import without_version
        from brokenseal.evidence import refuse_output_inside
        from brokenseal.incident.server_files import server_files

        if not _BUILD.fullmatch(build):
            raise UsageError(f"--build: '{plain(build, 40)}' is no build, such as 15.1.2176.9.")
        if output is not None:
            refuse_output_inside(output, [path for path in evidence if path.is_dir()])
        found = server_files(evidence)
        lines: set[BaselineFile] = set()
        outside = unhashed = 0
        for files in found.files.values():
            install = find_install_folder(files)
            for path, sha256 in files.items():
                if install is None or not path.lower().startswith(install):
                    outside += 1
                elif sha256 is None:
                    unhashed += 1
                else:
                    lines.add(BaselineFile(sha256.upper(), build, without_version(path[len(install) :])))
        if not lines:
            raise UsageError("no file with a hash below FrontEnd\\HttpProxy or ClientAccess was found.")
        data = "".join(write_baseline(lines)).encode()
        if output is None:
            out_bytes(data)
        else:
            output.write_bytes(data)
        say(f"{len(lines):,} files; left out: {outside:,} outside of Exchange's folder, {unhashed:,} without a hash.")
        return _unread(found)

    return exits.guarded(work, command="brokenseal baseline make")


@baseline.command(cls=PlainCommand, short_help="Show how servers differ from a baseline, and from each other.")
def diff(
    evidence: Annotated[list[Path], _EVIDENCE],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A baseline (CSV), of one build or of several. Without it only the servers "
            "in EVIDENCE are compared with each other.",
        ),
    ] = None,
    build: Annotated[
        str | None, typer.Option(metavar="BUILD", help="Which build of the baseline; needed if it has several.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print all of long lists.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when a page or program differs or is extra.")
    ] = False,
) -> int:
    """Show which files were changed, came in addition or are missing, and which only some of several servers have.

    \b
    Examples:
      brokenseal baseline diff exch01/ --against exchange-15.1.2176.9.csv
      brokenseal baseline diff exch01/ exch02/ exch03/
    """

    def work() -> int:
        from brokenseal.detections.baselines import compare, outliers
        from brokenseal.incident.server_files import server_files

        known = _baseline(against, build) if against is not None else None
        found = server_files(evidence)
        if not found.files:
            raise UsageError("no file of a web folder was found in the evidence.")
        differs = False
        for host in sorted(found.files):
            if known is not None:
                comparison = compare(found.files[host], known)
                differs |= bool(comparison.changed or comparison.extra_scripts)
                _print(host, comparison, everything=verbose)
        if len(found.files) > 1:
            alone = outliers(found.files)
            differs |= bool(alone)
            _print_outliers(alone, len(found.files), everything=verbose)
        elif known is None:
            out("One server, and no baseline to compare it with: give --against FILE, or more servers.")
        code = _unread(found)
        return exits.REACHED if exit_code and differs else code

    return exits.guarded(work, command="brokenseal baseline diff")


def _baseline(path: Path, build: str | None) -> Baseline:
    from brokenseal.detections.baselines import read_baselines

    try:
        read = read_baselines(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the baseline {plain(path, None)}: {error.strerror}") from error
    for line, why in read.problems[:5]:
        say(f"{plain(path, None)}, line {line}: {why}")
    if read.rejected:
        say(f"{read.rejected:,} of {read.rows:,} lines of the baseline are none and were passed over.")
    builds = sorted(read.by_build)
    if build is None and len(builds) == 1:
        return read.by_build[builds[0]]
    if build is None or build not in read.by_build:
        raise UsageError(f"--build: name one of the builds in the baseline: {', '.join(builds) or 'it has none'}.")
    return read.by_build[build]


def _print(host: str, found: Comparison, *, everything: bool) -> None:
    out(f"{plain(host)}, against {plain(found.build)}: {len(found.same):,} files are the same")
    groups: list[tuple[str, Sequence[str]]] = [
        ("changed", found.changed),
        ("extra, and the web server would run it", found.extra_scripts),
        ("extra", tuple(path for path in found.extra if path not in set(found.extra_scripts))),
        ("changed, a settings file (setup writes these itself)", found.configuration),
        ("missing", found.missing),
        ("content not known (no hash)", found.unhashed),
    ]
    for what, paths in groups:
        shown = paths if everything else paths[:_SHOWN]
        for path in shown:
            out(f"  {what}: {plain(path, None)}")
        if len(shown) < len(paths):
            out(f"  {what}: … and {len(paths) - len(shown):,} more (-v)")


def _print_outliers(found: Sequence[Outlier], servers: int, *, everything: bool) -> None:
    out(f"{servers} servers compared with each other: {len(found):,} pages or programs are not alike on all")
    for each in found if everything else found[:_SHOWN]:
        told = "; ".join(
            f"{', '.join(map(plain, names))}: {sha256[:12].lower() or 'content not known'}"
            for sha256, names in each.servers.items()
        )
        without = f"; not on {', '.join(map(plain, each.without))}" if each.without else ""
        out(f"  {plain(each.path, None)} ({told}{without})")
    if not everything and len(found) > _SHOWN:
        out(f"  … and {len(found) - _SHOWN:,} more (-v)")


def _unread(found: ServerFiles) -> int:
    for sentence in found.unread:
        say(f"not read: {plain(sentence, None)}")
    return exits.UNREAD if found.unread else exits.DONE
