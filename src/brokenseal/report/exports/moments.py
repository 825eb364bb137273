"""Everything in the document that has a time, as one list: the timeline of targets that take one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from brokenseal.report.exports.exported_text import LONG, instant, shown
from brokenseal.report.raw_lines import RawKey, raw_key, raw_lines
from brokenseal.report.shape import CitedLine, Finding, IncidentDocument, Intrusion, Mailbox, Reference, WebShell
from brokenseal.report.wording import ACCESS, SETTINGS_CHANGED, in_words

Raw = Mapping[RawKey, CitedLine]

TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. ``what`` says which time it is (Timesketch's ``timestamp_desc``), ``raw`` is the line's
    raw text where the document has it."""

    time: str
    what: str
    message: str
    host: str = ""
    source_ip: str = ""
    rule: str = ""
    level: str = ""
    intrusion: str = ""
    finding: str = ""
    file: str = ""
    line: int | None = None
    sha256: str = ""
    detail: str = ""
    raw: str = ""
    tags: tuple[str, ...] = field(default=())

    @property
    def order(self) -> tuple[object, ...]:
        return (self.time, self.file, self.line or 0, self.what, self.finding, self.message)


def techniques(finding: Finding) -> list[str]:
    """Ids of the ATT&CK techniques that the finding's tags name, sorted."""
    found = (TECHNIQUE.fullmatch(tag) for tag in finding.get("tags", []))
    return sorted({match[1].upper() for match in found if match})


def intrusion_of(document: IncidentDocument) -> dict[str, str]:
    """Finding id → id of its intrusion."""
    return {name: one["id"] for one in document["intrusions"] for name in one.get("findings", [])}


def moments(document: IncidentDocument) -> tuple[list[Moment], int]:
    """All moments by time, and how many lines have no time and are therefore not among them."""
    belongs, raw = intrusion_of(document), raw_lines(document)
    found: list[Moment] = []
    for finding in document["findings"]:
        found += _of_finding(finding, belongs.get(finding["id"], ""), raw)
    for intrusion in document["intrusions"]:
        found += _of_processes(intrusion, raw)
        for shell in intrusion["webshells"]:
            found += _of_shell(shell, intrusion["id"], raw)
    for mailbox in document["mailboxes"]:
        found += _of_mailbox(mailbox, raw)
    timed = [moment for moment in found if instant(moment.time)]
    return sorted(timed, key=lambda moment: moment.order), len(found) - len(timed)


def _of_finding(finding: Finding, intrusion: str, raw: Raw) -> Iterator[Moment]:
    tags = ("brokenseal", finding["level"], finding["outcome"], *finding.get("tags", []))
    lines: list[Reference | None] = [*finding["evidence"]] or [None]
    for line in lines:
        time = line.get("time") if line else None
        detail = line.get("detail", "") if line else ""
        moment = Moment(
            # The finding's time is that of its first line; it says nothing of the others.
            time=time or (finding["time"] if len(lines) == 1 else None) or "",
            what="Log line found by a rule",
            message=f"{shown(finding['title'])}: {shown(detail)}" if detail else shown(finding["title"]),
            host=shown(finding["host"]),
            source_ip=shown(finding["source_ip"]),
            rule=shown(finding["rule"]),
            level=finding["level"],
            intrusion=shown(intrusion),
            finding=shown(finding["id"]),
            tags=tuple(shown(tag) for tag in tags),
            detail=shown(detail, LONG),
        )
        yield _placed(moment, line, raw)


def _of_processes(intrusion: Intrusion, raw: Raw) -> Iterator[Moment]:
    for process in intrusion["processes"]:
        if process["time"]:
            command = process["command_line"] or process["image"] or "(not logged)"
            moment = Moment(
                time=process["time"],
                what="Process started",
                message=f"Process started: {shown(command, 1000)}",
                host=shown(process["host"]),
                intrusion=shown(intrusion["id"]),
                finding=shown(", ".join(process["findings"])),
                detail=shown(process["command_line"], LONG),
                tags=("brokenseal", "process"),
            )
            yield _placed(moment, process["evidence"][0] if process["evidence"] else None, raw)


def _of_shell(shell: WebShell, intrusion: str, raw: Raw) -> Iterator[Moment]:
    name = shown(shell["url"] or shell.get("path") or "(not known)")
    planted = shell.get("planted")
    times = [
        (planted["time"] if planted else None, "Web shell planted", planted["evidence"] if planted else None),
        (shell["first_used"], "Web shell first used", None),
        (shell["last_used"], "Web shell last used", None),
    ]
    for time, what, line in times:
        if time:
            moment = Moment(
                time=time,
                what=what,
                message=f"{what}: {name}",
                host=shown(shell.get("host")),
                intrusion=shown(intrusion),
                detail=shown(shell.get("path"), LONG),
                finding=shown(", ".join(shell.get("findings", []))),
                tags=("brokenseal", "webshell", shell["state"]),
            )
            yield _placed(moment, line or next(iter(shell.get("evidence", [])), None), raw)


def _of_mailbox(mailbox: Mailbox, raw: Raw) -> Iterator[Moment]:
    name = shown(mailbox["mailbox"]) or "(mailbox not known)"
    evidence = mailbox.get("evidence", [])
    read = (("first", "Mail first read"), ("last", "Mail last read"))
    changed = (("first", "Settings first changed"), ("last", "Settings last changed"))
    for which, what in changed if mailbox["access"] == SETTINGS_CHANGED else read:
        moment = Moment(
            time=mailbox["first"] if which == "first" else mailbox["last"],
            what=what,
            message=f"{what}: {name}: {in_words(ACCESS, mailbox['access'])}",
            source_ip=shown(next(iter(mailbox.get("source_ips", [])), "")),
            intrusion=shown(mailbox["intrusion"]),
            tags=("brokenseal", "mailbox", shown(mailbox["access"])),
        )
        yield _placed(moment, evidence[0] if evidence else None, raw)


def _placed(moment: Moment, line: Reference | None, raw: Raw) -> Moment:
    if line is None:
        return moment
    kept = raw.get(raw_key(line))
    return replace(
        moment,
        file=shown(line["file"], 1000),
        line=line["line"],
        sha256=line["sha256"] or "",
        raw=shown(kept["text"], LONG) if kept is not None else "",
    )
