"""The ordinary events of one server on one day: logons, services, jobs, compiled pages, an administrator's console.

Much of it is what attacks look like too: an archive made by night, a compiler started by the web server, PowerShell
with Exchange's snap-in, a network tool started by a service.
"""

from __future__ import annotations

from brokenseal.simulate import compiled_page_files, programs, windows_events
from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND, day_of, is_workday
from brokenseal.simulate.compiled_page_files import CompiledPage
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evtx_file import Event
from brokenseal.simulate.host_processes import Account, Host, Process
from brokenseal.simulate.organisation import (
    ADMINISTRATOR,
    ADMINISTRATOR_SID,
    DOMAIN,
    DOMAIN_CONTROLLER,
    NETBIOS,
    Server,
)

_MOST_USERS = 6
_NETWORK, _AT_CONSOLE = 3, 2
_NO_GUID = "00000000-0000-0000-0000-000000000000"
_PRIVILEGES = (
    "SeSecurityPrivilege",
    "SeBackupPrivilege",
    "SeRestorePrivilege",
    "SeTakeOwnershipPrivilege",
    "SeDebugPrivilege",
    "SeSystemEnvironmentPrivilege",
    "SeLoadDriverPrivilege",
    "SeImpersonatePrivilege",
)
_PASSING_SERVICES = ("WMI Performance Adapter", "Windows Update", "Windows Modules Installer")
_BACKUP_SCRIPT = "C:\\Scripts\\nightly-backup.cmd"
_CONSOLE = (
    f'"{programs.POWERSHELL.path}" -noexit -command ". \'{programs.INSTALL}\\bin\\RemoteExchange.ps1\'; '
    'Connect-ExchangeServer -auto -ClientApplication:ManagementShell"'
)
_EVERY_SECOND_DAY = 2


def host_day(site: Site, day: int, nth: int, seed: int, server: Server) -> None:
    """Write one server's events of one day (``day`` is ``ms // DAY``, ``nth`` counts the simulated days)."""
    draws = Draws(seed, "host", server.name, day)
    host = site.hosts[server.name]
    _logons(site, draws, host, day)
    _backup(draws, host, day)
    _services(draws, host, day)
    _health_check(draws, host, day * DAY + draws.below(23 * HOUR))
    if nth % _EVERY_SECOND_DAY:
        compile_page(
            draws, host, host.process("ecp", day * DAY + HOUR), day * DAY + 5 * HOUR + draws.below(HOUR), "ecp"
        )


def console_session(host: Host, draws: Draws, at: int, until: int) -> Process:
    """The administrator logs on at the server's console, opens the Exchange Management Shell and logs off at ``until``.

    The shell runs from about ``at`` on.
    """
    logon_id = draws.between(0x100000, 0xFFFFFFF)
    account = Account(NETBIOS, ADMINISTRATOR, ADMINISTRATOR_SID, logon_id, (ADMINISTRATOR, NETBIOS), session=2)
    logon = at - 90 * SECOND
    _logged_on(draws, host, logon, account, _AT_CONSOLE)
    privileges = (account.sid, *account.audited, logon_id, "\n\t\t\t".join(_PRIVILEGES))
    host.audit(windows_events.SPECIAL_PRIVILEGES, logon + 1, privileges)
    userinit = host.gone(programs.USERINIT, logon, account)
    desktop = host.run(draws, programs.EXPLORER, programs.EXPLORER.path, userinit, logon + 3 * SECOND, account=account)
    shell = host.run(draws, programs.POWERSHELL, _CONSOLE, desktop, at, directory=f"C:\\Users\\{ADMINISTRATOR}\\")
    _logged_off(host, until, account, _AT_CONSOLE)
    return shell


def compile_page(
    draws: Draws, host: Host, pool: Process, at: int, application: str, page: str = "default.aspx"
) -> CompiledPage:
    """ASP.NET compiles a page of an application at its first use, within 24 ms. The compiled form keeps its name."""
    folder = compiled_page_files.folder_of(draws, application)
    name = f"App_Web_{draws.letters(8)}"
    source, options, library = (f"{folder}\\{name}.{ending}" for ending in ("0.cs", "cmdline", "dll"))
    host.create_file(pool, source, at)
    line = f'"{programs.CSC.path}" /t:library /utf8output /noconfig /fullpaths @"{options}"'
    compiler = host.run(draws, programs.CSC, line, pool, at + 6)
    resources = f"C:\\Windows\\TEMP\\RES{draws.hexadecimal(4).upper()}.tmp"
    given = f"{folder}\\CSC{draws.hexadecimal(8)}.TMP"
    line = f'{programs.CVTRES.path} /NOLOGO /READONLY /MACHINE:IX86 "/OUT:{resources}" "{given}"'
    host.run(draws, programs.CVTRES, line, compiler, at + 12)
    host.create_file(compiler, library, at + 18)
    compiled = CompiledPage(f"{folder}\\{page}.{draws.hexadecimal(8)}.compiled", name, at + 24)
    host.create_file(pool, compiled.path, compiled.made)
    return compiled


