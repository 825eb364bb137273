"""The document as five plain tables, for CSV, JSON lines and Parquet alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from brokenseal.report.exports.moments import intrusion_of
from brokenseal.report.raw_lines import RawKey, raw_key, raw_lines
from brokenseal.report.shape import CitedLine, IncidentDocument, Mailbox, Reference
from brokenseal.report.wording import change_in_words

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """``columns``: name → kind: ``text``, ``number``, ``yes_no``, ``time`` (RFC 3339 UTC) or ``texts`` (a list)."""

    name: str
    columns: dict[str, str]
    rows: Callable[[IncidentDocument], Iterator[Row]]


_LINE = {
    "file": "text",
    "sha256": "text",
    "line": "number",
    "offset": "number",
    "line_time": "time",
    "detail": "text",
    "raw_text": "text",
}


def _line(line: Reference | None, raw: Mapping[RawKey, CitedLine]) -> Row:
    if line is None:
        return (None,) * len(_LINE)
    kept = raw.get(raw_key(line))
    text = kept["text"] if kept is not None else None
    return line["file"], line["sha256"], line["line"], line.get("offset"), line.get("time"), line.get("detail"), text


def _findings(document: IncidentDocument) -> Iterator[Row]:
    belongs, raw = intrusion_of(document), raw_lines(document)
    for one in document["findings"]:
        head: Row = (
            one["id"],
            one["rule"],
            one["title"],
            one["level"],
            one["outcome"],
            one["count"],
            one["time"],
            one.get("last"),
            one["host"],
            one["source_ip"],
            one.get("campaign"),
            one.get("stage"),
            belongs.get(one["id"]),
            one.get("tags", []),
        )
        lines: list[Reference | None] = [*one["evidence"]] or [None]
        for line in lines:
            yield (*head, *_line(line, raw))


def _mailboxes(document: IncidentDocument) -> Iterator[Row]:
    for one in document["mailboxes"]:
        yield (
            one["mailbox"],
            one.get("display_name"),
            one.get("known_as", []),
            one["intrusion"],
            one["access"],
            one["first"],
            one["last"],
            one["requests"],
            one["items_at_least"],
            one.get("items_at_most"),
            one["bytes_at_least"],
            one.get("bytes_at_most"),
            one["complete"],
            one.get("incomplete_because", []),
            one.get("confidence"),
            one.get("confidence_because"),
            one.get("protocols", []),
            one.get("source_ips", []),
            one.get("users", []),
            one.get("folders", []),
            [change_in_words(change) for change in one.get("changes", [])],
            _lines(one),
        )


def _lines(one: Mailbox) -> list[str]:
    return [f"{line['file']}:{line['line']}" for line in one.get("evidence", [])]


def _webshells(document: IncidentDocument) -> Iterator[Row]:
    for intrusion in document["intrusions"]:
        for one in intrusion["webshells"]:
            planted = one.get("planted")
            yield (
                intrusion["id"],
                one["url"],
                one.get("host"),
                one.get("path"),
                one.get("kind"),
                one.get("sha256"),
                one.get("size"),
                one.get("known_hash"),
                one.get("times_set_back"),
                planted["time"] if planted else None,
                planted["from"] if planted else None,
                one["first_used"],
                one["last_used"],
                one["state"],
                one["requests"],
                one.get("bytes_out"),
                one.get("source_ips", []),
                one.get("reasons", []),
                one.get("written_by", []),
                one.get("findings", []),
            )


def _processes(document: IncidentDocument) -> Iterator[Row]:
    raw = raw_lines(document)
    for intrusion in document["intrusions"]:
        for one in intrusion["processes"]:
            yield (
                intrusion["id"],
                one["id"],
                one["parent"],
                one["host"],
                one["time"],
                one["image"],
                one["command_line"],
                one["pid"],
                one["user"],
                one["findings"],
                *_line(one["evidence"][0] if one["evidence"] else None, raw),
            )


def _evidence(document: IncidentDocument) -> Iterator[Row]:
    for one in document["evidence"]:
        yield (
            one["file"],
            one["sha256"],
            one["size"],
            one["kind"],
            one["host"],
            one["host_from"],
            one["first"],
            one["last"],
            one["events"],
            one["rejects"],
            one.get("duplicate_of"),
            one.get("note"),
        )


TABLES = (
    Table(
        "findings",
        {
            "finding": "text",
            "rule": "text",
            "title": "text",
            "level": "text",
            "outcome": "text",
            "count": "number",
            "first": "time",
            "last": "time",
            "host": "text",
            "source_ip": "text",
            "campaign": "text",
            "stage": "text",
            "intrusion": "text",
            "tags": "texts",
            **_LINE,
        },
        _findings,
    ),
    Table(
        "mailboxes",
        {
            "mailbox": "text",
            "display_name": "text",
            "known_as": "texts",
            "intrusion": "text",
            "access": "text",
            "first": "time",
            "last": "time",
            "requests": "number",
            "items_at_least": "number",
            "items_at_most": "number",
            "bytes_at_least": "number",
            "bytes_at_most": "number",
            "complete": "yes_no",
            "incomplete_because": "texts",
            "confidence": "text",
            "confidence_because": "text",
            "protocols": "texts",
            "source_ips": "texts",
            "users": "texts",
            "folders": "texts",
            "changes": "texts",
            "evidence": "texts",
        },
        _mailboxes,
    ),
    Table(
        "webshells",
        {
            "intrusion": "text",
            "url": "text",
            "host": "text",
            "path": "text",
            "kind": "text",
            "sha256": "text",
            "size": "number",
            "known_hash": "text",
            "times_set_back": "yes_no",
            "planted": "time",
            "planted_from": "text",
            "first_used": "time",
            "last_used": "time",
            "state": "text",
            "requests": "number",
            "bytes_out": "number",
            "source_ips": "texts",
            "reasons": "texts",
            "written_by": "texts",
            "findings": "texts",
        },
        _webshells,
    ),
    Table(
        "processes",
        {
            "intrusion": "text",
            "process": "text",
            "parent": "text",
            "host": "text",
            "time": "time",
            "image": "text",
            "command_line": "text",
            "pid": "text",
            "user": "text",
            "findings": "texts",
            **_LINE,
        },
        _processes,
    ),
    Table(
        "evidence",
        {
            "file": "text",
            "sha256": "text",
            "size": "number",
            "kind": "text",
            "host": "text",
            "host_from": "text",
            "first": "time",
            "last": "time",
            "events": "number",
            "rejects": "number",
            "duplicate_of": "text",
            "note": "text",
        },
        _evidence,
    ),
)
