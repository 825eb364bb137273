"""One run of the simulator: from arguments to the evidence folder and its truth."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path

from brokenseal.errors import UsageError
from brokenseal.simulate import (
    administration,
    forwarded_mail,
    host_load,
    load,
    mail_flow,
    probes,
    scanners,
    signed_in_theft,
    web_traces,
)
from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import DAY, MINUTE, SECOND, iso, midnight
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import EXPORTS, SOURCES, EvidenceTree
from brokenseal.simulate.host_processes import Host
from brokenseal.simulate.organisation import found
from brokenseal.simulate.play import Play
from brokenseal.simulate.scenarios import SCENARIOS, Scenario, scenario_named
from brokenseal.simulate.truth import Truth

# Where nobody attacks, the organisation patches on the day after the update came out.
_ORDINARY_PATCH_DAY = date(2021, 3, 3)
_MOST_SERVERS = 80


def simulate(
    output: Path,
    scenario: str,
    *,
    seed: int = 2021,
    users: int = 8,
    start: date = date(2021, 1, 1),
    days: int = 75,
    servers: int = 1,
    sources: Collection[str] | None = None,
) -> Truth:
    """Write an evidence set: ``<output>/evidence/<SERVER>/C/...`` and, next to it, ``<output>/truth.json``.

    It holds the logs, the files of web folders, and what listings of files an administrator made.

    The same arguments give the same bytes on every system. Each text log is one file a day (real ones roll hourly), its
    name says hour 00; each Windows event log is one file for the whole range. A user's, a server's and a scanner's day
    depend only on the seed, so that two scenarios of one seed differ in the attack, in the build that headers carry, in
    what follows from the restart for the update and in the listings that were made, and in nothing else.

    ``start`` (UTC) and ``days`` give the range, ``servers`` are named EX01, EX02, ...; ``sources`` restricts what is
    written: logs, web folders, listings (names in ``SOURCES``; the truth still says what happened). The output folder may
    exist, but empty.

    Raises:
        UsageError: unknown scenario or source, a number out of range, or an output folder that is not empty.
    """
    plan = _checked(scenario, users=users, start=start, days=days, servers=servers)
    written = _checked_sources(sources) - plan.withheld - (EXPORTS - plan.exports)
    begin = midnight(start)
    end = begin + days * DAY
    evidence = _empty_folder(output) / "evidence"
    patched_from = _patch_time(plan, begin, end)
    organisation = found(seed, users, servers, patched_from)
    not_before = {source: begin + days * DAY * thousandths // 1000 for source, thousandths in plan.late}
    tree = EvidenceTree(evidence, organisation, start=begin, end=end, sources=written, not_before=not_before)
    truth = Truth(
        scenario=scenario,
        seed=seed,
        start=start.isoformat(),
        days=days,
        servers=[server.name for server in organisation.servers],
        sources=[source for source in SOURCES if source in written],
        verdict=plan.verdict,
        visible=plan.visible,
        patched_from=None if patched_from is None else iso(patched_from),
    )
    starts = [begin + 2 * SECOND]
    if patched_from is not None and patched_from > begin:
        starts.append(patched_from + 10 * MINUTE)
        tree.restart(starts[-1])
    hosts = {server.name: Host(tree, server, seed, starts) for server in organisation.servers}
    site = Site(organisation, tree, hosts)
    attack, host = Draws(seed, "attack", scenario), Draws(seed, "host", scenario)
    plan.play(Play(site, truth, attack, host, begin, end - begin, seed))
    for nth in range(days):
        _ordinary_day(site, begin // DAY + nth, nth, seed, publishing=nth == days // 3)
        tree.flush(begin // DAY + nth)
    tree.close()
    signed_in_theft.note_normal_use(site, truth)
    forwarded_mail.note_forwarded(site, truth)
    evidence.mkdir(parents=True, exist_ok=True)
    web_traces.write(evidence, organisation, truth, seed, begin, sources=written, plan=plan)
    truth.files = dict(sorted(tree.counts.items()))
    truth.write(output / "truth.json")
    return truth


def _ordinary_day(site: Site, day: int, nth: int, seed: int, *, publishing: bool) -> None:
    for server in site.organisation.servers:
        probes.probe_day(site, day, seed, server)
        scanners.scanner_day(site, day, nth, seed, server)
        administration.administration_day(site, day, nth, seed, server)
        host_load.host_day(site, day, nth, seed, server)
    for user in site.organisation.users:
        load.user_day(site, day, seed, user)
        mail_flow.mail_day(site, day, seed, user)
    if publishing:
        administration.publish_address_book(site, day, seed, site.organisation.servers[0])


def _patch_time(plan: Scenario, begin: int, end: int) -> int | None:
    if plan.patched_after is None:
        patched = midnight(_ORDINARY_PATCH_DAY)
        return max(patched, begin) if patched < end else None
    after = begin + (end - begin) * plan.patched_after // 1000
    patched = -(-after // DAY) * DAY
    return patched if patched < end else None


def _checked(scenario: str, *, users: int, start: date, days: int, servers: int) -> Scenario:
    plan = scenario_named(scenario)
    if plan is None:
        raise UsageError(f"unknown scenario {scenario!r}; there are: {', '.join(SCENARIOS)}")
    if days < 1 or days > (date.max - timedelta(days=366) - start).days:
        raise UsageError(f"a simulation lasts at least one day and ends before the year 9999, not {days} days")
    if users < 1:
        raise UsageError(f"a simulation needs at least one user, not {users}")
    if not 1 <= servers <= _MOST_SERVERS:
        raise UsageError(f"a simulation has 1 to {_MOST_SERVERS} servers, not {servers}")
    return plan


def _checked_sources(sources: Collection[str] | None) -> frozenset[str]:
    if sources is None:
        return frozenset(SOURCES)
    if unknown := sorted(set(sources) - set(SOURCES)):
        raise UsageError(f"unknown sources: {', '.join(unknown)}; there are: {', '.join(SOURCES)}")
    return frozenset(sources)


def _empty_folder(output: Path) -> Path:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output}: give a folder that is empty or does not exist yet")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output}: this folder cannot be made: {error.strerror}") from error
    return output