def _logons(site: Site, draws: Draws, host: Host, day: int) -> None:
    if not is_workday(day):
        return
    at_home = [user for user in site.organisation.users if user.home is host.server]
    # A day's sample on a server with many mailboxes: the log of a simulated server stays small.
    for number in range(min(len(at_home), _MOST_USERS)):
        user = at_home[(day + number) % len(at_home)]
        for _ in range(draws.between(1, 2)):
            account = Account(NETBIOS, user.alias, user.sid, draws.between(0x100000, 0xFFFFFFF), (user.alias, NETBIOS))
            at = day * DAY + draws.between(7 * HOUR, 17 * HOUR)
            _logged_on(draws, host, at, account, _NETWORK)
            _logged_off(host, at + draws.between(10 * SECOND, 10 * MINUTE), account, _NETWORK)


def _backup(draws: Draws, host: Host, day: int) -> None:
    at = day * DAY + 2 * HOUR + draws.below(5 * MINUTE)
    _state(host, at, "Volume Shadow Copy", "running")
    job = host.run(
        draws,
        programs.CMD,
        f'C:\\Windows\\SYSTEM32\\cmd.exe /c "{_BACKUP_SCRIPT}"',
        host.process("schedule", at),
        at + SECOND,
    )
    archive = f"D:\\Backup\\{host.server.name}-{day_of(day).isoformat()}.7z"
    line = f'"{programs.SEVEN_ZIP.path}" a -t7z -mx1 {archive} C:\\inetpub\\history D:\\Config'
    packer = host.run(draws, programs.SEVEN_ZIP, line, job, at + 2 * SECOND, directory="C:\\Scripts\\")
    host.create_file(packer, archive, at + 3 * SECOND)
    done = at + draws.between(5 * MINUTE, 20 * MINUTE)
    _state(host, done, "Volume Shadow Copy", "stopped")
    host.write(Event(done, windows_events.SHADOW_COPY_IDLE, host.computer, ("",)))


def _services(draws: Draws, host: Host, day: int) -> None:
    service = draws.pick(_PASSING_SERVICES)
    at = day * DAY + draws.below(20 * HOUR)
    _state(host, at, service, "running")
    _state(host, at + draws.between(MINUTE, 3 * HOUR), service, "stopped")
    for hour in (5, 17):
        at = day * DAY + hour * HOUR + draws.below(10 * MINUTE)
        worker = host.process("health worker", at)
        topology = f"In-site:\n{DOMAIN_CONTROLLER}\tCDG 1 7 7 1 0 1 1 7 1"
        values = (programs.HEALTH_WORKER.path.rpartition("\\")[2].upper(), str(worker.pid), DOMAIN, topology)
        host.write(Event(at, windows_events.DIRECTORY_SERVERS, host.computer, values))


def _health_check(draws: Draws, host: Host, at: int) -> None:
    host.run(draws, programs.NETSH, '"netsh" interface tcp show global', host.process("health worker", at), at)


def _state(host: Host, at: int, service: str, state: str) -> None:
    controller = host.process("services", at)
    values = (service, state)
    host.write(Event(at, windows_events.SERVICE_STATE, host.computer, values, controller.pid, controller.pid + 32))


def _logged_on(draws: Draws, host: Host, at: int, account: Account, kind: int) -> None:
    """A logon over the network is one that IIS made for a client: the event does not name the client's address."""
    over_network = kind == _NETWORK
    values = (
        "S-1-0-0",
        "-",
        "-",
        0,
        account.sid,
        account.name,
        account.domain,
        account.logon_id,
        kind,
        "Kerberos" if over_network else "User32 ",
        "Kerberos" if over_network else "Negotiate",
        "-" if over_network else host.server.name,
        draws.guid() if over_network else _NO_GUID,
        "-",
        "-",
        0,
        0,
        "-",
        "-" if over_network else "127.0.0.1",
        "-" if over_network else "0",
        "%%1833",
        "-",
        "-",
        "-",
        "%%1843",
        0,
        "%%1843" if over_network else "%%1842",
    )
    host.audit(windows_events.LOGGED_ON, at, values)


def _logged_off(host: Host, at: int, account: Account, kind: int) -> None:
    values = (account.sid, account.name, account.domain, account.logon_id, kind)
    host.audit(windows_events.LOGGED_OFF, at, values)
