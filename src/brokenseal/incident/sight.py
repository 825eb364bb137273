"""What could be seen of a campaign on a host, and what could not: the ground for saying 'no evidence' or 'cannot tell'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from brokenseal.detections.campaign import Campaign
from brokenseal.events import Source
from brokenseal.events.sources import UNRECOGNISED, rfc3339
from brokenseal.incident.builds import is_fixed
from brokenseal.incident.coverage import Interval, SourceCoverage, uncovered
from brokenseal.incident.hosts import UNKNOWN, Hosts

#: How a source name of campaign.yaml reads in a sentence.
_SOURCE_WORDS = {
    "iis": "IIS front-end log",
    "httpproxy": "HttpProxy log",
    "ecp_server": "ECP Server log",
    "oab_generator": "OABGenerator log",
    "ews": "EWS back-end log",
    "mapi": "MapiHttp log",
    "cmdlet": "CmdletInfra log",
    "message_tracking": "message tracking log",
    "windows_event": "Windows event log",
    "web_file": "web folder",
    "file_listing": "listing of files",
}


@dataclass(slots=True)
class Sight:
    """One campaign on one host: the window that had to be covered (ms since 1970 UTC), and what is missing of it."""

    window: Interval
    missing: list[str] = field(default_factory=list)
    weakened: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.missing


def words_for(source: str) -> str:
    kind, _, part = source.partition("/")
    return f"{_SOURCE_WORDS.get(kind, kind)}{f' ({part})' if part else ''}"


def sight(
    campaign: Campaign, host: str, sources: Sequence[SourceCoverage], builds: Sequence[tuple[str, int, int]]
) -> Sight:
    """What the host's logs can show of the campaign, which has a window. ``builds`` are (build, first seen, last seen)."""
    assert campaign.window_ms is not None
    start, end = campaign.window_ms
    found = Sight((start, end))
    fixed_from = _fixed_from(campaign, builds)
    if fixed_from is not None and start < fixed_from < end:
        found.window = (start, fixed_from)
        found.notes.append(
            f"{host} ran a build with the fix from {rfc3339(fixed_from)} on, so its logs had to reach until then."
        )
    for need in campaign.visibility:
        able = [entry for entry in sources if _serves(entry, need.any_of)]
        holes = uncovered(found.window, able)
        if not holes:
            continue
        logs = " or ".join(words_for(source) for source in need.any_of)
        spans = ", ".join(f"{rfc3339(a)[:10]} to {rfc3339(b)[:10]}" for a, b in holes)
        whole = len(holes) == 1 and holes[0] == found.window
        when = "at any time of the campaign" if whole else f"from {spans}"
        found.missing.append(f"{host}: {need.what} cannot be seen {when}: no {logs} covers it.")
    last_unfixed = max((last for build, _, last in builds if not _has_fixes(build, campaign)), default=None)
    if fixed_from is None and last_unfixed is not None:
        found.weakened.append(
            f"{host}: as far as its logs go ({rfc3339(last_unfixed)[:10]}) it ran without the fix and could be "
            "attacked later."
        )
    found.weakened += _gaps(host, found.window, sources, {name for need in campaign.visibility for name in need.any_of})
    for weak in campaign.weakens:
        if not any(_serves(entry, (weak.source,)) and entry.events for entry in sources):
            found.weakened.append(f"{host}: {weak.sentence}")
    return found


def _serves(entry: SourceCoverage, wanted: Sequence[str]) -> bool:
    # The back-end site sees only what the front end let through, and another web site nothing of Exchange.
    if entry.kind == "iis" and entry.stream != "front end":
        return entry.source in wanted
    return entry.kind in wanted or entry.source in wanted


def _gaps(host: str, window: Interval, sources: Sequence[SourceCoverage], wanted: set[str]) -> list[str]:
    """Gaps in the logs that matter, also where another log fills them: what only this one shows is lost."""
    return [
        f"{host}: the {words_for(entry.source)} is silent from {rfc3339(start)} to {rfc3339(end)}."
        for entry in sources
        if _serves(entry, sorted(wanted | {"ews"}))
        for start, end in entry.gaps
        if end > window[0] and start < window[1]
    ]


def _fixed_from(campaign: Campaign, builds: Sequence[tuple[str, int, int]]) -> int | None:
    """Since when only builds with the fix for all of the campaign's flaws were seen (ms since 1970 UTC)."""
    unfixed = max((last for build, _, last in builds if not _has_fixes(build, campaign)), default=-1)
    since = [max(first, unfixed + 1) for build, first, last in builds if _has_fixes(build, campaign) and last > unfixed]
    return min(since, default=None)


def _has_fixes(build: str, campaign: Campaign) -> bool:
    # A flaw that the product never had (Unified Messaging in Exchange 2019) cannot be said to be fixed: it does not count.
    known = [fixed for cve in campaign.cves if (fixed := is_fixed(build, cve.id)) is not None]
    return bool(known) and all(known)


def unseen(sources: Sequence[Source], hosts: Hosts, refusals: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Sentences on what could not be read although it should have been, and on what is merely not known."""
    unread: list[str] = []
    rejected = [source for source in sources if source.rejects]
    if rejected:
        rows = sum(source.rejects for source in rejected)
        unread.append(
            f"{rows} line(s) or record(s) in {len(rejected)} file(s) could not be read and are kept aside "
            "with their reason: "
            f"{_listed([source.name for source in rejected])}."
        )
    unread += _by_reason("reading stopped", [(source.name, source.damage) for source in sources if source.damage])
    unread += _by_reason("not read", refusals)
    unsaid: list[str] = []
    unknown = [s.name for s in sources if s.kind == UNRECOGNISED and s.size and not s.damage]
    if unknown:
        unsaid.append(f"{len(unknown)} file(s) are of no kind that this version reads: {_listed(unknown)}.")
    nameless = [s.name for s in sources if s.events and hosts.of[s.id].host.startswith(UNKNOWN)]
    if nameless:
        unsaid.append(
            f"The server that wrote {len(nameless)} file(s) is not known ({_listed(nameless)}): "
            "say it with --host NAME=PATH."
        )
    return unread, unsaid


def _by_reason(what: str, named: Sequence[tuple[str, str]]) -> list[str]:
    """One sentence a reason: a thousand files with the same trouble are one thing to know."""
    names: dict[str, list[str]] = {}
    for name, reason in named:
        names.setdefault(reason.rstrip("."), []).append(name)
    return [
        f"{found[0]}: {what}: {reason}."
        if len(found) == 1
        else f"{len(found)} files: {what}: {reason}: {_listed(found)}."
        for reason, found in sorted(names.items(), key=lambda item: (item[1][0], item[0]))
    ]


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(sorted(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
