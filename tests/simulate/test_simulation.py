from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from brokenseal.errors import UsageError
from brokenseal.simulate import SCENARIOS, SOURCES, simulate

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


FEBRUARY = date(2021, 2, 27)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@pytest.mark.parametrize("scenario", ["hafnium", "stolen-session", "cloud-session", "forwarded-mail"])
def test_same_arguments_give_same_bytes_and_another_seed_others(tmp_path: Path, scenario: str) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / folder, scenario, seed=seed, users=2, start=FEBRUARY, days=2, servers=2)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_scenarios_of_the_issue_exist() -> None:
    attacks = {"hafnium", "mail-only", "oab-write", "logs-missing", "host-only", "quiet-shell"}
    attacks |= {"stolen-session", "cloud-session", "forwarded-mail"}
    assert set(SCENARIOS) == {"quiet", "probed", "failed", *attacks}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scenario": "solarwinds"}, "hafnium"),
        ({"days": 0}, "at least one day"),
        ({"days": 10**7}, "9999"),
        ({"users": 0}, "one user"),
        ({"servers": 0}, "servers"),
        ({"sources": ["iis", "evtx"]}, "evtx"),
    ],
)
def test_impossible_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"scenario": "quiet", "users": 1, "days": 1} | wrong
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_folder_with_content_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="empty"):
        simulate(tmp_path, "quiet", users=1, days=1)
    with pytest.raises(UsageError, match="empty"):
        simulate(tmp_path / "precious.txt", "quiet", users=1, days=1)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_empty_folder_is_accepted_and_truth_lies_next_to_the_evidence(tmp_path: Path) -> None:
    simulate(tmp_path, "quiet", users=1, days=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evidence", "truth.json"]
    assert not list((tmp_path / "evidence").rglob("truth*"))


def test_truth_file_is_the_returned_truth_with_sorted_keys(simulation: Simulation) -> None:
    made = simulation("hafnium")
    text = (made.output / "truth.json").read_bytes().decode("ascii")
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert document["verdict"] == made.truth.verdict == "mail_read"
    assert document["files"] == made.truth.files


def test_evidence_is_laid_out_like_each_servers_disk(simulation: Simulation) -> None:
    made = simulation("quiet", servers=2)
    exchange = "C/Program Files/Microsoft/Exchange Server/V15"
    protocols = ("Autodiscover", "Eas", "Ecp", "Ews", "Mapi", "Oab", "Owa", "PowerShell", "RpcHttp")
    channels = ("Security", "Microsoft-Windows-Sysmon%4Operational", "Application", "MSExchange Management", "System")
    for server in ("EX01", "EX02"):
        for path in (
            "C/inetpub/logs/LogFiles/W3SVC1/u_ex210227.log",
            "C/inetpub/logs/LogFiles/W3SVC2/u_ex210228.log",
            f"{exchange}/Logging/ECP/Server/ECPServer20210227-1.LOG",
            f"{exchange}/Logging/Ews/Ews_2021022700-1.LOG",
            f"{exchange}/Logging/MapiHttp/Mailbox/MapiHttp_2021022800-1.LOG",
            f"{exchange}/Logging/CmdletInfra/LocalPowerShell/Cmdlet/Rps_Cmdlet_2021022700-1.LOG",
            f"{exchange}/Logging/CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_2021022800-1.LOG",
            f"{exchange}/TransportRoles/Logs/MessageTracking/MSGTRK2021022700-1.LOG",
            *(f"{exchange}/Logging/HttpProxy/{name}/HttpProxy_2021022700-1.LOG" for name in protocols),
            *(f"C/Windows/System32/winevt/Logs/{name}.evtx" for name in channels),
        ):
            assert (made.evidence / server / path).is_file(), path
        assert made.files(f"{server}/{exchange}/Logging/OABGeneratorLog/")


def test_two_scenarios_of_one_seed_share_their_ordinary_rows(simulation: Simulation) -> None:
    for part in ("W3SVC1", "HttpProxy/Owa", "Logging/Ews"):
        quiet = [tuple(row.values()) for row in simulation("quiet").rows(part)]
        attacked = {tuple(row.values()) for row in simulation("hafnium").rows(part)}
        assert quiet and attacked.issuperset(quiet)
        assert len(attacked) > len(quiet)


def test_update_changes_the_build_in_headers_and_rows_and_restarts_iis(simulation: Simulation) -> None:
    made = simulation("quiet", start=date(2021, 3, 2))
    assert made.truth.patched_from == "2021-03-03T00:00:00.000Z"
    for day, padded, revision, headers in (("02", "15.01.2106.002", "2", 1), ("03", "15.01.2106.013", "13", 2)):
        proxy = made.files(f"HttpProxy/Ews/HttpProxy_202103{day}")
        assert f"#Version: {padded}\r\n".encode() in proxy[0].read_bytes()
        names, rows = made.table(proxy[0])
        assert {cells[names.index("RevisionVersion")] for cells in rows} == {revision}
        control_panel = made.files(f"ECPServer202103{day}")[0].read_bytes()
        assert control_panel.count(f"S:BLD=15.1.2106.{revision};".encode()) == control_panel.count(b"ECP.Request")
        assert made.files(f"W3SVC1/u_ex2103{day}")[0].read_bytes().count(b"#Fields: ") == headers


def test_attacked_server_is_patched_after_the_attack(simulation: Simulation) -> None:
    truth = simulation("hafnium", users=1, days=10).truth
    assert truth.patched_from is not None
    assert truth.webshells[0].last_used < truth.patched_from


def test_only_the_sources_asked_for_are_written(tmp_path: Path) -> None:
    truth = simulate(tmp_path, "hafnium", users=1, start=FEBRUARY, days=1, sources=["iis", "ews"])
    assert truth.sources == ["iis", "ews"]
    assert {path.parts[-2] for path in map(Path, truth.files)} == {"W3SVC1", "W3SVC2", "Ews"}
    assert set(SOURCES) > {"iis", "ews"}


def test_event_logs_are_sources_of_their_own(tmp_path: Path) -> None:
    chosen = ["sysmon_events", "exchange_management_events"]
    truth = simulate(tmp_path, "hafnium", users=1, start=FEBRUARY, days=1, sources=chosen)
    assert {Path(path).name for path in truth.files} == {
        "Microsoft-Windows-Sysmon%4Operational.evtx",
        "MSExchange Management.evtx",
    }
    assert truth.processes


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be made"):
        simulate(tmp_path / "file" / "below", "quiet", users=1, days=1)
