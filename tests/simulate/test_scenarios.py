from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from brokenseal.simulate import SCENARIOS

if TYPE_CHECKING:
    from tests.simulate.conftest import Row, Simulated, Simulation


_LENGTHS = [1, 2, 5]


def _forged(made: Simulated) -> list[Row]:
    rows = [row for row in made.rows("HttpProxy") if row["AnchorMailbox"].startswith("ServerInfo~")]
    return sorted(rows, key=lambda row: row["DateTime"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "logs-missing"])
def test_truth_holds_exactly_the_forged_requests_of_the_logs(simulation: Simulation, scenario: str, days: int) -> None:
    made = simulation(scenario, days=days)
    forged = _forged(made)
    assert sorted(row["RequestId"] for row in forged) == sorted(made.truth.exploit_request_ids)
    assert len(set(made.truth.exploit_request_ids)) == len(forged)
    attackers = {row["c-ip"] for row in made.rows("W3SVC1") if row["c-ip"].startswith("203.0.113.")}
    assert attackers == set(made.truth.attacker_ips)
    for row in forged:
        assert (row["IsAuthenticated"], row["AuthenticatedUser"]) == ("false", "")


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize(("scenario", "servers"), [("hafnium", 1), ("hafnium", 2), ("mail-only", 1), ("mail-only", 2)])
def test_ledger_of_the_truth_is_what_the_logs_add_up_to(
    simulation: Simulation, scenario: str, servers: int, days: int
) -> None:
    made = simulation(scenario, days=days, servers=servers, users=4)
    proxy = {row["RequestId"]: row for row in _forged(made)}
    requests, items, size = Counter[str](), Counter[str](), Counter[str]()
    hosts: dict[str, set[str]] = {}
    times: dict[str, list[str]] = {}
    for row in made.rows("Logging/Ews"):
        if row["RequestId"] in proxy:
            front = proxy[row["RequestId"]]
            victim = row["ActAsUser"]
            requests[victim] += 1
            items[victim] += int(row["LocalIdCount"]) if row["SoapAction"] == "GetItem" else 0
            size[victim] += int(front["ResponseBytes"])
            hosts.setdefault(victim, set()).add(row["ServerHostName"])
            times.setdefault(victim, []).append(front["DateTime"])
            assert row["AuthenticatedUser"] == "CORP\\EX01$"
            assert front["RoutingHint"] == "X-AnonResource-Backend-Cookie"
            assert ":444/EWS/Exchange.asmx" in front["AnchorMailbox"]
    assert len(made.truth.mailboxes) == 2
    for mailbox in made.truth.mailboxes:
        assert requests[mailbox.mailbox] == mailbox.requests > 20
        assert items[mailbox.mailbox] == mailbox.items > mailbox.requests
        assert size[mailbox.mailbox] == mailbox.bytes > 1_000_000
        assert hosts[mailbox.mailbox] == {mailbox.host}
        assert min(times[mailbox.mailbox]) == mailbox.first
        assert max(times[mailbox.mailbox]) == mailbox.last
    assert {mailbox.host for mailbox in made.truth.mailboxes} == {f"EX{n + 1:02}" for n in range(servers)}
    assert {mailbox.front_end for mailbox in made.truth.mailboxes} == {"EX01"}


def test_victims_read_their_own_mail_as_well(simulation: Simulation) -> None:
    made = simulation("hafnium", users=4, days=5)
    for mailbox in made.truth.mailboxes:
        own = [
            row
            for row in made.rows("Logging/Ews")
            if row["AuthenticatedUser"] == row["ImpersonatedUser"] == mailbox.mailbox and not row["ActAsUser"]
        ]
        assert own


def test_single_user_is_the_single_victim(simulation: Simulation) -> None:
    assert len(simulation("hafnium", users=1, servers=2).truth.mailboxes) == 1


def test_chain_takes_its_seven_steps_in_order_within_twelve_seconds(simulation: Simulation) -> None:
    made = simulation("hafnium")
    chain = [row for row in _forged(made) if row["Protocol"] == "Ecp"]
    targets = [re.sub(r"msExchEcpCanary=[^&]+&", "", row["AnchorMailbox"].partition(":444")[2]) for row in chain]
    service = "/ecp/DDI/DDIService.svc"
    assert targets == [
        "/autodiscover/autodiscover.xml?#",
        "/mapi/emsmdb/?#",
        "/ecp/proxyLogon.ecp?#",
        f"{service}/GetObject?schema=OABVirtualDirectory#",
        f"{service}/SetObject?schema=OABVirtualDirectory#",
        f"{service}/SetObject?schema=ResetOABVirtualDirectory#",
        f"{service}/SetObject?schema=OABVirtualDirectory#",
    ]
    assert [row["HttpStatus"] for row in chain] == ["200", "200", "241", "200", "200", "200", "200"]
    assert len({(row["UrlStem"], row["ClientIpAddress"], row["UserAgent"]) for row in chain}) == 1
    assert re.fullmatch(r"/ecp/[a-z]{1,3}\.js", chain[0]["UrlStem"])
    assert {row["RoutingHint"] for row in chain} == {"X-BEResource-Cookie"}
    assert _moment(chain[-1]["DateTime"]) - _moment(chain[0]["DateTime"]) <= timedelta(seconds=12)


