from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.simulate.conftest import EventRow, Simulated, Simulation

_LENGTHS = [1, 2, 5]
_FRONT_END = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy"
OWA_POOL = '-ap "MSExchangeOWAAppPool"'


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _page(made: Simulated) -> str:
    return _FRONT_END + made.truth.webshells[0].url.replace("/", "\\")


def _answered(made: Simulated, method: str) -> list[tuple[datetime, datetime]]:
    """Begin and end of the answered requests to the web shell; IIS cuts off the milliseconds of the end."""
    spans = []
    for row in made.rows("HttpProxy/Owa"):
        if (row["UrlStem"], row["HttpStatus"], row["Method"]) == (made.truth.webshells[0].url, "200", method):
            end = _moment(row["DateTime"])
            spans.append((end - timedelta(milliseconds=int(row["TotalRequestTime"])), end))
    return spans


def _under_the_pool(made: Simulated) -> list[EventRow]:
    """Processes below the worker process of Outlook on the web, compilers left out."""
    rows = made.events(1, part="Sysmon")
    inside = {row.data["ProcessGuid"] for row in rows if OWA_POOL in row.data["CommandLine"]}
    found = []
    for row in rows:
        if row.data["ParentProcessGuid"] in inside and not row.data["Image"].endswith("\\csc.exe"):
            inside.add(row.data["ProcessGuid"])
            found.append(row)
    return found


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize("scenario", ["hafnium", "oab-write", "host-only"])
def test_truth_names_exactly_the_processes_below_the_worker_process(
    simulation: Simulation, scenario: str, days: int
) -> None:
    made = simulation(scenario, days=days, users=4)
    seen = [
        (row.server, row.data["UtcTime"].replace(" ", "T") + "Z", row.data["Image"], row.data["CommandLine"],
         row.data["ParentImage"], row.data["ProcessId"], row.data["ParentProcessId"])
        for row in _under_the_pool(made)
    ]  # fmt: skip
    assert seen == [
        (one.host, one.time, one.image, one.command_line, one.parent_image, one.pid, one.parent_pid)
        for one in made.truth.processes
    ]
    shells = [one for one in made.truth.processes if one.image.endswith("\\cmd.exe")]
    assert all(one.command_line.startswith("cmd /c cd /d ") for one in shells)
    assert all(one.command_line.endswith("&echo [S]&cd&echo [E]") for one in shells)


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize(("scenario", "commands"), [("hafnium", 8), ("oab-write", 2)])
def test_each_command_runs_inside_an_answered_post(
    simulation: Simulation, scenario: str, commands: int, days: int
) -> None:
    made = simulation(scenario, days=days, users=4)
    posts = _answered(made, "POST")
    used = set()
    for process in made.truth.processes:
        (span,) = [(begin, end) for begin, end in posts if begin <= _moment(process.time) <= end]
        used.add(span)
    assert len(used) == commands


@pytest.mark.parametrize("days", _LENGTHS)
def test_the_page_is_written_during_the_reset_and_compiled_at_its_first_use(simulation: Simulation, days: int) -> None:
    made = simulation("hafnium", days=days)
    (written,) = [row for row in made.events(11) if row.data["TargetFilename"] == _page(made)]
    assert (written.data["Image"], written.data["ProcessId"]) == ("System", 4)
    (reset,) = [row for row in made.rows("HttpProxy/Ecp") if "schema=ResetOABVirtualDirectory" in row["AnchorMailbox"]]
    end = _moment(reset["DateTime"])
    assert end - timedelta(milliseconds=int(reset["TotalRequestTime"])) <= _moment(written.time) <= end
    name = _page(made).rpartition("\\")[2].lower()
    (compiled,) = [row for row in made.events(11) if f"\\{name}." in row.data["TargetFilename"]]
    assert compiled.data["TargetFilename"].endswith(".compiled")
    assert "\\Temporary ASP.NET Files\\owa\\" in compiled.data["TargetFilename"]
    begin, end = min(_answered(made, "GET"))
    assert begin <= _moment(compiled.time) <= end
    folder = compiled.data["TargetFilename"].rpartition("\\")[0]
    (compiler,) = [
        row
        for row in made.events(1, part="Sysmon")
        if folder in row.data["CommandLine"] and "csc.exe" in row.data["Image"]
    ]
    assert OWA_POOL in compiler.data["ParentCommandLine"]


