"""A MISP event: addresses, web shells as file objects, processes, flaws, servers and mailboxes hit, techniques as tags.

References: the MISP core format (draft-dulaunoy-misp-core-format); templates ``file`` and ``process`` of misp-objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from brokenseal.report.exports.exported_text import LONG, instant, json_bytes, shown
from brokenseal.report.exports.identity import content_uuid, evidence_time
from brokenseal.report.exports.indicators import address, is_inner, is_sha256, shell_paths, shells
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import IncidentDocument, Process, WebShell
from brokenseal.report.wording import SETTINGS_CHANGED

Json = dict[str, object]

# Name, meta-category, UUID and version of the template, as MISP asks for.
_FILE = ("file", "file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25")
_PROCESS = ("process", "misc", "02aeef94-ac23-455c-addb-731757ceafb5", "10")
_THREAT = {"mail_read": "1", "breached": "1", "attempted": "2", "probed": "3"}
_PROCESSES = 200


class _Event:
    def __init__(self, document: IncidentDocument) -> None:
        self.document = document
        self.time = evidence_time(document)
        moment = instant(self.time)
        self.timestamp = str(int(moment.timestamp())) if moment else "0"
        # The same address on two servers' documents is two attributes: MISP allows a UUID once in all its events.
        self.key = content_uuid({"summary": document["summary"], "time": self.time, "verdict": document["verdict"]})

    def attribute(
        self, kind: str, category: str, value: str, *, to_ids: bool, comment: str = "", within: str = "", **more: str
    ) -> Json:
        """``within``: what tells the object that it is a part of from all others."""
        content: Json = {
            "type": kind,
            "category": category,
            "value": value,
            "to_ids": to_ids,
            "comment": comment,
            "disable_correlation": False,
            "distribution": "5",
            **more,
        }
        uuid = content_uuid({"event": self.key, "within": within, **content})
        return {"uuid": uuid, **content, "timestamp": self.timestamp}

    def object_(self, template: tuple[str, str, str, str], attributes: list[Json], comment: str) -> Json:
        name, meta, uuid, version = template
        content: Json = {
            "name": name,
            "meta-category": meta,
            "template_uuid": uuid,
            "template_version": version,
            "distribution": "5",
            "comment": comment,
            "Attribute": attributes,
        }
        return {"uuid": content_uuid({"event": self.key, **content}), **content, "timestamp": self.timestamp}


def _misp(document: IncidentDocument, options: Options) -> Written:
    event = _Event(document)
    processes = [
        (one["id"], process) for one in document["intrusions"] for process in one["processes"] if _is_told(process)
    ]
    attributes = _distinct([*_addresses(event), *_flaws(event), *_targets(event), *_paths(event)])
    objects = _distinct(
        [_shell(event, intrusion, shell) for intrusion, shell in shells(document) if _has_file(shell)]
        + [_process(event, intrusion, process) for intrusion, process in processes[:_PROCESSES]]
    )
    found: Json = {
        "uuid": event.key,
        "info": shown(document["summary"], 1000),
        "date": event.time[:10],
        "threat_level_id": _THREAT.get(document["verdict"], "4"),
        "analysis": "2",
        "distribution": "0",
        "published": False,
        "timestamp": event.timestamp,
        "Tag": [{"name": name} for name in _tags(document, options)],
        "Attribute": attributes,
        "Object": objects,
    }
    more = len(processes) - _PROCESSES
    return Written(json_bytes({"Event": found}), (f"{more:,} processes (they are in the tables)",) if more > 0 else ())


def _addresses(event: _Event) -> Iterator[Json]:
    for intrusion in event.document["intrusions"]:
        for given in intrusion["source_ips"]:
            ip = address(given)
            if ip:
                yield event.attribute(
                    "ip-src",
                    "Network activity",
                    ip,
                    to_ids=not is_inner(ip),
                    comment=f"Source of intrusion {shown(intrusion['id'])}",
                    first_seen=intrusion["first_seen"],
                    last_seen=intrusion["last_seen"],
                )


def _flaws(event: _Event) -> Iterator[Json]:
    for intrusion in event.document["intrusions"]:
        for flaw in intrusion["cves"]:
            why = f"{flaw['outcome']} in intrusion {shown(intrusion['id'])}"
            yield event.attribute("vulnerability", "External analysis", flaw["id"], to_ids=False, comment=why)


def _targets(event: _Event) -> Iterator[Json]:
    for host in event.document["hosts"]:
        if host["verdict"] in ("breached", "mail_read"):
            name = shown(host["host"])
            yield event.attribute("target-machine", "Targeting data", name, to_ids=False, comment=host["verdict"])
    for mailbox in event.document["mailboxes"]:
        name = shown(mailbox["mailbox"])
        if name:
            kind = "target-email" if "@" in name else "target-user"
            did = "Settings changed" if mailbox["access"] == SETTINGS_CHANGED else "Mail read"
            comment = f"{did}: {shown(mailbox['access'])}, intrusion {shown(mailbox['intrusion'] or 'not known')}"
            yield event.attribute(kind, "Targeting data", name, to_ids=False, comment=comment)


def _paths(event: _Event) -> Iterator[Json]:
    for path, why in shell_paths(event.document).items():
        yield event.attribute("uri", "Network activity", path, to_ids=True, comment=why)


def _has_file(shell: WebShell) -> bool:
    return bool(shell.get("path") or is_sha256(shell.get("sha256")))


def _shell(event: _Event, intrusion: str, shell: WebShell) -> Json:
    parts: list[Json] = []
    comment = f"Web shell of intrusion {shown(intrusion)}: {shell['state']}"
    within = f"{intrusion} shell {shell.get('host')} {shell['url']} {shell.get('path')} {shell.get('sha256')}"

    def add(relation: str, kind: str, category: str, value: object, *, to_ids: bool = False) -> None:
        text = shown(value, 1000)
        if text:
            parts.append(event.attribute(kind, category, text, to_ids=to_ids, within=within, object_relation=relation))

    path = shell.get("path")
    add("filename", "filename", "Artifacts dropped", path.replace("\\", "/").rpartition("/")[2] if path else None)
    add("fullpath", "text", "Other", path)
    if is_sha256(shell.get("sha256")):
        add("sha256", "sha256", "Artifacts dropped", shell.get("sha256"), to_ids=True)
    add("size-in-bytes", "size-in-bytes", "Other", shell.get("size"))
    add("text", "text", "Other", shell.get("kind"))
    return event.object_(_FILE, parts, comment)


def _is_told(process: Process) -> bool:
    return bool(process["findings"] and (process["image"] or process["command_line"]))


def _process(event: _Event, intrusion: str, process: Process) -> Json:
    parts: list[Json] = []
    within = f"{intrusion} process {process['id']}"
    values = [
        ("image", "filename", "Artifacts dropped", process["image"]),
        ("command-line", "text", "Other", process["command_line"]),
        ("pid", "text", "Other", process["pid"]),
        ("user-process", "text", "Other", process["user"]),
        ("start-time", "datetime", "Other", process["time"]),
    ]
    for relation, kind, category, value in values:
        text = shown(value, LONG)
        if text:
            parts.append(event.attribute(kind, category, text, to_ids=False, within=within, object_relation=relation))
    findings = ", ".join(process["findings"])
    comment = f"{shown(process['host'])}, intrusion {shown(intrusion)}, findings {shown(findings)}"
    return event.object_(_PROCESS, parts, comment)


def _tags(document: IncidentDocument, options: Options) -> list[str]:
    names = {one["id"]: one["name"] for intrusion in document["intrusions"] for one in intrusion["techniques"]}
    techniques = [
        # The galaxy names a sub-technique by its own name alone.
        f'misp-galaxy:mitre-attack-pattern="{shown(name.rpartition(": ")[2]).replace(chr(34), "")} - {identity}"'
        for identity, name in sorted(names.items())
    ]
    return [f"tlp:{options.tlp}", f'brokenseal:verdict="{document["verdict"]}"', *techniques]


def _distinct(found: list[Json]) -> list[Json]:
    return list({str(one["uuid"]): one for one in found}.values())


TARGET = Target("misp", ".json", {"event": _misp})