def test_canary_ties_forged_requests_to_the_control_panels_log(simulation: Simulation) -> None:
    made = simulation("hafnium")
    canaries = {m[1] for row in _forged(made) if (m := re.search(r"msExchEcpCanary=([^&]+)&", row["AnchorMailbox"]))}
    assert len(canaries) == 1
    events = [
        row["EventData"] for row in made.rows("ECP/Server") if f"msExchEcpCanary={min(canaries)}&" in row["EventData"]
    ]
    cmdlets = [m[1] for event in events if (m := re.search(r"S:CMD=([A-Za-z]+-[A-Za-z]+)", event))]
    assert cmdlets == [
        "Get-OabVirtualDirectory",
        "Set-OabVirtualDirectory",
        "Get-OABVirtualDirectory",
        "Get-ExchangeServer",
        "Remove-OABVirtualDirectory",
        "New-OABVirtualDirectory",
        "Set-OabVirtualDirectory",
    ]
    assert "S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/#<script " in events[1]
    assert "ExternalUrl=$null" in events[-1]


def test_back_end_sees_the_forged_requests_as_the_servers_own_account(simulation: Simulation) -> None:
    made = simulation("hafnium")
    machine = [row for row in made.rows("W3SVC2") if row["cs-username"] == "CORP\\EX01$"]
    assert len(machine) == len(made.truth.exploit_request_ids)
    assert {"/ecp/proxyLogon.ecp", "/ecp/DDI/DDIService.svc/SetObject", "/EWS/Exchange.asmx"} <= {
        row["cs-uri-stem"] for row in machine
    }


@pytest.mark.parametrize("days", _LENGTHS)
@pytest.mark.parametrize(("scenario", "visitors"), [("hafnium", 2), ("oab-write", 1)])
def test_web_shell_is_used_as_the_truth_says(simulation: Simulation, scenario: str, visitors: int, days: int) -> None:
    made = simulation(scenario, days=days)
    (shell,) = made.truth.webshells
    assert re.fullmatch(r"/owa/auth/[A-Za-z0-9]{8}\.aspx", shell.url)
    seen = [row for row in made.rows("W3SVC1") if row["cs-uri-stem"] == shell.url]
    answered = [row for row in seen if row["sc-status"] == "200"]
    gone = [row for row in seen if row["sc-status"] == "302"]
    assert (len(answered), len(gone)) == (shell.requests, shell.refused)
    assert len(seen) == len(answered) + len(gone)
    assert answered[0]["cs-method"] == "GET"
    assert {row["cs-method"] for row in answered[1:]} >= {"POST"}
    assert len({row["c-ip"] for row in answered}) == visitors
    assert f"{answered[0]['date']}T{answered[0]['time']}" == shell.first_used[:19]
    assert f"{answered[-1]['date']}T{answered[-1]['time']}" == shell.last_used[:19]
    assert shell.state == ("removed" if gone else "alive")
    if gone:
        assert (gone[0]["date"], gone[0]["time"]) > (answered[-1]["date"], answered[-1]["time"])


def test_hafnium_shell_is_removed_and_oab_shell_stays(simulation: Simulation) -> None:
    assert simulation("hafnium").truth.webshells[0].state == "removed"
    assert simulation("oab-write").truth.webshells[0].state == "alive"


def test_oab_write_names_a_file_outside_the_address_books_folder_before_it_is_used(simulation: Simulation) -> None:
    made = simulation("oab-write")
    (shell,) = made.truth.webshells
    outside = [
        row
        for row in made.rows("OABGeneratorLog")
        if (m := re.search(r"Download failed and temporary file '(.*?)' needs to be removed", row["Message"]))
        and "\\ClientAccess\\OAB" not in m[1]
    ]
    assert len(outside) == 1
    assert outside[0]["Message"].count(shell.url.replace("/", "\\")) == 1
    assert outside[0]["TimeStamp"] < shell.first_used
    assert made.truth.cves == {"CVE-2021-26855": "succeeded", "CVE-2021-26858": "succeeded"}


def test_mail_only_leaves_no_shell_and_no_control_panel_trace(simulation: Simulation) -> None:
    made = simulation("mail-only")
    assert made.truth.webshells == []
    assert {row["Protocol"] for row in _forged(made)} == {"Owa"}
    assert not [row for row in made.rows("ECP/Server") if "<script" in row["EventData"]]


