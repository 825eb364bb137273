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
from brokenseal.sentences import UNREAD, Sentence, catalogue, joined, recognised, say


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
    """How a source of campaign.yaml reads in a sentence."""
    kind, _, part = source.partition("/")
    log = say(f"source.{kind}") if f"source.{kind}" in catalogue("en").entries else kind
    return say("source.part", log=log, part=part) if part else log


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
        found.notes.append(say("sight.fixed", host=host, time=rfc3339(fixed_from)))
    for need in campaign.visibility:
        able = [entry for entry in sources if _serves(entry, need.any_of)]
        holes = uncovered(found.window, able)
        if not holes:
            continue
        logs = joined("list.or", [words_for(source) for source in need.any_of])
        spans = [say("sight.span", first=rfc3339(a)[:10], last=rfc3339(b)[:10]) for a, b in holes]
        whole = len(holes) == 1 and holes[0] == found.window
        when = say("sight.at_any_time") if whole else say("sight.from", spans=joined("list.comma", spans))
        found.missing.append(say("sight.hidden", host=host, what=Sentence(need.what), when=when, logs=logs))
    last_unfixed = max((last for build, _, last in builds if not _has_fixes(build, campaign)), default=None)
    if fixed_from is None and last_unfixed is not None:
        found.weakened.append(say("sight.without_fix", host=host, day=rfc3339(last_unfixed)[:10]))
    found.weakened += _gaps(host, found.window, sources, {name for need in campaign.visibility for name in need.any_of})
    for weak in campaign.weakens:
        if not any(_serves(entry, (weak.source,)) and entry.events for entry in sources):
            found.weakened.append(say("sight.of_host", host=host, what=Sentence(weak.sentence)))
    return found


def _serves(entry: SourceCoverage, wanted: Sequence[str]) -> bool:
    # The back-end site sees only what the front end let through, and another web site nothing of Exchange.
    if entry.kind == "iis" and entry.stream != "front end":
        return entry.source in wanted
    return entry.kind in wanted or entry.source in wanted


def _gaps(host: str, window: Interval, sources: Sequence[SourceCoverage], wanted: set[str]) -> list[str]:
    """Gaps in the logs that matter, also where another log fills them: what only this one shows is lost."""
    return [
        say("sight.silent", host=host, log=words_for(entry.source), first=rfc3339(start), last=rfc3339(end))
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
        names = _listed([source.name for source in rejected])
        unread.append(say("sight.rejected", n=rows, files=len(rejected), names=names))
    unread += _by_reason("stopped", [(source.name, source.damage) for source in sources if source.damage])
    unread += _by_reason("unread", refusals)
    unsaid: list[str] = []
    unknown = [s.name for s in sources if s.kind == UNRECOGNISED and s.size and not s.damage]
    if unknown:
        unsaid.append(say("sight.unknown_kind", n=len(unknown), names=_listed(unknown)))
    nameless = [s.name for s in sources if s.events and hosts.of[s.id].host.startswith(UNKNOWN)]
    if nameless:
        unsaid.append(say("sight.nameless", n=len(nameless), names=_listed(nameless)))
    return unread, unsaid


def _by_reason(what: str, named: Sequence[tuple[str, str]]) -> list[str]:
    """One sentence a reason: a thousand files with the same trouble are one thing to know."""
    names: dict[str, list[str]] = {}
    for name, reason in named:
        names.setdefault(reason.rstrip("."), []).append(name)
    return [
        say(f"sight.one_{what}", file=found[0], reason=recognised(reason, *UNREAD))
        if len(found) == 1
        else say(f"sight.many_{what}", n=len(found), reason=recognised(reason, *UNREAD), names=_listed(found))
        for reason, found in sorted(names.items(), key=lambda item: (item[1][0], item[0]))
    ]


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(sorted(names)[:most])
    return shown if len(names) <= most else say("list.more", items=shown, n=len(names) - most)
