from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.simulate.conftest import EventRow, Simulated, Simulation

PROCESS, AUDITED = 1, 4688


def _created(made: Simulated) -> dict[str, EventRow]:
    return {row.data["ProcessGuid"]: row for row in made.events(PROCESS, part="Sysmon")}


@pytest.mark.parametrize("scenario", ["quiet", "hafnium", "oab-write", "host-only"])
def test_each_process_hangs_on_its_parents_own_event(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, days=5, users=4)
    created = _created(made)
    assert len(created) == len(made.events(PROCESS, part="Sysmon"))
    roots = set()
    for row in created.values():
        parent = created.get(row.data["ParentProcessGuid"])
        if parent is None:
            roots.add(row.data["ParentImage"].rpartition("\\")[2])
            continue
        for name in ("ProcessId", "Image", "CommandLine"):
            assert parent.data[name] == row.data[f"Parent{name}"]
        assert parent.data["UtcTime"] < row.data["UtcTime"]
    # Only what had ended before Sysmon ran has no event of its own.
    assert roots == {"smss.exe", "userinit.exe"}


def test_security_tells_of_the_same_processes_except_those_before_auditing(simulation: Simulation) -> None:
    made = simulation("hafnium", days=5, users=4)
    seen = {
        (row.data["UtcTime"].replace(" ", "T") + "Z", row.data["ProcessId"], row.data["ParentProcessId"],
         row.data["Image"], row.data["CommandLine"], row.data["ParentImage"])
        for row in made.events(PROCESS, part="Sysmon")
    }  # fmt: skip
    audited = {
        (row.time, int(row.data["NewProcessId"], 16), int(row.data["ProcessId"], 16), row.data["NewProcessName"],
         row.data["CommandLine"], row.data["ParentProcessName"])
        for row in made.events(AUDITED)
    }  # fmt: skip
    assert audited <= seen
    assert {image.rpartition("\\")[2] for *_, image, _, _ in seen - audited} == {
        "wininit.exe",
        "services.exe",
        "lsass.exe",
    }


def test_a_restart_for_the_update_gives_the_services_new_processes(simulation: Simulation) -> None:
    made = simulation("quiet", start=date(2021, 3, 2))
    starts = [row.time for row in made.events(12, part="System.evtx")]
    assert starts == ["2021-03-02T00:00:02.000Z", "2021-03-03T00:10:00.000Z"]
    pools = [row for row in made.events(PROCESS, part="Sysmon") if "MSExchangeOWAAppPool" in row.data["CommandLine"]]
    assert len({row.data["ProcessGuid"] for row in pools}) == len({row.data["ProcessId"] for row in pools}) == 2
    created = _created(made)
    later = [row for row in created.values() if row.time > starts[1] and "userinit" not in row.data["ParentImage"]]
    parents = {created[guid].time for row in later if (guid := row.data["ParentProcessGuid"]) in created}
    assert later
    assert min(parents) > starts[1]


def test_machines_have_their_own_guids(simulation: Simulation) -> None:
    made = simulation("quiet", servers=2)
    machines = {(row.server, row.data["ProcessGuid"].partition("-")[0]) for row in made.events(PROCESS, part="Sysmon")}
    assert len(machines) == len({guid for _, guid in machines}) == 2
