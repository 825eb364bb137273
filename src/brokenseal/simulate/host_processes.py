"""What runs on one server: the processes since its last start, and the events that processes leave.

Process GUIDs have the shape that Sysmon gives them (machine, start in seconds with its halves swapped, number), so that
a child's ``ParentProcessGuid`` is its parent's ``ProcessGuid`` and a tree can be built from the events alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from brokenseal.simulate import programs, windows_events
from brokenseal.simulate.clock import SECOND, iso
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import EvidenceTree
from brokenseal.simulate.evtx_file import Event, EventKind, Value
from brokenseal.simulate.organisation import DOMAIN, NETBIOS, Server
from brokenseal.simulate.programs import Program

_SYSTEM_LABEL, _HIGH_LABEL = "S-1-16-16384", "S-1-16-12288"
_NOBODY = "S-1-0-0"
_SYSTEM_PID = 4
_SHORT_LIVED = (4_000, 7_900)  # quarters of process ids, above those of the processes that are always there


class Account(NamedTuple):
    """Who a process runs as. ``audited`` is the name that the Security log gives."""

    domain: str
    name: str
    sid: str
    logon_id: int
    audited: tuple[str, str]
    session: int = 0

    @property
    def user(self) -> str:
        return f"{self.domain}\\{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """A process; ``started`` in ms since 1970 UTC. ``parent`` None marks one whose parent is gone."""

    image: str
    command_line: str
    pid: int
    guid: str
    started: int
    account: Account
    parent: Process | None = None


class Service(NamedTuple):
    """A process that runs from a server's start on. ``pid`` 0 is drawn at each start."""

    key: str
    program: Program
    command_line: str
    parent: str
    pid: int = 0


def _pool(key: str, name: str, pid: int = 0) -> Service:
    line = (
        f'c:\\windows\\system32\\inetsrv\\w3wp.exe -ap "{name}" -v "v4.0" -c "{programs.INSTALL}\\bin\\'
        f'GenericAppPoolConfigWithGCServerEnabledFalse.config" -a \\\\.\\pipe\\iisipm -h "C:\\inetpub\\temp\\apppools\\'
        f'{name}\\{name}.config" -w "" -m 0'
    )
    return Service(key, programs.W3WP, line, "iis", pid)


# The process ids that are given here are those that the text logs name.
_SERVICES = (
    Service("wininit", programs.WININIT, "wininit.exe", ""),
    Service("services", programs.SERVICES, "C:\\Windows\\system32\\services.exe", "wininit"),
    Service("lsass", programs.LSASS, "C:\\Windows\\system32\\lsass.exe", "wininit"),
    Service("sysmon", programs.SYSMON, "C:\\Windows\\Sysmon64.exe", "services"),
    Service("schedule", programs.SVCHOST, "C:\\Windows\\system32\\svchost.exe -k netsvcs", "services"),
    Service("iis", programs.SVCHOST, "C:\\Windows\\system32\\svchost.exe -k iissvcs", "services"),
    Service("health", programs.HEALTH_MANAGER, f'"{programs.HEALTH_MANAGER.path}"', "services"),
    Service("health worker", programs.HEALTH_WORKER, f'"{programs.HEALTH_WORKER.path}" -workerListening', "health"),
    Service("replication", programs.REPLICATION, f'"{programs.REPLICATION.path}"', "services"),
    Service("um", programs.UNIFIED_MESSAGING, f'"{programs.UNIFIED_MESSAGING.path}"', "services"),
    Service("um worker", programs.UNIFIED_MESSAGING_WORKER, f'"{programs.UNIFIED_MESSAGING_WORKER.path}"', "um"),
    _pool("owa", "MSExchangeOWAAppPool"),
    _pool("ecp", "MSExchangeECPAppPool"),
    _pool("powershell", "MSExchangePowerShellAppPool", 15756),
    _pool("ews", "MSExchangeServicesAppPool", 9716),
)
_BEFORE_AUDITING = frozenset({"wininit", "services", "lsass"})


