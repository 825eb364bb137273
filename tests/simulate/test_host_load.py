from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pytest

from brokenseal.simulate import SCENARIOS

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation

ORDINARY = ("quiet", "probed", "failed", "mail-only")


def test_a_servers_day_has_some_dozens_of_events_however_many_users(simulation: Simulation) -> None:
    made = simulation("quiet", users=40, start=date(2021, 1, 4), days=10)
    days = Counter(row.time[:10] for row in made.events())
    first = min(days)
    assert len(days) == 10
    assert max(count for day, count in days.items() if day != first) <= 60
    assert min(days.values()) > 10
    assert days[first] < 100  # the server's start comes on top


def test_logons_of_users_end_and_name_users_of_the_server(simulation: Simulation) -> None:
    made = simulation("quiet", users=6, servers=2, days=5)
    on = {row.data["TargetLogonId"]: row for row in made.events(4624)}
    off = {row.data["TargetLogonId"]: row for row in made.events(4634)}
    assert on.keys() == off.keys()
    for logon, row in on.items():
        assert row.time < off[logon].time
        assert row.data["TargetUserSid"] == off[logon].data["TargetUserSid"]
    names = {
        server: {row.data["TargetUserName"] for row in on.values() if row.server == server}
        for server in ("EX01", "EX02")
    }
    assert names["EX01"] & names["EX02"] <= {"it.admin"}
    assert len(names["EX01"] | names["EX02"]) == 7


def test_the_nightly_backup_packs_onto_another_drive(simulation: Simulation) -> None:
    made = simulation("quiet", days=3)
    archives = [row for row in made.events(11, part="Sysmon") if row.data["TargetFilename"].startswith("D:\\Backup\\")]
    assert len(archives) == 3
    processes = {row.data["ProcessGuid"]: row for row in made.events(1, part="Sysmon")}
    for row in archives:
        packer = processes[row.data["ProcessGuid"]]
        assert row.data["TargetFilename"] in packer.data["CommandLine"]
        assert processes[packer.data["ParentProcessGuid"]].data["ParentImage"].endswith("\\svchost.exe")


@pytest.mark.parametrize("scenario", ORDINARY)
def test_without_a_shell_the_web_server_starts_nothing_but_compilers(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, days=5, servers=2, users=4)
    truth = made.truth
    assert not (truth.processes or truth.files_written or truth.exports or truth.host_stages)
    children = {
        row.data["Image"].rpartition("\\")[2]
        for row in made.events(1, part="Sysmon")
        if row.data["ParentImage"].endswith("\\w3wp.exe")
    }
    assert children == {"csc.exe"}
    for row in made.events(11, part="Sysmon"):
        assert "FrontEnd" not in row.data["TargetFilename"]
        assert not row.data["TargetFilename"].startswith("C:\\ProgramData")
    assert made.events(23) == []


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in ("quiet", "logs-missing")])
def test_all_scenarios_of_one_seed_share_their_ordinary_events(simulation: Simulation, scenario: str) -> None:
    quiet = [(row.time, row.event_id, str(row.data), str(row.items)) for row in simulation("quiet").events()]
    other = {(row.time, row.event_id, str(row.data), str(row.items)) for row in simulation(scenario).events()}
    # Of one scenario the logs begin late.
    first = min(time for time, *_ in other) if scenario == "quiet-shell" else ""
    assert other.issuperset(row for row in quiet if row[0] >= first)
