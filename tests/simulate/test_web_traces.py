"""The web folders of each scenario, read by the product's own parsers and judges: they must see what the truth says."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from brokenseal.detections.compiled_pages import read_compiled, without_file
from brokenseal.detections.web_content import WebContent
from brokenseal.simulate import SCENARIOS, PlantedShellTruth, simulate

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulated, Simulation

_ATTACKED = ("hafnium", "oab-write", "host-only", "quiet-shell")
_CLEAN = ("quiet", "probed", "failed", "mail-only")
_NOT_WEB = {".log", ".evtx", ".csv", ".txt"}
CONTENT = WebContent()


def _web_files(made: Simulated, server: str) -> dict[str, Path]:
    """Windows path → collected file."""
    root = made.evidence / server
    paths = [path for path in sorted((root / "C").rglob("*")) if path.is_file() and path.suffix.lower() not in _NOT_WEB]
    return {path.relative_to(root).as_posix().replace("C/", "C:/", 1).replace("/", "\\"): path for path in paths}


def _shell(made: Simulated) -> PlantedShellTruth:
    (shell,) = made.truth.planted_shells
    return shell


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_of_all_files_only_the_planted_page_is_suspicious(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, servers=2)
    for server in ("EX01", "EX02"):
        files = _web_files(made, server)
        alive = [s.path for s in made.truth.planted_shells if s.host == server and s.sha256]
        assert [name for name, path in files.items() if CONTENT.judge(name, path.read_bytes()).suspicious] == alive
        traces = [s.path for s in made.truth.planted_shells if s.host == server and s.compiled]
        assert made.truth.web_files[server] == len(files) - len(alive) - len(traces) > 50
        assert len(files) < 150
        assert sum(path.stat().st_size for path in files.values()) < 200_000


@pytest.mark.parametrize("scenario", ["oab-write", "quiet-shell"])
def test_a_page_that_is_alive_lies_where_the_truth_says(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    shell = _shell(made)
    path = _web_files(made, shell.host)[shell.path]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == shell.sha256
    seconds = datetime.fromisoformat(shell.planted).timestamp()
    assert (abs(path.stat().st_mtime - seconds) < 0.01) == (scenario == "oab-write")
    assert shell.state == {"oab-write": "alive", "quiet-shell": "never answered"}[scenario]


def test_a_timestomped_page_claims_to_be_as_old_as_the_setup(simulation: Simulation) -> None:
    made = simulation("quiet-shell")
    files, shell = _web_files(made, "EX01"), _shell(made)
    assert shell.timestomped
    claimed = files[shell.path].stat().st_mtime_ns
    assert claimed % 10**9 == 0
    logon = next(path for name, path in files.items() if name.endswith("\\owa\\auth\\logon.aspx"))
    assert abs(claimed - logon.stat().st_mtime_ns) < 3600 * 10**9


@pytest.mark.parametrize("scenario", ["hafnium", "host-only"])
def test_a_removed_page_is_gone_and_its_compiled_form_stays(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    shell, files = _shell(made), _web_files(made, "EX01")
    assert (shell.state, shell.sha256) == ("removed", None)
    assert shell.removed and shell.removed > shell.planted
    assert shell.path not in files
    records = {
        name: read_compiled(path.read_bytes(), name) for name, path in files.items() if name.endswith(".compiled")
    }
    missing = without_file(records.values(), files)
    assert [(page.source, page.virtual_path, page.assembly) for page in missing] == [
        (shell.compiled, shell.url, shell.assembly)
    ]
    assert shell.compiled and shell.compiled_at
    made_at = datetime.fromisoformat(shell.compiled_at).timestamp()
    assert abs(files[shell.compiled].stat().st_mtime - made_at) < 0.01


@pytest.mark.parametrize("scenario", ["hafnium", "oab-write", "host-only"])
def test_the_compiled_form_is_the_one_that_sysmon_saw(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    shell = _shell(made)
    (event,) = [row for row in made.events(11) if row.data["TargetFilename"] == shell.compiled]
    assert event.data["UtcTime"].replace(" ", "T") + "Z" == shell.compiled_at
    (written,) = [row for row in made.events(11) if row.data["TargetFilename"] == shell.path]
    assert written.data["UtcTime"].replace(" ", "T") + "Z" == shell.planted


@pytest.mark.parametrize("scenario", ["hafnium", "oab-write"])
def test_shells_by_their_files_and_by_their_requests_agree(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    (used,), shell = made.truth.webshells, _shell(made)
    assert (used.url, used.host, used.first_used, used.last_used, used.requests, used.state) == (
        shell.url,
        shell.host,
        shell.first_use,
        shell.last_use,
        shell.requests,
        shell.state,
    )


@pytest.mark.parametrize("scenario", _CLEAN)
def test_where_nothing_was_planted_every_compiled_page_has_its_file(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    files = _web_files(made, "EX01")
    records = [read_compiled(path.read_bytes(), name) for name, path in files.items() if name.endswith(".compiled")]
    assert made.truth.planted_shells == []
    assert len(records) == 6
    assert without_file(records, files) == []
    assert "C:\\inetpub\\wwwroot\\aspnet_client\\maintenance.aspx" in files


def test_where_the_logs_are_gone_the_web_folders_show_nothing_either(simulation: Simulation) -> None:
    made = simulation("logs-missing")
    shell = _shell(made)
    assert (shell.state, shell.sha256, shell.compiled) == ("removed", None, None)
    page = shell.path.rpartition("\\")[2].lower()
    assert not [name for name in _web_files(made, "EX01") if page in name.lower()]
    assert made.truth.listings == {}


def test_honest_files_are_the_same_on_all_servers_but_for_their_times(simulation: Simulation) -> None:
    made = simulation("quiet", servers=2)
    first, second = _web_files(made, "EX01"), _web_files(made, "EX02")
    alone = {name for name in set(first) ^ set(second) if not name.endswith(".compiled")}
    assert alone == {"C:\\inetpub\\wwwroot\\aspnet_client\\maintenance.aspx"}
    for name in set(first) & set(second):
        assert first[name].read_bytes() == second[name].read_bytes()
        assert first[name].stat().st_mtime_ns != second[name].stat().st_mtime_ns
    assert (made.evidence / "EX01/C/inetpub/wwwroot/aspnet_client/system_web/4_0_30319").is_dir()


def test_times_of_files_come_again_with_the_same_seed(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        simulate(tmp_path / name, "quiet-shell", seed=3, users=1, days=1)
        evidence = tmp_path / name / "evidence"
        found.append(
            {
                path.relative_to(evidence).as_posix(): path.stat().st_mtime_ns
                for path in (evidence / "EX01/C/inetpub/wwwroot").rglob("*.*")
                if path.is_file()
            }
        )
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_web_folders_and_listings_are_sources_of_their_own(tmp_path: Path) -> None:
    truth = simulate(tmp_path / "logs", "oab-write", users=1, days=1, sources=["iis"])
    assert (truth.web_files, truth.listings) == ({}, {})
    assert truth.planted_shells[0].sha256 is None
    assert {path.suffix for path in (tmp_path / "logs" / "evidence").rglob("*") if path.is_file()} == {".log"}
    truth = simulate(tmp_path / "web", "oab-write", users=1, days=1, sources=["web_folders"])
    assert truth.files == truth.listings == {}
    assert truth.planted_shells[0].sha256
