"""From events to everything the document says: match, join, account for the mail, look at what is missing, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from brokenseal.events import EventStore, Progress
from brokenseal.evidence import Refusal
from brokenseal.incident.actor_agents import agents_of
from brokenseal.incident.actors import actors_of, named_number, register_actors
from brokenseal.incident.coverage import SourceCoverage, coverage, exchange_servers, uncovered
from brokenseal.incident.document import Account, host_builds
from brokenseal.incident.findings import collect_findings, in_order
from brokenseal.incident.hosts import Hosts
from brokenseal.incident.identities import read_identities
from brokenseal.incident.intrusions import Intrusion, attach_context, join_intrusions
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.ledger import account_for_mail, forged_rules_of
from brokenseal.incident.ledger_rows import EWS_SSRF, GAPS, SHOWS_READING, MailboxAccess
from brokenseal.incident.left_out import NOTHING, LeftOut
from brokenseal.incident.mail_requests import build_mail_requests
from brokenseal.incident.matching import match_everything
from brokenseal.incident.named_actors import NOBODY, Named
from brokenseal.incident.outflow import outflow
from brokenseal.incident.places import PlacesFile
from brokenseal.incident.processes import process_trees
from brokenseal.incident.reading_verdict import named_intrusion, named_sentence, raised, readings, worse
from brokenseal.incident.sight import Sight, sight, unseen
from brokenseal.incident.stages import Ladder
from brokenseal.incident.summary import summarise
from brokenseal.incident.tracked_mail import add_tracked_mail
from brokenseal.incident.travel import share_hints, travel_hints
from brokenseal.incident.verdicts import Judgement, judge_all, judge_campaign, judge_found, judge_hosts
from brokenseal.incident.webshells import collect_webshells
from brokenseal.sentences import Sentence, say


def build_account(
    store: EventStore,
    knowledge: Knowledge,
    prefilter: str,
    refused: Sequence[Refusal],
    iis_timezone: str,
    jobs: int,
    progress: Progress,
    yara_problems: Sequence[str] = (),
    named: Named = NOBODY,
    places: PlacesFile | None = None,
    left_out: LeftOut = NOTHING,
) -> tuple[Account, list[str]]:
    """The account of a case, and the sentences on what could not be read.

    ``prefilter``: fingerprint of today's rules. ``yara_problems``: YARA rules of the user that do not run, as sentences.
    ``named``: what the user says of who the intruder is. ``places``: where addresses are, for hints. ``left_out``: findings
    that do not count.
    """
    hosts = Hosts(store.all_sources)
    _register(store, hosts, knowledge)
    progress.phase("applying rules")
    failures = match_everything(store, knowledge, prefilter, jobs)
    left_out.remove(store)
    progress.phase("joining")
    ladder = Ladder(knowledge.campaigns, knowledge.campaign_of_rule)
    graded = {rule_id: rule for rule_id, rule in knowledge.by_id.items() if not rule.context}
    context = {rule_id: rule for rule_id, rule in knowledge.by_id.items() if rule.context}
    findings = collect_findings(store, graded)
    intrusions = join_intrusions(store, findings, ladder, process_trees(store, findings))
    left_out.name_intrusions(intrusions)
    findings = in_order([*findings, *attach_context(store, context, intrusions, ladder)])
    left_out.name_findings(findings)
    _grow_trees(store, intrusions)
    webshells = collect_webshells(store, intrusions, ladder)
    actors = actors_of(intrusions, ladder, named)
    register_actors(store, actors, named)
    build_mail_requests(store)
    actors += agents_of(store, actors, intrusions)
    register_actors(store, actors, named)
    forged = forged_rules_of(knowledge)
    number = named_number(intrusions)
    inside = [intrusion for intrusion in intrusions if ladder.broke_in(intrusion.findings)]
    identities = read_identities(store)
    mail = account_for_mail(store, intrusions, inside, identities, forged)
    ledger = mail.rows
    named_one = named_intrusion(number, ledger, mail.changes, lambda source: hosts.of[source].host)
    if named_one is None:
        actors = [replace(each, intrusion=None) if each.intrusion == number else each for each in actors]
        register_actors(store, actors, named)
    left = outflow(store, forged)
    sources = list(store.sources.values())
    seen = coverage(sources, hosts, store.window_ms)
    add_tracked_mail(store, ledger, identities, seen)
    hints = share_hints(travel_hints(store, places, identities), ledger, identities) if places is not None else []
    builds = host_builds(store.all_sources, hosts, store.duplicates)
    servers = exchange_servers(seen)
    bounded = [campaign for campaign in knowledge.campaigns if campaign.visibility]
    sights = {
        (campaign.id, host): sight(campaign, host, seen[host], builds.get(host, []))
        for campaign in bounded
        for host in servers
    }
    per_host = {campaign.id: judge_hosts(campaign, seen, findings, sights, ladder) for campaign in knowledge.campaigns}
    campaigns = [
        (campaign, judge_campaign(campaign, per_host[campaign.id], sorted(seen))) for campaign in knowledge.campaigns
    ]
    own_rules = {host: judged for host in seen if (judged := judge_found(host, findings, ladder, None)) is not None}
    counted = [judged for campaign, judged in campaigns if campaign.visibility or per_host[campaign.id]]
    verdict = judge_all([*counted, *own_rules.values()])
    host_verdicts = _host_verdicts(per_host, own_rules, seen)
    ids = {intrusion.id for intrusion in inside}
    shown = readings(ledger, ids, actors, lambda source: hosts.of[source].host)
    by_evidence = raised(host_verdicts, [each for each in shown if not each.by_user])
    if any(not each.by_user for each in shown):
        verdict = worse(verdict)
    lost = [(r.name, r.reason) for r in refused if not r.nothing_lost]
    unread, unsaid = unseen(store.all_sources, hosts, lost)
    if yara_problems:
        unread.append(say("sight.yara_problems", n=len(yara_problems), problems="; ".join(yara_problems[:5])))
    not_run = [*knowledge.not_run(), *failures]
    if not_run:
        in_files = ", ".join(sorted({file for _, file, _ in not_run})[:5])
        unread.append(say("sight.rule_problems", n=len(not_run), places=in_files))
    spoken = [
        c.title for c, judgement in campaigns if judgement.verdict == verdict and (c.visibility or per_host[c.id])
    ]
    titles = spoken or [campaign.title for campaign in bounded]
    named_rows = [row for row in ledger if row.intrusion not in ids]
    summary = summarise(
        verdict,
        {host: judged.verdict for host, judged in by_evidence.items()},
        titles,
        intrusions,
        # What the user alone names is no part of what the evidence shows.
        [row for row in ledger if row.intrusion in ids or row.access not in SHOWS_READING],
        len(mail.changes),
        ladder,
    )
    if any(each.by_user for each in shown):
        verdict = worse(verdict)
        summary = say("summary.named", named=named_sentence(named_rows, actors), evidence=summary)
    account = Account(
        verdict=verdict,
        summary=summary,
        since=store.since,
        until=store.until,
        iis_timezone=iis_timezone,
        hosts=hosts,
        host_verdicts=raised(host_verdicts, shown),
        coverage=seen,
        campaigns=campaigns,
        ladder=ladder,
        findings=findings,
        intrusions=[*intrusions, *([named_one] if named_one is not None else [])],
        webshells=webshells,
        ledger=[(row, _incomplete(row, seen)) for row in ledger],
        changes=mail.changes,
        hints=hints,
        places=places,
        outflow=left,
        actors=actors,
        not_seen=_not_seen(sights, [*unread, *unsaid], per_host),
        advice=_advice(knowledge, verdict),
        sources=store.all_sources,
        duplicates=store.duplicates,
        refused=refused,
        rules_loaded=len(knowledge.rule_set.rules),
        rules_not_run=not_run,
    )
    return account, unread


def _grow_trees(store: EventStore, intrusions: Sequence[Intrusion]) -> None:
    """Give each intrusion the processes around its findings, what was seen beside it included."""
    for intrusion in intrusions:
        intrusion.processes = process_trees(store, [*intrusion.findings, *intrusion.context])


def _advice(knowledge: Knowledge, verdict: str) -> list[str]:
    return list(dict.fromkeys(Sentence(line) for campaign in knowledge.campaigns for line in campaign.advice[verdict]))


def _register(store: EventStore, hosts: Hosts, knowledge: Knowledge) -> None:
    store.register_hosts({source_id: found.host for source_id, found in hosts.of.items()})
    spellings = hosts.spellings()
    store.engine.register(
        "host_spellings",
        pa.table({"lowered": pa.array(spellings, pa.string()), "spelling": pa.array(spellings.values(), pa.string())}),
    )
    ids = pa.array([source.id for source in store.all_sources], pa.int32())
    # Ties are broken by the files' names and contents, never by the order in which they were read.
    store.engine.register("source_ranks", pa.table({"source_id": ids, "rank": pa.array(range(len(ids)), pa.int64())}))
    shells = [
        (rule.id, rule.webshell == "used") for rule in knowledge.rule_set.rules if rule.webshell in ("used", "absent")
    ]
    store.engine.register(
        "shell_rules",
        pa.table(
            {
                "rule": pa.array([r for r, _ in shells], pa.string()),
                "used": pa.array([u for _, u in shells], pa.bool_()),
            }
        ),
    )


def _host_verdicts(
    per_host: Mapping[str, Mapping[str, Judgement]],
    own_rules: Mapping[str, Judgement],
    seen: Mapping[str, Sequence[SourceCoverage]],
) -> dict[str, Judgement]:
    judged: dict[str, Judgement] = {}
    for host in seen:
        own = [judgements[host] for judgements in per_host.values() if host in judgements]
        own += [own_rules[host]] if host in own_rules else []
        if not own:
            judged[host] = Judgement("no_evidence", [say("reason.no_mail_server", host=host)])
            continue
        verdict = judge_all(own)
        judged[host] = Judgement(
            verdict, [r for judgement in own if judgement.verdict == verdict for r in judgement.reasons]
        )
    return judged


def _incomplete(row: MailboxAccess, seen: Mapping[str, Sequence[SourceCoverage]]) -> list[str]:
    """Why a row of the ledger may be less than what was taken."""
    reasons = list(row.incomplete)
    if row.mailbox is None:
        reasons.append("the mailbox is not known")
    if row.access == EWS_SSRF:
        entries = [entry for host in row.hosts for entry in seen.get(host, []) if entry.kind == "httpproxy"]
        if uncovered((row.first_ms, row.last_ms), entries):
            reasons.append(GAPS)
    return reasons


def _not_seen(
    sights: Mapping[tuple[str, str], Sight],
    unread: Sequence[str],
    per_host: Mapping[str, Mapping[str, Judgement]],
) -> list[str]:
    sentences = [line for found in sights.values() for line in found.missing]
    if not per_host or not any(per_host.values()):
        sentences.append(say("sight.no_exchange_log"))
    sentences += [line for found in sights.values() for line in found.weakened]
    sentences += unread
    return list(dict.fromkeys(sentences))
