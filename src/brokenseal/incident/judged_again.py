"""A case judged again without findings that people took for false positives: the document as the scan would have made it.

Rules are applied to what the case kept, findings joined and mail accounted for, as in the scan; nothing is read from the
evidence but lines that are cited for the first time. What does not rest on findings (evidence, coverage, what was not seen)
is as the scan said it. Ids stay: F7 and I1 are what they were.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

from brokenseal import __version__
from brokenseal.errors import CaseError
from brokenseal.events import Case, EventStore, NoProgress, Progress, default_jobs
from brokenseal.incident.account import build_account
from brokenseal.incident.cited_lines import cited_lines
from brokenseal.incident.custody import arguments_of, content_hash, custody
from brokenseal.incident.document import incident_document
from brokenseal.incident.findings import Key
from brokenseal.incident.kept_results import Json, KeptResult
from brokenseal.incident.knowledge_ahead import KnowledgeAhead
from brokenseal.incident.left_out import LeftOut
from brokenseal.incident.named_actors import Named, addresses
from brokenseal.incident.places import PlacesFile, open_places
from brokenseal.incident.told import told
from brokenseal.sentences import say

#: Members that no finding changes.
_AS_IT_WAS = ("not_seen", "evidence")


def judged_again(
    case: Case,
    kept: KeptResult,
    left_out: Collection[Key],
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Json:
    """The document of *case*, whose last result is *kept*, without the findings *left_out*; its summary says so.

    Nothing is written but what the engine spills. What another rule did not report because of one of these findings is not
    reported now either.
    Raises ``CaseError`` where the case cannot be judged as it was: an older version made it, or rules given with ``--rules``
    or a database given with ``--geoip`` were changed since.
    """
    before = cast("Mapping[str, list[Json]]", kept.document)
    arguments = _arguments(case.directory, kept)
    rules = cast("list[Path]", arguments["rules"])
    knowledge, prefilter = KnowledgeAhead(rules).get()
    jobs = jobs or default_jobs()
    store = EventStore(case, threads=jobs, since=arguments["since"], until=arguments["until"])  # type: ignore[arg-type]
    try:
        account, _ = build_account(
            store,
            knowledge,
            prefilter.fingerprint,
            (),
            str(arguments["iis_timezone"]),
            jobs,
            progress or NoProgress(),
            named=_named(arguments),
            places=_places(arguments),
            left_out=_left_out(before, left_out),
        )
        subjects = bool(arguments["subjects"])
        document = incident_document(account, subjects=subjects)
        document |= {name: before[name] for name in _AS_IT_WAS}
        if left_out:
            document["summary"] = say("summary.left_out", n=len(left_out), sentence=document["summary"])
        document["sentences"] = _sentences(document, before)
        document["cited"] = cited_lines(document, store, (), kept.document, subjects=subjects)
    finally:
        store.close()
    return document


def key_of(finding: Mapping[str, object]) -> Key:
    """The key of a finding of the document."""
    return str(finding["rule"]), str(finding["host"] or ""), str(finding["source_ip"] or "")


def _left_out(before: Mapping[str, list[Json]], keys: Collection[Key]) -> LeftOut:
    by_id = {str(one["id"]): key_of(one) for one in before["findings"]}
    intrusions = {
        by_id[name]: str(one["id"])
        for one in before["intrusions"]
        for name in cast("list[str]", one.get("findings") or [])
        if name in by_id
    }
    return LeftOut(frozenset(keys), {key: name for name, key in by_id.items()}, intrusions)


def _arguments(case: Path, kept: KeptResult) -> dict[str, object]:
    entries = [one for one in custody(case).entries if one.get("document_sha256") == kept.document_sha256]
    if not entries:
        raise CaseError("the case does not say how it was scanned (an older version made it)")
    last = entries[-1]
    if last["version"] != __version__:
        raise CaseError(f"the case was made by version {last['version']}, this is {__version__}: scan it again")
    arguments = arguments_of(last)
    rules = [*cast("list[Path]", arguments["rules"]), *cast("list[Path]", arguments["yara"])]
    if rules and content_hash(rules) != last["own_rules_sha256"]:
        raise CaseError("the rules given with --rules or --yara were changed since the scan")
    places = arguments.get("geoip")
    if isinstance(places, Path) and content_hash([places]) != last.get("geoip_sha256"):
        raise CaseError("the database given with --geoip was changed since the scan")
    return arguments


def _sentences(document: Json, before: Mapping[str, list[Json]]) -> list[Json]:
    """Those of the document; of what is as it was, those that the scan knew: it is plain text now."""
    found = {str(one["text"]): one for one in before["sentences"] if one["text"] in before["not_seen"]}
    found |= {str(one["text"]): one for one in told(document)}
    return [found[text] for text in sorted(found)]


def _named(arguments: Mapping[str, object]) -> Named:
    told_of = {
        name: cast("list[str]", arguments.get(name) or []) for name in ("actor_ips", "not_actor_ips", "actor_agents")
    }
    return Named(
        addresses(told_of["actor_ips"], "--actor-ip"),
        addresses(told_of["not_actor_ips"], "--not-actor-ip"),
        tuple(agent for agent in told_of["actor_agents"] if agent.strip()),
    )


def _places(arguments: Mapping[str, object]) -> PlacesFile | None:
    file = arguments.get("geoip")
    if not isinstance(file, Path):
        return None
    return open_places(file)
