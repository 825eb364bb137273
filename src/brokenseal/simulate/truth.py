"""What really happened in a simulated evidence set: what a scan of it should find."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from brokenseal.simulate.clock import iso
from brokenseal.simulate.mail_truth import (
    ActorIpTruth,
    ForwardedTruth,
    ForwardingTruth,
    MailAccessTruth,
    NormalUseTruth,
    SentMailTruth,
    SettingTruth,
    logged,
)


@dataclass(slots=True)
class WebShellTruth:
    """A web shell by its use. ``requests`` are those answered with 200, ``refused`` the ones after its removal.

    ``state`` is ``alive`` or ``removed``; times are RFC 3339 UTC, of the first and the last answered request.
    """

    url: str
    host: str
    first_used: str
    last_used: str
    requests: int = 0
    refused: int = 0
    state: str = "alive"


@dataclass(slots=True)
class PlantedShellTruth:
    """A web shell as a file: where it was put, and what became of it. Times are RFC 3339 UTC.

    ``path`` is on the server, ``url`` where it answers; ``planted`` is when it was really written, also where it is
    ``timestomped`` (its own times were set back). ``state`` is ``alive``, ``removed`` or ``never answered``. ``first_use``,
    ``last_use`` and ``requests`` are of answered requests (null and 0 where none is played). ``sha256`` is of the file in
    the evidence, ``compiled`` the path of the record that ASP.NET keeps of it since ``compiled_at``, ``assembly`` the
    library it was compiled to; null where there is none.
    """

    host: str
    path: str
    url: str
    planted: str
    kind: str
    timestomped: bool = False
    state: str = "never answered"
    removed: str | None = None
    first_use: str | None = None
    last_use: str | None = None
    requests: int = 0
    sha256: str | None = None
    compiled: str | None = None
    compiled_at: str | None = None
    assembly: str | None = None


@dataclass(slots=True)
class MailboxTruth:
    """A mailbox that was read. ``host`` is the server of the mailbox, ``front_end`` the one the attacker came in by.

    ``requests`` counts all the attacker's EWS calls for it (FindItem and GetItem), ``bytes`` adds up their
    ResponseBytes; ``items`` adds up LocalIdCount over the calls that read items (GetItem) only.
    """

    mailbox: str
    host: str
    front_end: str
    first: str
    last: str
    requests: int = 0
    items: int = 0
    bytes: int = 0


@dataclass(slots=True)
class ProcessTruth:
    """A process that the attacker started; ``host`` is the server's short name, ``time`` of its start (RFC 3339 UTC)."""

    host: str
    time: str
    image: str
    command_line: str
    parent_image: str
    pid: int
    parent_pid: int


@dataclass(slots=True)
class FileTruth:
    """A file that the attack wrote, the process that wrote it, and when it was deleted (null while it is there)."""

    host: str
    time: str
    path: str
    image: str
    removed: str | None = None


@dataclass(slots=True)
class ExportTruth:
    """A mailbox that was exported to a file: the server that was asked to, when, and the path it was given."""

    mailbox: str
    host: str
    time: str
    path: str


