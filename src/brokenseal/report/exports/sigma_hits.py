"""Sigma hits: one entry a finding, with the rule, how often, where and when it was true, and the lines that show it."""

from __future__ import annotations

from brokenseal.report.exports.exported_text import exact, json_bytes
from brokenseal.report.exports.moments import intrusion_of
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import Finding, IncidentDocument, Reference


def _hits(document: IncidentDocument, _options: Options) -> Written:
    belongs = intrusion_of(document)
    return Written(json_bytes([_hit(finding, belongs.get(finding["id"])) for finding in document["findings"]]))


def _hit(finding: Finding, intrusion: str | None) -> dict[str, object]:
    return {
        "rule": exact(finding["rule"]),
        "title": exact(finding["title"]),
        "level": finding["level"],
        "count": finding["count"],
        "outcome": finding["outcome"],
        "host": _or_none(finding["host"]),
        "source_ip": _or_none(finding["source_ip"]),
        "first": finding["time"],
        "last": finding.get("last"),
        "tags": [exact(tag) for tag in finding.get("tags", [])],
        "finding": exact(finding["id"]),
        "intrusion": _or_none(intrusion),
        "evidence": [_line(line) for line in finding["evidence"]],
    }


def _line(line: Reference) -> dict[str, object]:
    entry: dict[str, object] = {
        "file": exact(line["file"]),
        "sha256": line["sha256"],
        "line": line["line"],
        "offset": line.get("offset"),
        "time": line.get("time"),
        "record": line.get("record"),
        "detail": _or_none(line.get("detail")),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _or_none(text: str | None) -> str | None:
    return None if text is None else exact(text)


TARGET = Target("sigma-hits", ".json", {"sigma-hits": _hits})
