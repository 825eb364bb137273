"""The host's events of an intrusion: a page that was written and compiled, and what was run through it.

Only events: no archive and no dump exists, the page is inert (see ``planted_pages``), and the command lines are shortened
so that they do nothing.

References:
    exchange-evidence.md 2.12; the published lab run of CVE-2021-26855 and CVE-2021-27065 (who writes the page, what the
    web server's worker process starts).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate import cmdlet_rows, exchange_management, host_load, programs
from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import SECOND, iso
from brokenseal.simulate.cmdlet_rows import CmdletCall
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import LOCAL_POWERSHELL
from brokenseal.simulate.host_processes import Process
from brokenseal.simulate.organisation import DOMAIN, Server, User
from brokenseal.simulate.programs import Program
from brokenseal.simulate.truth import PlantedShellTruth, Truth

_FRONT_END = f"{programs.INSTALL}\\FrontEnd\\HttpProxy"
_STAGING = "C:\\ProgramData"
ARCHIVE = f"{_STAGING}\\it.zip"
_EXPORTS = f"{_STAGING}\\pst"


@dataclass(frozen=True, slots=True)
class HostIntruder:
    """Who works on a server through a page of Outlook on the web: ``url`` is the page's address."""

    site: Site
    truth: Truth
    draws: Draws
    server: Server
    url: str

    @property
    def page(self) -> str:
        """The page's file on the server."""
        return _FRONT_END + self.url.replace("/", "\\")

    def write_page(self, at: int, writer: str, kind: str) -> None:
        """The page is written by one of the processes that are always there (``system``, ``um worker``).

        ``kind``: what it holds (see ``planted_pages``).
        """
        self.truth.note_planted(PlantedShellTruth(self.server.name, self.page, self.url, iso(at), kind))
        self._note_file(self.site.hosts[self.server.name].process(writer, at), self.page, at)
        self.truth.note_host_stage("page_written")

    def compile_page(self, at: int) -> None:
        """The page's first use: ASP.NET compiles it, within 24 ms from ``at``."""
        host = self.site.hosts[self.server.name]
        compiled = host_load.compile_page(
            self.draws, host, host.process("owa", at), at, "owa", self.page.rpartition("\\")[2].lower()
        )
        self.truth.note_compiled(self.page, self.server.name, compiled.made, compiled.path, compiled.assembly)
        self.truth.note_host_stage("page_compiled")

    def ask_who_and_where(self, at: int) -> None:
        self._command(at, programs.WHOAMI, "whoami")
        self.truth.note_host_stage("commands_run")

    def ask_for_administrators(self, at: int) -> None:
        self._command(at, programs.NET, 'net group "Exchange Organization administrators" /domain')
        self.truth.note_host_stage("commands_run")

    def look_for_lsass(self, at: int) -> None:
        self._command(at, programs.TASKLIST, 'tasklist /fi "imagename eq lsass.exe"')
        self.truth.note_host_stage("commands_run")

    def dump_lsass(self, at: int) -> None:
        """A dump of the memory that holds credentials. The process to dump is left out of the command line."""
        dump = f"{_STAGING}\\{self.draws.letters(6)}.dmp"
        line = f"rundll32.exe C:\\Windows\\System32\\comsvcs.dll MiniDump [removed by the simulator] {dump} full"
        self._note_file(self._command(at, programs.RUNDLL32, line), dump, at + 20)
        self.truth.note_host_stage("credentials_dumped")

    def export_mailbox(self, at: int, victim: User) -> None:
        """New-MailboxExportRequest to a share of the server itself; the file is there a moment later."""
        path = f"\\\\{self.server.name}\\C$\\ProgramData\\pst\\{victim.alias}.pst"
        self.run_cmdlet(at, "New-MailboxExportRequest", f'-Mailbox "{victim.smtp}" -FilePath "{path}"')
        written = at + self.draws.between(5 * SECOND, 20 * SECOND)
        replication = self.site.hosts[self.server.name].process("replication", written)
        self._note_file(replication, f"{_EXPORTS}\\{victim.alias}.pst", written)
        self.truth.note_export(victim.smtp, self.server.name, at, path)
        self.truth.note_host_stage("mailbox_exported")

    def pack(self, at: int) -> None:
        line = f'"{programs.SEVEN_ZIP.path}" a -t7z {ARCHIVE} {_EXPORTS}'
        self._note_file(self._command(at, programs.SEVEN_ZIP, line), ARCHIVE, at + 20)
        self.truth.note_host_stage("archive_made")

    def clear_export(self, at: int, victim: User) -> None:
        identity = f"{DOMAIN}/Users/{victim.alias}\\MailboxExport"
        self.run_cmdlet(at, "Remove-MailboxExportRequest", f'-Identity "{identity}" -Confirm "False"')
        self.truth.note_host_stage("export_cleared")

    def delete_page(self, at: int) -> None:
        """The page deletes itself: from now on its address is answered as if it had never been there."""
        shell = self._shell(at, f'del "{self.page}"')
        self.site.hosts[self.server.name].delete_file(shell, self.page, at + 20)
        self.truth.note_removed(self.page, self.server.name, at + 20)
        self.truth.note_host_stage("page_removed")

    def _shell(self, at: int, command: str) -> Process:
        """The worker process of Outlook on the web starts a shell, in the shape that China Chopper gives its commands."""
        pool = self.site.hosts[self.server.name].process("owa", at)
        folder = self.page.rpartition("\\")[0]
        return self._run(at, programs.CMD, f'cmd /c cd /d "{folder}"&{command}&echo [S]&cd&echo [E]', pool)

    def _command(self, at: int, program: Program, line: str) -> Process:
        return self._run(at + 9, program, line, self._shell(at, line))

    def _run(self, at: int, program: Program, line: str, parent: Process) -> Process:
        host = self.site.hosts[self.server.name]
        process = host.run(self.draws, program, line, parent, at)
        self.truth.note_process(
            self.server.name, at, process.image, line, parent.image, pid=process.pid, parent_pid=parent.pid
        )
        return process

    def run_cmdlet(self, at: int, cmdlet: str, parameters: str) -> int:
        """A cmdlet by PowerShell with Exchange's snap-in: in the CmdletInfra log and in the event log; when it ended."""
        line = f'powershell -c "Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; {cmdlet} [removed]"'
        console = self._command(at, programs.POWERSHELL, line)
        call = CmdletCall(
            cmdlet=cmdlet,
            parameters=parameters,
            user=self.server.machine_account,
            sid="S-1-5-18",
            unique=self.draws.guid(),
            application="",
            is_admin=True,
            process="powershell#",
            took=6,
            process_id=console.pid,
        )
        ended = at + 20
        build = self.site.organisation.build_at(ended)
        row = cmdlet_rows.row(ended, self.draws.guid(), self.server, build, call)
        self.site.tree.add(self.server, LOCAL_POWERSHELL, ended, row)
        exchange_management.record(self.site.hosts[self.server.name], ended, call, exchange_management.LOCAL_SHELL)
        return ended

    def _note_file(self, process: Process, path: str, at: int) -> None:
        self.site.hosts[self.server.name].create_file(process, path, at)
        self.truth.note_file(self.server.name, at, path, process.image)
