"""A whole scan: evidence in, incident out. The order here is the order of the folders."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from brokenseal.errors import UsageError
from brokenseal.events import Case, EventStore, NoProgress, Progress, default_jobs, ingest, unread_files
from brokenseal.events.reading import Stopped
from brokenseal.evidence import Inventory, collect, refuse_output_inside
from brokenseal.incident.custody import recorded
from brokenseal.incident.kept_results import Json, keep, kept, latest, result_key, unfinished_matches
from brokenseal.incident.named_actors import Named, addresses
from brokenseal.parsers import Settings

if TYPE_CHECKING:
    from brokenseal.detections.web_file_judge import WebFileJudge
    from brokenseal.incident.places import PlacesFile


@dataclass(frozen=True, slots=True)
class Incident:
    """The answer of a scan: ``document`` has the shape of ``brokenseal/report/incident.schema.json``.

    ``unread`` names what could not be read, one sentence each; when it is not empty the answer rests on less than what
    was given.
    """

    document: Json
    unread: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return str(self.document["verdict"])

    @property
    def summary(self) -> str:
        return str(self.document["summary"])


@recorded
def scan(
    evidence: Sequence[Path | str],
    *,
    case: Path | str | None = None,
    hosts: Mapping[str, Path | str | Sequence[Path]] | None = None,
    rules: Sequence[Path | str] = (),
    yara: Sequence[Path | str] = (),
    actor_ips: Sequence[str] = (),
    not_actor_ips: Sequence[str] = (),
    actor_agents: Sequence[str] = (),
    subjects: bool = False,
    geoip: Path | str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    iis_timezone: str = "UTC",
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Incident:
    """Scan folders, files and archives and say what they show.

    ``case``: a directory to keep what was read (a second scan reads only what is new or changed); without it a temporary
    one is used. ``hosts``: server name → folder (or several) whose files it wrote, for logs that do not name their server.
    ``rules``: more folders or files of Sigma rules, ``yara``: of YARA rules for the files of web folders.
    ``since``/``until`` bound the events that are judged (aware, or taken
    as UTC). ``actor_ips``/``not_actor_ips``: addresses that are, or are not, the intruder's; ``actor_agents``: parts of his
    user agents. ``subjects``: name ids and subjects of messages where audit records have them (they are private).
    ``geoip``: a MaxMind DB file of cities or countries, for hints on users in two places at once; nothing is asked of a
    network. ``iis_timezone``: the zone of the IIS logs' times, if not UTC. ``jobs``: threads, by default one a processor,
    at most 4.

    Raises :class:`brokenseal.errors.UsageError` (a path that does not exist, a case inside the evidence, an unknown
    time zone). What cannot be read among the evidence is not raised but named in ``Incident.unread``.
    """
    since, until = _utc(since), _utc(until)
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must lie before --until")
    _check_zone(iis_timezone)
    progress = progress or NoProgress()
    if not evidence:
        raise UsageError("no evidence was named")
    given = {name: Path(path) if isinstance(path, str) else path for name, path in (hosts or {}).items()}
    inventory = collect([Path(item) for item in evidence], given)
    refuse_output_inside(Path(case) if case is not None else Path(tempfile.gettempdir()), inventory.roots)
    settings = Settings(iis_timezone)
    jobs = max(1, jobs) if jobs is not None else default_jobs()
    more_rules = [Path(rule) for rule in rules]
    for rule in more_rules:
        if not rule.exists():
            raise UsageError(f"there are no rules at {rule}")
    named = Named(
        addresses(actor_ips, "--actor-ip"),
        addresses(not_actor_ips, "--not-actor-ip"),
        tuple(agent for agent in actor_agents if agent.strip()),
    )
    places = None
    if geoip is not None:
        from brokenseal.incident.places import open_places

        places = open_places(Path(geoip))
    judge = _judge([Path(folder) for folder in yara])
    with Case(Path(case) if case is not None else None) as opened:
        options: tuple[object, ...] = (
            since,
            until,
            iis_timezone,
            inventory.refusals,
            judge.fingerprint,
            named,
            subjects,
        )
        if places is not None:
            options = (*options, places.path.name, places.sha256)
        if not unread_files(opened, inventory.files, settings, judge):
            found = kept(opened, result_key(opened, more_rules, options))
            if found is not None:
                return Incident(*found)
        matches = unfinished_matches(opened) if case is not None else None
        document, unread = _scanned(
            opened,
            inventory,
            settings,
            judge,
            more_rules,
            (since, until),
            jobs,
            progress,
            named,
            subjects,
            places,
            matches,
        )
        if case is not None:
            keep(opened, result_key(opened, more_rules, options), document, unread)
    return Incident(document, tuple(unread))


def _scanned(
    case: Case,
    inventory: Inventory,
    settings: Settings,
    judge: WebFileJudge,
    rules: Sequence[Path],
    window: tuple[datetime | None, datetime | None],
    jobs: int,
    progress: Progress,
    named: Named,
    subjects: bool,
    places: PlacesFile | None,
    matches: Path | None,
) -> tuple[Json, list[str]]:
    """The document and the unread sentences. ``matches``: where to write all matches, if they are to be kept."""
    # Imported here because a scan with nothing new needs none of it, and loading Sigma takes longer than the rest.
    from brokenseal.incident.knowledge_ahead import KnowledgeAhead

    ahead = KnowledgeAhead(rules)
    try:
        ingest(case, inventory.files, settings, ahead, judge=judge, jobs=jobs, progress=progress)
    except Stopped:
        ahead.get()
        raise
    finally:
        progress.stop()
    from brokenseal.incident.account import build_account
    from brokenseal.incident.cited_lines import cited_lines
    from brokenseal.incident.document import incident_document
    from brokenseal.incident.kept_matches import write_matches

    knowledge, prefilter = ahead.get()
    since, until = window
    store = EventStore(case, threads=jobs, since=since, until=until)
    try:
        account, unread = build_account(
            store,
            knowledge,
            prefilter.fingerprint,
            inventory.refusals,
            settings.iis_timezone,
            jobs,
            progress,
            judge.problems,
            named,
            places,
        )
        if matches is not None:
            write_matches(store, account, matches)
        document = incident_document(account, subjects=subjects)
        before = latest(case.directory)
        document["cited"] = cited_lines(document, store, inventory.files, before, subjects=subjects)
    finally:
        store.close()
    return document, unread


def _judge(yara: Sequence[Path]) -> WebFileJudge:
    from brokenseal.detections.web_file_judge import WebFileJudge

    return WebFileJudge(yara)


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"unknown time zone {name!r}; use a name like 'Europe/Berlin' or 'UTC'") from error