class Host:
    """One server's processes. It is started at each of ``starts`` (ms, ascending), which writes the events of it."""

    def __init__(self, tree: EvidenceTree, server: Server, seed: int, starts: Sequence[int]) -> None:
        self.server = server
        self.computer = f"{server.name}.{DOMAIN}"
        self.system = Account("NT AUTHORITY", "SYSTEM", "S-1-5-18", 0x3E7, (f"{server.name}$", NETBIOS))
        self._tree = tree
        self._machine = int(Draws(seed, "machine", server.name).hexadecimal(8), 16)
        self._runs: list[tuple[int, dict[str, Process]]] = []
        for number, at in enumerate(starts):
            self._start(Draws(seed, "start", server.name, number), at, again=number > 0)

    def process(self, key: str, at: int) -> Process:
        """One of the processes that are always there (``system``, ``owa``, ...), as it ran at ``at``."""
        processes = self._runs[0][1]
        for started, later in self._runs[1:]:
            if started <= at:
                processes = later
        return processes[key]

    def run(
        self,
        draws: Draws,
        program: Program,
        command_line: str,
        parent: Process,
        at: int,
        *,
        account: Account | None = None,
        directory: str = "C:\\Windows\\system32\\",
    ) -> Process:
        """Start a program: Sysmon's event 1 and Security's 4688. It runs as its parent does, if nothing is said."""
        pid = 4 * draws.between(*_SHORT_LIVED)
        process = self._made(program, command_line, pid, parent, at, account or parent.account)
        self._created(program, process, parent, directory)
        self._audited(process, parent)
        return process

    def gone(self, program: Program, at: int, account: Account) -> Process:
        """A process that had ended before anything was recorded, for its children to name as their parent."""
        return self._made(program, program.path, _SYSTEM_PID * 99, None, at, account)

    def create_file(self, process: Process, path: str, at: int) -> None:
        utc = _utc(at)
        values = ("-", utc, process.guid, process.pid, process.image, path, utc)
        self._sysmon(windows_events.FILE_CREATED, at, values)

    def delete_file(self, process: Process, path: str, at: int) -> None:
        user, digest = process.account.user, programs.hashes(path)
        values = ("-", _utc(at), process.guid, process.pid, user, process.image, path, digest, False, False)
        self._sysmon(windows_events.FILE_DELETED, at, values)

    def audit(self, kind: EventKind, at: int, values: Sequence[Value]) -> None:
        """An event of the Security log that the local security authority writes."""
        lsass = self.process("lsass", at)
        self.write(Event(at, kind, self.computer, values, lsass.pid, lsass.pid + 60))

    def write(self, event: Event) -> None:
        self._tree.add_event(self.server, event)

    def _made(
        self, program: Program, command_line: str, pid: int, parent: Process | None, at: int, account: Account
    ) -> Process:
        return Process(program.path, command_line, pid, self._guid(pid, at), at, account, parent)

    def _guid(self, number: int, at: int) -> str:
        seconds, rest = divmod(at, SECOND)
        return f"{self._machine:08x}-{seconds & 0xFFFF:04x}-{seconds >> 16 & 0xFFFF:04x}-{rest:04x}-{number:012x}"

    def _start(self, draws: Draws, at: int, *, again: bool) -> None:
        if again:
            self.write(Event(at - 40 * SECOND, windows_events.EVENT_LOG_STOPPED, self.computer, ("",)))
        processes = {"system": Process("System", "", _SYSTEM_PID, self._guid(_SYSTEM_PID, at), at, self.system)}
        self._runs.append((at, processes))
        self.write(
            Event(at, windows_events.STARTED, self.computer, (10, 0, 14393, 4225, 0, 0, at), _SYSTEM_PID, 8, "S-1-5-18")
        )
        self.write(Event(at + 4 * SECOND, windows_events.EVENT_LOG_STARTED, self.computer, ("",)))
        pid, when = 400, at
        for service in _SERVICES:
            pid += 4 * draws.between(3, 50)
            when += draws.between(100, 900)
            parent = processes.get(service.parent) or self.gone(programs.SMSS, at, self.system)
            number = service.pid or pid
            process = self._made(service.program, service.command_line, number, parent, when, self.system)
            processes[service.key] = process
        for service in _SERVICES:
            process = processes[service.key]
            parent = process.parent or processes["system"]
            self._created(service.program, process, parent, "C:\\Windows\\system32\\")
            if service.key not in _BEFORE_AUDITING:
                self._audited(process, parent)

    def _created(self, program: Program, process: Process, parent: Process, directory: str) -> None:
        account = process.account
        values = (
            "-",
            _utc(process.started),
            process.guid,
            process.pid,
            program.path,
            program.version,
            program.description,
            program.product,
            program.company,
            program.original_name,
            process.command_line,
            directory,
            account.user,
            self._guid(account.logon_id, self._runs[0][0]),
            account.logon_id,
            account.session,
            "System" if account is self.system else "High",
            programs.hashes(program.path),
            parent.guid,
            parent.pid,
            parent.image,
            parent.command_line,
        )
        self._sysmon(windows_events.PROCESS_CREATED, process.started, values)

    def _audited(self, process: Process, parent: Process) -> None:
        creator, account = parent.account, process.account
        other = account is not creator
        values = (
            creator.sid,
            *creator.audited,
            creator.logon_id,
            process.pid,
            process.image,
            "%%1936",
            parent.pid,
            process.command_line,
            account.sid if other else _NOBODY,
            *(account.audited if other else ("-", "-")),
            account.logon_id if other else 0,
            parent.image,
            _SYSTEM_LABEL if account is self.system else _HIGH_LABEL,
        )
        self.write(Event(process.started, windows_events.PROCESS_AUDITED, self.computer, values, _SYSTEM_PID, 72))

    def _sysmon(self, kind: EventKind, at: int, values: Sequence[Value]) -> None:
        sysmon = self.process("sysmon", at)
        # Sysmon's service writes the event a moment after its driver saw what it tells of.
        self.write(Event(at + 2, kind, self.computer, values, sysmon.pid, sysmon.pid + 24, self.system.sid))


def _utc(ms: int) -> str:
    return iso(ms)[:-1].replace("T", " ")
