"""A STIX 2.1 bundle: who was seen doing what to which server, with indicators; checked by the ``stix2`` library.

References: STIX Version 2.1 (OASIS Standard).
"""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.report.exports.exported_text import json_bytes, shown
from brokenseal.report.exports.moments import intrusion_of
from brokenseal.report.exports.stix_bundle import Bundle, Json
from brokenseal.report.exports.stix_intrusion import add_intrusion
from brokenseal.report.exports.stix_observed import address_object, file_object, observe, process_object, shell_objects
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import Finding, IncidentDocument, Mailbox, Process

_PROCESSES = 200


def _bundle(document: IncidentDocument, options: Options) -> Written:
    bundle = Bundle(document, options.tlp)
    hosts = {host["host"]: _host(bundle, host["host"], host["verdict"]) for host in document["hosts"]}
    observed: dict[str, str] = {}
    seen, left_out = _seen_in(bundle, document)
    for finding in document["findings"]:
        observed[finding["id"]] = _finding(bundle, finding, seen.get(finding["id"], []))
    for mailbox in document["mailboxes"]:
        _mailbox(bundle, mailbox)
    for intrusion in document["intrusions"]:
        add_intrusion(bundle, document, intrusion, hosts, observed)
    _report(bundle, document)
    told = (f"{left_out:,} processes (they are in the tables)",) if left_out else ()
    return Written(json_bytes(bundle.checked()), told)


def _host(bundle: Bundle, name: str, verdict: str) -> str:
    shown_name = shown(name)
    content: Json = {"name": shown_name, "identity_class": "system", "description": f"Exchange server: {verdict}"}
    return bundle.add("identity", content)


def _seen_in(bundle: Bundle, document: IncidentDocument) -> tuple[dict[str, list[str]], int]:
    """Finding id → ids of the things that it is about: web shells, processes. And how many processes are left out."""
    found: dict[str, list[str]] = {}
    left_out = 0
    for intrusion in document["intrusions"]:
        for shell in intrusion["webshells"]:
            objects = shell_objects(bundle, shell)
            for finding in [*shell.get("findings", []), *shell.get("written_by", [])]:
                found.setdefault(finding, []).extend(objects)
        told = _told(intrusion["processes"])
        left_out += max(0, len(told) - _PROCESSES)
        known: dict[str, str] = {}
        for process in told[:_PROCESSES]:
            known[process["id"]] = process_object(bundle, process, known.get(process["parent"] or ""))
            for finding in process["findings"]:
                found.setdefault(finding, []).append(known[process["id"]])
    return found, left_out


def _told(processes: Sequence[Process]) -> list[Process]:
    """Processes that findings are about, and what started them; parents come first, as in the document."""
    parents = {process["id"]: process["parent"] for process in processes}
    told: set[str] = set()
    for process in processes:
        current: str | None = process["id"] if process["findings"] else None
        while current is not None and current not in told:
            told.add(current)
            current = parents.get(current)
    return [process for process in processes if process["id"] in told]


def _finding(bundle: Bundle, finding: Finding, about: list[str]) -> str:
    source = address_object(bundle, finding["source_ip"])
    objects = [*([source] if source else []), *about]
    if not objects and finding["evidence"]:
        # An observation has to be of something: then of the log that holds it.
        first = finding["evidence"][0]
        objects = [file_object(bundle, first["file"].rpartition("/")[2], first["sha256"], None, None)]
    if not objects:
        return ""
    return observe(bundle, objects, finding["time"], finding.get("last"), finding["count"])


def _mailbox(bundle: Bundle, mailbox: Mailbox) -> None:
    name = mailbox["mailbox"]
    if not name:
        return
    text = shown(name)
    if "@" in text:
        subject = bundle.observable("email-addr", {"value": text})
    else:
        subject = bundle.observable("user-account", {"user_id": text})
    observe(bundle, [subject], mailbox["first"], mailbox["last"], mailbox["requests"])


def _report(bundle: Bundle, document: IncidentDocument) -> None:
    intrusions = intrusion_of(document)
    kinds = ["intrusion-set", "indicator", "observed-data"] if document["intrusions"] else ["threat-report"]
    count = f"{len(document['findings'])} findings, {len(set(intrusions.values()))} intrusions"
    content: Json = {
        "name": shown(f"brokenseal: {document['verdict']} ({count})"),
        "description": shown(document["summary"], 2000),
        "report_types": kinds,
        "published": bundle.time,
        "object_refs": bundle.ids(),
    }
    bundle.add("report", content)


TARGET = Target("stix", ".json", {"bundle": _bundle})
