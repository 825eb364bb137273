"""One intrusion as STIX: the set of its doings, what it used and hit, indicators for others, and where it was sighted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from brokenseal.report.exports.exported_text import shown
from brokenseal.report.exports.indicators import address, is_inner, is_sha256, shell_name
from brokenseal.report.exports.stix_bundle import Bundle, Json
from brokenseal.report.exports.stix_observed import observe, shell_objects
from brokenseal.report.shape import Finding, IncidentDocument, Intrusion, WebShell

#: How sure the worst finding makes it that there was an intrusion (STIX scale, 0 to 100).
_CONFIDENCE = {
    ("succeeded", "critical"): 90,
    ("succeeded", "high"): 80,
    ("succeeded", ""): 65,
    ("attempted", ""): 50,
    ("observed", ""): 40,
    ("probed", ""): 30,
}
_PATH = 400


def add_intrusion(
    bundle: Bundle,
    document: IncidentDocument,
    intrusion: Intrusion,
    hosts: Mapping[str, str],
    observed: Mapping[str, str],
) -> None:
    own = set(intrusion.get("findings", []))
    findings = [finding for finding in document["findings"] if finding["id"] in own]
    confidence = _confidence(findings)
    actor = bundle.add("intrusion-set", _set(document, intrusion, confidence))
    for technique in intrusion["techniques"]:
        bundle.relate(actor, "uses", _technique(bundle, technique["id"], technique["name"]))
    for flaw in intrusion["cves"]:
        bundle.relate(actor, "targets", _flaw(bundle, flaw["id"]))
    targets = [hosts[name] for name in intrusion["hosts"] if name in hosts]
    for target in targets:
        bundle.relate(actor, "targets", target)
    start = intrusion["first_seen"]
    for ip in intrusion["source_ips"]:
        known = address(ip)
        if known and not is_inner(known):
            kind = "ipv6-addr" if ":" in known else "ipv4-addr"
            name = f"Address {known} of intrusion {shown(intrusion['id'])}"
            bundle.relate(
                _indicator(bundle, name, f"[{kind}:value = '{known}']", start, "anomalous-activity", confidence),
                "indicates",
                actor,
            )
    for shell in intrusion["webshells"]:
        _shell(bundle, intrusion, shell, actor, start, confidence)
    seen = list(dict.fromkeys(observed[name] for name in intrusion.get("findings", []) if observed.get(name)))
    sighting: Json = {
        "sighting_of_ref": actor,
        "first_seen": intrusion["first_seen"],
        "last_seen": intrusion["last_seen"],
        "count": min(sum(finding["count"] for finding in findings) or 1, 999_999_999),
        "confidence": confidence,
    }
    if seen:
        sighting["observed_data_refs"] = seen
    if targets:
        sighting["where_sighted_refs"] = targets
    bundle.add("sighting", sighting)


def _set(document: IncidentDocument, intrusion: Intrusion, confidence: int) -> Json:
    titles = {campaign["id"]: campaign["title"] for campaign in document["campaigns"]}
    campaign = titles.get(intrusion.get("campaign") or "", "")
    stage = intrusion.get("stage_title") or intrusion["stage"]
    described = [f"Campaign: {campaign}." if campaign else "", f"Went as far as: {stage}." if stage else ""]
    return {
        "name": shown(f"Intrusion {intrusion['id']} on {', '.join(intrusion['hosts']) or 'an unknown server'}"),
        "description": shown(" ".join(part for part in described if part), 1000)
        or "An intrusion that brokenseal found.",
        "first_seen": intrusion["first_seen"],
        "last_seen": intrusion["last_seen"],
        "confidence": confidence,
    }


def _confidence(findings: list[Finding]) -> int:
    return max(
        (
            _CONFIDENCE.get((finding["outcome"], finding["level"])) or _CONFIDENCE.get((finding["outcome"], "")) or 30
            for finding in findings
        ),
        default=30,
    )


def _technique(bundle: Bundle, identity: str, name: str) -> str:
    reference = {
        "source_name": "mitre-attack",
        "external_id": identity,
        "url": f"https://attack.mitre.org/techniques/{identity.replace('.', '/')}/",
    }
    return bundle.add("attack-pattern", {"name": shown(name), "external_references": [reference]}, fixed=True)


def _flaw(bundle: Bundle, identity: str) -> str:
    reference = {"source_name": "cve", "external_id": identity}
    return bundle.add("vulnerability", {"name": identity, "external_references": [reference]}, fixed=True)


def _shell(bundle: Bundle, intrusion: Intrusion, shell: WebShell, actor: str, start: str, confidence: int) -> None:
    if shell["state"] == "never_answered":
        return
    planted = shell.get("planted")
    first = shell["first_used"] or (planted["time"] if planted else None) or start
    name = shown(shell_name(shell))
    objects = shell_objects(bundle, shell)
    content: Json = {
        "name": f"Web shell {name}",
        "is_family": False,
        "malware_types": ["webshell"],
        "description": shown(shell.get("kind")) or "A page that is not Exchange's own and answered.",
    }
    files = [identity for identity in objects if identity.startswith("file--")]
    if files:
        content["sample_refs"] = files
    malware = bundle.add("malware", content)
    bundle.relate(actor, "uses", malware)
    patterns = []
    sha256, url = shell.get("sha256"), shell["url"]
    if is_sha256(sha256):
        patterns.append((f"Content of web shell {name}", f"[file:hashes.'SHA-256' = '{sha256}']"))
    if url and len(url) <= _PATH and shown(url, _PATH) == url:
        patterns.append((f"URL of web shell {name}", f"[url:value MATCHES '{_literal(re.escape(url))}']"))
    for title, pattern in patterns:
        indicator = _indicator(bundle, shown(title), pattern, start, "malicious-activity", confidence)
        bundle.relate(indicator, "indicates", malware)
    if objects:
        observe(bundle, objects, first, shell["last_used"], max(1, shell["requests"]))


def _indicator(bundle: Bundle, name: str, pattern: str, start: str, kind: str, confidence: int) -> str:
    content: Json = {
        "name": name,
        "indicator_types": [kind],
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": start,
        "confidence": confidence,
    }
    return bundle.add("indicator", content)


def _literal(text: str) -> str:
    """*text* inside the quotes of a pattern's string (STIX 2.1, 9.3)."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