def test_failed_gets_errors_only_and_writes_nothing(simulation: Simulation) -> None:
    made = simulation("failed")
    forged = _forged(made)
    assert {row["HttpStatus"][0] for row in forged} == {"4", "5"}
    assert {row["AnchorMailbox"].partition(":444")[2] for row in forged} >= {"/mapi/emsmdb/?#", "/ecp/proxyLogon.ecp?#"}
    assert len(made.truth.attacker_ips) == 1
    assert made.truth.webshells == []
    assert made.truth.mailboxes == []
    assert made.truth.cves == {"CVE-2021-26855": "attempted"}


def test_probed_has_no_target_beyond_localhost_and_autodiscover(simulation: Simulation) -> None:
    made = simulation("probed", servers=2)
    for row in _forged(made):
        local = row["AnchorMailbox"].startswith("ServerInfo~localhost/")
        assert local or row["AnchorMailbox"].endswith(":444/autodiscover/autodiscover.xml?#")
        if local:
            assert (row["HttpStatus"], row["RequestBytes"], row["ResponseBytes"]) == ("500", "0", "85")
            assert "ProxyToDownLevel=True" in row["GenericInfo"]
    tried = [row for row in made.rows("W3SVC1") if row["c-ip"] == "203.0.113.24"]
    assert len({row["cs-uri-stem"] for row in tried}) == 11
    assert {row["sc-status"] for row in tried} == {"302", "404"}
    assert made.truth.cves == {"CVE-2021-26855": "probed"}


def test_quiet_has_no_attacker(simulation: Simulation) -> None:
    made = simulation("quiet")
    assert _forged(made) == []
    assert made.truth.attacker_ips == []
    assert (made.truth.verdict, made.truth.visible) == ("no_evidence", True)


@pytest.mark.parametrize("days", _LENGTHS)
def test_logs_missing_shows_nothing_of_what_happened(simulation: Simulation, days: int) -> None:
    made = simulation("logs-missing", days=days)
    assert (made.truth.verdict, made.truth.visible) == ("cannot_tell", False)
    assert made.truth.webshells[0].requests > 0
    content = b"".join(path.read_bytes() for path in made.files())
    for trace in ("203.0.113.", "ServerInfo~", "<script", "MailboxExportRequest", made.truth.webshells[0].url):
        assert trace.encode() not in content
    assert not made.files("HttpProxy")
    assert not made.files("ECP/Server")
    assert not made.files("Logging/Ews")
    assert not made.event_files()
    assert made.files("MapiHttp")
    first = min(f"{row['date']}T{row['time']}" for row in made.rows("W3SVC"))
    assert first > made.truth.webshells[0].last_used[:19]


def test_quiet_shell_is_older_than_any_log_that_is_left(simulation: Simulation) -> None:
    made = simulation("quiet-shell", days=5)
    (shell,) = made.truth.planted_shells
    assert (made.truth.verdict, made.truth.webshells, made.truth.attacker_ips) == ("breached", [], [])
    assert (shell.state, shell.requests, shell.first_use) == ("never answered", 0, None)
    logged = [row["DateTime"] for row in made.rows("HttpProxy")]
    logged += [f"{row['date']}T{row['time']}" for row in made.rows("W3SVC")]
    logged += [row.time for row in made.events()]
    assert min(logged) > shell.planted
    content = b"".join(path.read_bytes() for path in made.files())
    assert shell.url.encode() not in content


def test_host_only_leaves_no_log_of_a_web_request(simulation: Simulation) -> None:
    made = simulation("host-only", users=4)
    assert (made.truth.verdict, made.truth.visible) == ("breached", True)
    assert {path.parent.name for path in made.files()} == {"MessageTracking"}
    assert len(made.event_files()) == 5
    truth = made.truth
    assert not (truth.attacker_ips or truth.webshells or truth.mailboxes or truth.exports or truth.exploit_request_ids)
    assert truth.processes and truth.files_written


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_that_could_run_is_written(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    content = b"".join(path.read_bytes() for path in made.files()).lower()
    events = b"".join(path.read_bytes() for path in made.event_files()).decode("utf-16-le", "replace").lower()
    for construct in ("eval(", "request[", "request.", "process.", "new process", "<%", "unsafe", "execute("):
        assert construct.encode() not in content, construct
        assert construct not in events, construct
    for script in re.findall(r"<script[^>]*>(.*?)</script>", content.decode() + events):
        assert script == "[inert: removed by the simulator]"
    assert content.count(b"<script") == (1 if scenario in {"hafnium", "stolen-session", "cloud-session"} else 0)
    texts = {".aspx", ".asax", ".asmx", ".svc", ".config", ".compiled", ".htm", ".js", ".css", ".csv", ".txt", ".jsonl"}
    pictures = {".gif", ".ico", ".png"}
    assert {path.suffix.lower() for path in made.evidence.rglob("*") if path.is_file()} <= {
        ".log",
        ".evtx",
        *texts,
        *pictures,
    }
    for path in made.evidence.rglob("*"):
        if path.suffix.lower() in texts:
            page = path.read_text("utf-8").lower()
            for construct in ("eval", "execute(", "request[", "request.", "process.", "new process", "assembly.load"):
                assert construct not in page, (path, construct)