def test_another_service_writes_the_page_of_the_address_book_flaw(simulation: Simulation) -> None:
    made = simulation("oab-write")
    (written,) = [row for row in made.events(11) if row.data["TargetFilename"] == _page(made)]
    assert written.data["Image"].endswith("\\UMWorkerProcess.exe")
    (log,) = [row for row in made.rows("OABGeneratorLog") if _page(made) in row["Message"]]
    assert abs(_moment(log["TimeStamp"]) - _moment(written.time)) < timedelta(seconds=1)
    assert next(row for row in made.truth.files_written if row.path == _page(made)).removed is None


@pytest.mark.parametrize("scenario", ["hafnium", "oab-write", "host-only"])
def test_files_of_the_truth_are_those_that_sysmon_saw(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, users=4)
    seen = {
        (row.server, row.data["UtcTime"].replace(" ", "T") + "Z", row.data["TargetFilename"], row.data["Image"])
        for row in made.events(11)
        if row.data["TargetFilename"].startswith((_FRONT_END, "C:\\ProgramData\\"))
    }
    assert seen == {(one.host, one.time, one.path, one.image) for one in made.truth.files_written}
    removed = {(row.data["TargetFilename"], row.data["UtcTime"].replace(" ", "T") + "Z") for row in made.events(23)}
    assert removed == {(one.path, one.removed) for one in made.truth.files_written if one.removed}
    endings = {one.path.rpartition(".")[2] for one in made.truth.files_written}
    assert (
        endings
        == {"hafnium": {"aspx", "dmp", "pst", "zip"}, "oab-write": {"aspx"}, "host-only": {"aspx", "dmp", "zip"}}[
            scenario
        ]
    )


@pytest.mark.parametrize("days", _LENGTHS)
def test_the_page_goes_between_its_last_answer_and_its_first_refusal(simulation: Simulation, days: int) -> None:
    made = simulation("hafnium", days=days)
    (gone,) = made.events(23)
    assert gone.data["TargetFilename"] == _page(made)
    begin, end = max(_answered(made, "POST"))
    assert begin <= _moment(gone.time) <= end
    refused = [
        row["DateTime"]
        for row in made.rows("HttpProxy/Owa")
        if (row["UrlStem"], row["HttpStatus"]) == (made.truth.webshells[0].url, "302")
    ]
    assert gone.time < min(refused)


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize("users", [1, 2, 3, 8])
def test_an_export_of_a_third_mailbox_is_in_both_cmdlet_logs(simulation: Simulation, users: int, days: int) -> None:
    made = simulation("hafnium", users=users, days=days, servers=2)
    (export,) = made.truth.exports
    read = {mailbox.mailbox for mailbox in made.truth.mailboxes}
    assert (export.mailbox in read) == (users < 3)
    assert export.path.startswith("\\\\EX01\\C$\\")
    for cmdlet, given in (
        ("New-MailboxExportRequest", f'-Mailbox "{export.mailbox}" -FilePath "{export.path}"'),
        ("Remove-MailboxExportRequest", '\\MailboxExport" -Confirm "False"'),
    ):
        (row,) = [row for row in made.rows("CmdletInfra") if row["Cmdlet"] == cmdlet]
        (event,) = [row for row in made.events(1, part="MSExchange") if row.items[0] == cmdlet]
        assert given in row["Parameters"]
        assert (row["DateTime"], row["Parameters"], row["ServerHostName"]) == (event.time, event.items[1], event.server)
        assert (row["ExecutionResult"], row["ErrorType"]) == ("Success", "")
        console = [one for one in made.truth.processes if str(one.pid) == row["ProcessId"]]
        assert [one.image.rpartition("\\")[2] for one in console] == ["powershell.exe"]


def test_what_was_done_is_told_in_order(simulation: Simulation) -> None:
    assert simulation("hafnium", users=4).truth.host_stages == [
        "page_written",
        "page_compiled",
        "commands_run",
        "credentials_dumped",
        "mailbox_exported",
        "archive_made",
        "export_cleared",
        "page_removed",
    ]


def test_command_lines_lack_what_would_make_them_work(simulation: Simulation) -> None:
    made = simulation("hafnium")
    for process in made.truth.processes:
        line = process.command_line
        if "comsvcs" in line:
            assert "MiniDump [removed by the simulator] C:\\ProgramData\\" in line
        if "MailboxExportRequest" in line:
            assert 'MailboxExportRequest [removed]"' in line