@dataclass(slots=True)
class Truth:
    """The answer sheet of one simulation.

    ``verdict`` is what a scan of all logs should say. ``visible`` is false when the logs that would show the attack are
    missing: lists then hold what happened, though nothing of it can be found. ``cves`` maps a CVE to its outcome
    (probed, attempted, succeeded); ``stages`` are in the order reached; ``exploit_request_ids`` are the RequestIds of
    HttpProxy rows with a forged anchor; ``files`` maps a path relative to the evidence folder to its number of data
    rows or event records.

    ``processes``, ``files_written``, ``exports`` and ``host_stages`` are what the Windows event logs show; mailboxes
    that were exported, not read over EWS, are in ``exports`` alone. Of ``host-only`` the web side is not played: the
    lists about requests are empty.

    ``webshells`` are shells by their requests, ``planted_shells`` the same and further ones by their files. ``web_files``
    maps a server to its number of honest files of web folders, ``listings`` a listing's path to its number of rows.

    ``mailboxes`` is of forged requests alone; ``mail_access`` is of mail read under stolen names, ``normal_use`` of what
    others read in the same mailboxes meanwhile. ``settings`` are those that let somebody else have mail, noted where mail
    really is sent on (``forwarded``). ``attacker_ips`` are addresses that the servers' logs have, ``actor_ips`` all of the
    intruder's. ``directory`` is the path of the export of all users, ``audit_logs`` maps the path of an export of audit
    records to their number; both are relative to the evidence folder.
    """

    scenario: str
    seed: int
    start: str
    days: int
    servers: list[str]
    sources: list[str]
    verdict: str
    visible: bool = True
    patched_from: str | None = None
    attacker_ips: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    cves: dict[str, str] = field(default_factory=dict)
    webshells: list[WebShellTruth] = field(default_factory=list)
    mailboxes: list[MailboxTruth] = field(default_factory=list)
    exploit_request_ids: list[str] = field(default_factory=list)
    processes: list[ProcessTruth] = field(default_factory=list)
    files_written: list[FileTruth] = field(default_factory=list)
    exports: list[ExportTruth] = field(default_factory=list)
    host_stages: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    planted_shells: list[PlantedShellTruth] = field(default_factory=list)
    web_files: dict[str, int] = field(default_factory=dict)
    listings: dict[str, int] = field(default_factory=dict)
    mail_access: list[MailAccessTruth] = field(default_factory=list)
    normal_use: list[NormalUseTruth] = field(default_factory=list)
    actor_ips: list[ActorIpTruth] = field(default_factory=list)
    mail_sent: list[SentMailTruth] = field(default_factory=list)
    forwarding: list[ForwardingTruth] = field(default_factory=list)
    settings: list[SettingTruth] = field(default_factory=list)
    forwarded: list[ForwardedTruth] = field(default_factory=list)
    directory: str | None = None
    audit_logs: dict[str, int] = field(default_factory=dict)

    def note_attacker(self, ip: str) -> None:
        if ip not in self.attacker_ips:
            self.attacker_ips.append(ip)

    def note_stage(self, stage: str) -> None:
        if stage not in self.stages:
            self.stages.append(stage)

    def note_shell(self, url: str, host: str, ms: int, *, answered: bool) -> None:
        """One request to a web shell; the first one noted must have been answered."""
        shell = next((known for known in self.webshells if (known.url, known.host) == (url, host)), None)
        if shell is None:
            shell = WebShellTruth(url, host, first_used=iso(ms), last_used=iso(ms))
            self.webshells.append(shell)
        if answered:
            shell.requests += 1
            shell.last_used = iso(ms)
        else:
            shell.refused += 1
            shell.state = "removed"
        for planted in self.planted_shells:
            if answered and (planted.url, planted.host) == (url, host):
                planted.first_use, planted.last_use = planted.first_use or iso(ms), iso(ms)
                planted.requests += 1
                planted.state = "alive"

    def note_planted(self, shell: PlantedShellTruth) -> None:
        self.planted_shells.append(shell)

    def note_mail(self, mailbox: str, host: str, front_end: str, ms: int, *, items: int, size: int) -> None:
        """One of the attacker's EWS calls for a mailbox, with the item ids it read and the bytes of its answer."""
        ledger = next((known for known in self.mailboxes if (known.mailbox, known.host) == (mailbox, host)), None)
        if ledger is None:
            ledger = MailboxTruth(mailbox, host, front_end, first=iso(ms), last=iso(ms))
            self.mailboxes.append(ledger)
        ledger.last = iso(ms)
        ledger.requests += 1
        ledger.items += items
        ledger.bytes += size

    def note_host_stage(self, stage: str) -> None:
        if stage not in self.host_stages:
            self.host_stages.append(stage)

    def note_process(
        self, host: str, ms: int, image: str, command_line: str, parent_image: str, *, pid: int, parent_pid: int
    ) -> None:
        self.processes.append(ProcessTruth(host, iso(ms), image, command_line, parent_image, pid, parent_pid))

    def note_file(self, host: str, ms: int, path: str, image: str) -> None:
        self.files_written.append(FileTruth(host, iso(ms), path, image))

    def note_removed(self, path: str, host: str, ms: int) -> None:
        """A file that was noted before is deleted."""
        for written in self.files_written:
            if (written.host, written.path) == (host, path):
                written.removed = iso(ms)
        for planted in self.planted_shells:
            if (planted.host, planted.path) == (host, path):
                planted.state, planted.removed = "removed", iso(ms)

    def note_compiled(self, path: str, host: str, ms: int, record: str, assembly: str) -> None:
        """A planted page was asked for, and ASP.NET made a record of it."""
        for planted in self.planted_shells:
            if (planted.host, planted.path) == (host, path):
                planted.compiled, planted.compiled_at, planted.assembly = record, iso(ms), assembly

    def note_export(self, mailbox: str, host: str, ms: int, path: str) -> None:
        self.exports.append(ExportTruth(mailbox, host, iso(ms), path))

    def access(self, mailbox: str, kind: str, ms: int) -> MailAccessTruth:
        """The entry of a mailbox and a kind of access, made if this (at ``ms``) is the first of it."""
        for known in self.mail_access:
            if (known.mailbox, known.access) == (mailbox, kind):
                return known
        self.mail_access.append(MailAccessTruth(mailbox, kind, first=logged(kind, ms), last=logged(kind, ms)))
        return self.mail_access[-1]

    def note_actor(
        self, ip: str, evidence: Iterable[str], agents: Iterable[str] = (), app_ids: Iterable[str] = ()
    ) -> None:
        """An address of the intruder, with what ties it to the break-in."""
        actor = next((known for known in self.actor_ips if known.ip == ip), None)
        if actor is None:
            actor = ActorIpTruth(ip)
            self.actor_ips.append(actor)
        actor.add(evidence, agents, app_ids)

    def note_forwarded(self, more: ForwardedTruth) -> None:
        """One more message that was sent on; they come in order of time."""
        for known in self.forwarded:
            if (known.mailbox, known.to) == (more.mailbox, more.to):
                known.last = more.last
                known.items += more.items
                known.bytes += more.bytes
                return
        self.forwarded.append(more)

    def to_json(self) -> str:
        """The document as text: keys sorted, two spaces of indent, ASCII, one line end at the end."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def write(self, path: Path) -> None:
        path.write_bytes(self.to_json().encode("ascii"))
