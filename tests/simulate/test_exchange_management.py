from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


def test_an_administrators_cmdlets_are_in_both_logs_at_the_same_time(simulation: Simulation) -> None:
    made = simulation("quiet", days=10, servers=2)
    rows = {
        (row["DateTime"], row["ServerHostName"], row["Cmdlet"], row["Parameters"], row["ExecutingUserSid"],
         f"{row['ProcessId']} {row['ProcessName'].rstrip('#')}")
        for row in made.rows("CmdletInfra")
        if row["AuthenticatedUser"] == "CORP\\it.admin"
    }  # fmt: skip
    events = {
        (row.time, row.server, row.items[0], row.items[1], row.items[3], row.items[6])
        for row in made.events(1, part="MSExchange")
        if "ECP" not in row.items[6]
    }
    assert rows == events
    assert len(rows) >= 8


def test_local_cmdlets_run_in_the_administrators_console(simulation: Simulation) -> None:
    made = simulation("quiet", days=20)
    consoles = {
        row.data["ProcessId"]: row
        for row in made.events(1, part="Sysmon")
        if row.data["Image"].endswith("\\powershell.exe")
    }
    local = [row for row in made.events(1, part="MSExchange") if row.items[6].endswith(" powershell")]
    assert local
    for row in local:
        console = consoles[int(row.items[6].split()[0])]
        assert console.data["User"] == "CORP\\it.admin"
        assert console.time < row.time


def test_an_event_has_the_27_items_of_a_real_one(simulation: Simulation) -> None:
    rows = simulation("quiet", days=10).events(1, part="MSExchange")
    for row in rows:
        assert len(row.items) == 27
        assert row.items[2] == "corp.example/Users/it.admin"
        assert row.items[3] == row.items[4]
        assert row.items[17] == "False"


def test_the_control_panels_cmdlets_are_recorded_with_their_parameters(simulation: Simulation) -> None:
    made = simulation("hafnium", days=5)
    panel = [row for row in made.events(1, part="MSExchange") if "ECP" in row.items[6]]
    poisoned = [row.items[1] for row in panel if "<script" in row.items[1]]
    assert len(poisoned) == 1
    assert poisoned[0].startswith('-ExternalUrl "http://f/#<script language="JScript" runat="server">[inert: ')
    assert '-Identity "' in poisoned[0]
    calls = [(row.items[0], row.items[1].partition(" -Identity")[0]) for row in panel]
    assert ("Remove-OABVirtualDirectory", '-Force "True"') in calls
    assert ("Set-OabVirtualDirectory", '-ExternalUrl ""') in calls
    # The administrator who set the plain address in the control panel.
    assert ("Set-OabVirtualDirectory", '-ExternalUrl "https://mail.corp.example/OAB"') in calls
