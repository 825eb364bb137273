"""``brokenseal scan``: from evidence to the verdict."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import Color, deliver, in_color, out_bytes, results_console, say
from brokenseal.cli.times import check_order, parse_time
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.incident.scan import Incident

_COMMAND = "brokenseal scan"
_UNREAD_NAMED = 50


class Verdict(StrEnum):
    """The verdicts, from best to worst."""

    NO_EVIDENCE = "no_evidence"
    CANNOT_TELL = "cannot_tell"
    PROBED = "probed"
    ATTEMPTED = "attempted"
    BREACHED = "breached"
    MAIL_READ = "mail_read"

    def reached_by(self, verdict: str) -> bool:
        """Whether ``verdict`` is this one or a worse one."""
        order = [one.value for one in Verdict]
        return verdict in order and order.index(verdict) >= order.index(self.value)


@dataclass(frozen=True, slots=True)
class Request:
    """A scan as asked for, with all options understood."""

    evidence: Sequence[Path]
    case: Path | None
    hosts: dict[str, list[Path]]
    rules: Sequence[Path]
    yara: Sequence[Path]
    actor_ips: Sequence[str]
    not_actor_ips: Sequence[str]
    actor_agents: Sequence[str]
    subjects: bool
    geoip: Path | None
    since: datetime | None
    until: datetime | None
    iis_timezone: str
    jobs: int | None


def scan(
    evidence: Annotated[
        list[str],
        typer.Argument(
            metavar="EVIDENCE",
            help="Folders (a copied drive, a Velociraptor or KAPE collection, loose logs), files, .zip and .gz. "
            "They are only read.",
        ),
    ],
    case: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep what was read in DIR. The next scan into it reads only new and changed files, and completes a "
            "scan that was stopped. Without it a temporary folder is used.",
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="The logs under PATH, where they do not say so themselves, are of the server NAME. "
            "Can be repeated, also for one server.",
        ),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Run the Sigma rules in this file or folder too. Can be repeated."),
    ] = None,
    yara: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Hold the YARA rules in this file or folder against the files of web folders too. Can be repeated.",
        ),
    ] = None,
    actor_ip: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="This address is an intruder's: account for the mail read from it."),
    ] = None,
    not_actor_ip: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="This address is not an intruder's, though findings name it."),
    ] = None,
    actor_agent: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Requests with TEXT in their user agent are an intruder's."),
    ] = None,
    subjects: Annotated[
        bool,
        typer.Option("--subjects", help="Show single messages: ids, subjects, sizes, who wrote. They are private."),
    ] = False,
    geoip: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Hint at users who are in two places within less time than the way takes, by this MaxMind DB file of "
            "cities or countries (GeoLite2, DB-IP). It changes no verdict and no number; nothing is asked of a network.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Leave out events before TIME: 2021-03-02, or 2021-03-02T08:30:00Z. Without an offset it is UTC; a "
            "date alone is its start.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Leave out events from TIME on, given as for --since.")
    ] = None,
    iis_timezone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            help="Time zone of the IIS logs, such as Europe/Berlin, where a server was set to log in local time.",
        ),
    ] = "UTC",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the incident document (JSON) instead of the report, nothing else.")
    ] = False,
    fail_on: Annotated[
        Verdict | None,
        typer.Option(
            metavar="VERDICT",
            help="Exit with 1 when the verdict is this one or worse. From best to worst: "
            + ", ".join(verdict.value for verdict in Verdict)
            + ".",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Use N threads; default: one a core, at most 4."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict's sentence only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every finding and all of long lists; tracebacks of errors.")
    ] = False,
    color: Annotated[
        Color,
        typer.Option(
            metavar="WHEN",
            help="auto, always or never. auto: on a terminal, if NO_COLOR is not set.",
        ),
    ] = Color.AUTO,
) -> int:
    """Say whether the Exchange servers these logs are of were broken into, and whose mail was read.

    The report, or with --json the incident document, goes to standard output; progress, and the name of everything
    that could not be read, to standard error.

    \b
    Examples:
      brokenseal scan /mnt/exch01
      brokenseal scan collected.zip --case case-17 --json > incident.json
      brokenseal scan exch01/ exch02/ --host EXCH01=exch01 --host EXCH02=exch02

    \b
    Exit codes:
      0    done, whatever the verdict is
      1    --fail-on: the verdict is the given one or worse (also when
           something could not be read)
      2    the command is wrong, or cannot be carried out as given
      3    done, but something could not be read: named on standard error
      70   internal error, or the disk is full
      130  interrupted
    """

    def work() -> int:
        if quiet and verbose:
            raise UsageError("--quiet and --verbose exclude each other.")
        if "" in evidence:
            # An unset shell variable; as a path it would be the current directory.
            raise UsageError("EVIDENCE is empty text. Name a folder, a file or an archive.")
        request = Request(
            evidence=[Path(item) for item in evidence],
            case=case,
            hosts=_hosts(host or []),
            rules=rules or [],
            yara=yara or [],
            actor_ips=actor_ip or [],
            not_actor_ips=not_actor_ip or [],
            actor_agents=actor_agent or [],
            subjects=subjects,
            geoip=geoip,
            since=parse_time(since, "--since") if since is not None else None,
            until=parse_time(until, "--until") if until is not None else None,
            iis_timezone=iis_timezone,
            jobs=jobs,
        )
        check_order(request.since, request.until)
        incident = _scan(request, color)
        if as_json:
            from brokenseal.report.document import dump

            out_bytes(dump(incident.document))
        else:
            from brokenseal.report.terminal import render

            console = results_console(color)
            deliver(lambda: render(incident.document, console, quiet=quiet, verbose=verbose))
        _name_unread(incident.unread, everything=verbose)
        if fail_on is not None and fail_on.reached_by(incident.verdict):
            return exits.REACHED
        return exits.UNREAD if incident.unread else exits.DONE

    stopped = (
        f"What was read is kept in {plain(case, None)}; the next scan into it goes on from there."
        if case is not None
        else "Nothing is kept; with --case DIR the next scan goes on where this one stopped."
    )
    return exits.guarded(work, command=_COMMAND, verbose=verbose, interrupted=stopped)


def _scan(request: Request, color: Color) -> Incident:
    from brokenseal.incident.scan import scan as scan_evidence
    from brokenseal.report.progress import ScanProgress

    with ScanProgress(color=in_color(color, terminal=sys.stderr.isatty())) as progress:
        return scan_evidence(
            request.evidence,
            case=request.case,
            hosts=request.hosts,
            rules=request.rules,
            yara=request.yara,
            actor_ips=request.actor_ips,
            not_actor_ips=request.not_actor_ips,
            actor_agents=request.actor_agents,
            subjects=request.subjects,
            geoip=request.geoip,
            since=request.since,
            until=request.until,
            iis_timezone=request.iis_timezone,
            jobs=request.jobs,
            progress=progress,
        )


def _hosts(given: Sequence[str]) -> dict[str, list[Path]]:
    hosts: dict[str, list[Path]] = {}
    for text in given:
        name, separator, path = text.partition("=")
        name = name.strip()
        if not (name and separator and path):
            raise UsageError(f"--host: '{plain(text, 120)}' is not NAME=PATH, such as EXCH01=copies/exch01.")
        hosts.setdefault(name, []).append(Path(path))
    return hosts


def _name_unread(unread: Sequence[str], *, everything: bool) -> None:
    shown = unread if everything else unread[:_UNREAD_NAMED]
    for sentence in shown:
        say(f"not read: {plain(sentence, None)}")
    if len(shown) < len(unread):
        say(f"not read: … and {len(unread) - len(shown):,} more (named in evidence[] of --json, or with -v)")
