"""DFIR-IRIS: the timeline, and the assets and indicators that IRIS must know before it takes the timeline.

IRIS refuses a whole timeline when one event names an asset or indicator that the case has not; hence the other two.

References: iris-web, routes ``case/timeline/events/csv_upload``, ``case/ioc/upload`` and ``case/assets/upload``.
"""

from __future__ import annotations

from brokenseal.report.exports.exported_text import Constant, shown, tool_csv
from brokenseal.report.exports.indicators import addresses, shell_hashes, shell_paths
from brokenseal.report.exports.moments import Moment, moments
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.exports.timesketch import without_time
from brokenseal.report.shape import IncidentDocument

TIMELINE = (
    "event_date",
    "event_tz",
    "event_title",
    "event_category",
    "event_content",
    "event_raw",
    "event_source",
    "event_assets",
    "event_iocs",
    "event_tags",
)
ASSETS = ("asset_name", "asset_type_name", "asset_description", "asset_ip", "asset_domain", "asset_tags")
IOCS = ("ioc_value", "ioc_type", "ioc_description", "ioc_tags", "ioc_tlp")

#: Tactics in the tags of rules → categories that IRIS has from the start.
_CATEGORIES = {
    "attack.initial-access": "Initial Access",
    "attack.execution": "Execution",
    "attack.persistence": "Persistence",
    "attack.privilege-escalation": "Privilege Escalation",
    "attack.defense-evasion": "Defense Evasion",
    "attack.credential-access": "Credential Access",
    "attack.discovery": "Discovery",
    "attack.lateral-movement": "Lateral Movement",
    "attack.collection": "Collection",
    "attack.command-and-control": "Command and Control",
    "attack.exfiltration": "Exfiltration",
    "attack.impact": "Impact",
}
_BY_KIND = {"process": "Execution", "webshell": "Persistence", "mailbox": "Collection"}


def _timeline(document: IncidentDocument, _options: Options) -> Written:
    found, timeless = moments(document)
    known = set(addresses(document))
    assets = set(_hosts(document))
    rows = (
        (
            moment.time.removesuffix("Z"),
            Constant("+00:00"),
            moment.message,
            _category(moment),
            _content(moment),
            moment.raw or moment.detail,
            f"{moment.file}:{moment.line}" if moment.file else "brokenseal",
            moment.host if moment.host in assets else "",
            moment.source_ip if moment.source_ip in known else "",
            "|".join(tag.replace("|", "/") for tag in moment.tags),
        )
        for moment in found
    )
    return Written(tool_csv(TIMELINE, rows), without_time(timeless))


def _assets(document: IncidentDocument, _options: Options) -> Written:
    verdicts = {shown(host["host"]): host["verdict"] for host in document["hosts"]}
    rows = (
        (name, "Windows - Server", f"Exchange server; verdict of brokenseal: {verdicts.get(name, 'none')}", "", "", "")
        for name in _hosts(document)
    )
    return Written(tool_csv(ASSETS, rows))


def _iocs(document: IncidentDocument, options: Options) -> Written:
    rows = [(value, "ip-src", why, "brokenseal", options.tlp) for value, why in addresses(document).items()]
    rows += [(value, "sha256", why, "brokenseal", options.tlp) for value, why in shell_hashes(document).items()]
    rows += [(value, "uri", why, "brokenseal", options.tlp) for value, why in shell_paths(document).items()]
    return Written(tool_csv(IOCS, rows))


def _hosts(document: IncidentDocument) -> list[str]:
    """Servers whose name IRIS can take apart from others in one cell."""
    names = {shown(host["host"]) for host in document["hosts"]}
    names |= {shown(name) for intrusion in document["intrusions"] for name in intrusion["hosts"]}
    return sorted(name for name in names if name and ";" not in name)


def _category(moment: Moment) -> str:
    for tag in moment.tags:
        category = _CATEGORIES.get(tag.replace("_", "-")) or _BY_KIND.get(tag)
        if category:
            return category
    return "Unspecified"


def _content(moment: Moment) -> str:
    parts = [moment.what]
    parts += [f"{name} {value}" for name, value in _labelled(moment) if value]
    return "; ".join(parts)


def _labelled(moment: Moment) -> list[tuple[str, str]]:
    return [
        ("intrusion", moment.intrusion),
        ("finding", moment.finding),
        ("rule", moment.rule),
        ("level", moment.level),
        ("from", moment.source_ip),
        ("SHA-256 of the file", moment.sha256),
    ]


TARGET = Target("iris", ".csv", {"timeline": _timeline, "assets": _assets, "iocs": _iocs})
