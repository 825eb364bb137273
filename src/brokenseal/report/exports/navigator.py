"""MITRE ATT&CK Navigator: a layer in which each technique's score is the number of findings that show it.

References: LAYERFORMATv4_5.md of mitre-attack/attack-navigator.
"""

from __future__ import annotations

from brokenseal.report.exports.exported_text import json_bytes, shown
from brokenseal.report.exports.moments import techniques
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import Finding, IncidentDocument

_FINDINGS_NAMED = 20


def _layer(document: IncidentDocument, options: Options) -> Written:
    shown_by: dict[str, list[Finding]] = {}
    for finding in document["findings"]:
        for technique in techniques(finding):
            shown_by.setdefault(technique, []).append(finding)
    for intrusion in document["intrusions"]:
        for one in intrusion["techniques"]:
            shown_by.setdefault(one["id"], [])
    most = max((len(findings) for findings in shown_by.values()), default=1)
    layer = {
        "name": shown(f"brokenseal: {document['verdict']}"),
        "versions": {"navigator": "5.0.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": shown(document["summary"], 2000),
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [
            {
                "techniqueID": technique,
                "score": max(1, len(findings)),
                "comment": _comment(findings),
                "enabled": True,
                "metadata": _metadata(document, technique, findings),
            }
            for technique, findings in sorted(shown_by.items())
        ],
        "gradient": {"colors": ["#ffe3b3", "#b3261e"], "minValue": 0, "maxValue": max(1, most)},
        "metadata": [
            {"name": "generator", "value": shown(f"brokenseal {document['generator']['version']}")},
            {"name": "verdict", "value": document["verdict"]},
            {"name": "tlp", "value": options.tlp},
        ],
    }
    return Written(json_bytes(layer))


def _comment(findings: list[Finding]) -> str:
    named = [f"{shown(finding['id'], 40)}: {shown(finding['title'])}" for finding in findings[:_FINDINGS_NAMED]]
    if len(findings) > _FINDINGS_NAMED:
        named.append(f"and {len(findings) - _FINDINGS_NAMED} more")
    return "; ".join(named)


def _metadata(document: IncidentDocument, technique: str, findings: list[Finding]) -> list[dict[str, str]]:
    intrusions = [
        intrusion["id"]
        for intrusion in document["intrusions"]
        if any(one["id"] == technique for one in intrusion["techniques"])
    ]
    pairs = [
        ("intrusions", ", ".join(intrusions)),
        ("log lines", f"{sum(finding['count'] for finding in findings):,}"),
        ("first", min((finding["time"] for finding in findings if finding["time"]), default="")),
    ]
    return [{"name": name, "value": shown(value)} for name, value in pairs if value]


TARGET = Target("navigator", ".json", {"layer": _layer})
