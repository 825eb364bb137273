from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


_CAFE_REQUEST = re.compile(r"&CorrelationID=<empty>;&cafeReqId=([0-9a-f-]{36});$")


@pytest.mark.parametrize("server", ["EX01", "EX02"])
def test_front_end_rows_join_one_to_one_with_httpproxy_rows(simulation: Simulation, server: str) -> None:
    made = simulation("hafnium", servers=2)
    proxy = {row["RequestId"]: row for row in made.rows("HttpProxy", server)}
    front = {}
    for row in made.rows("W3SVC1", server):
        if match := _CAFE_REQUEST.search(row["cs-uri-query"]):
            front[match[1]] = row
        else:
            # Outside Exchange's own folders IIS answers alone.
            assert row["sc-status"] == "404"
    assert front.keys() == proxy.keys()
    for request_id, row in front.items():
        other = proxy[request_id]
        assert other["DateTime"][:19] == f"{row['date']}T{row['time']}"
        assert (other["UrlStem"], other["HttpStatus"]) == (row["cs-uri-stem"], row["sc-status"])
        assert other["ClientIpAddress"] == row["c-ip"]
        assert other["GenericInfo"].count("RequestId") == 0


def test_back_end_rows_are_on_port_444_and_front_end_rows_on_443(simulation: Simulation) -> None:
    made = simulation("hafnium")
    assert {row["s-port"] for row in made.rows("W3SVC1")} == {"443"}
    assert {row["s-port"] for row in made.rows("W3SVC2")} == {"444"}


def test_ews_and_mapi_rows_carry_the_request_id_of_the_front_end(simulation: Simulation) -> None:
    made = simulation("quiet", users=4, days=5)
    proxy = {row["RequestId"]: row for row in made.rows("HttpProxy")}
    users = 0
    for part, address in (("Logging/Ews", "ClientIpAddress"), ("MapiHttp", "ClientIP")):
        for row in made.rows(part):
            if row[address] == "::1":
                continue
            users += 1
            assert proxy[row["RequestId"]]["ClientIpAddress"] == row[address]
            assert proxy[row["RequestId"]]["DateTime"] >= row["DateTime"]
    assert users


def test_request_for_a_mailbox_on_another_server_hops_there(simulation: Simulation) -> None:
    made = simulation("quiet", servers=2, users=4, days=3)
    hops = [row for row in made.rows("HttpProxy", "EX01") if row["TargetServer"] == "ex02.corp.example"]
    assert hops
    beyond = {row["c-ip"] for row in made.rows("W3SVC2", "EX02")}
    assert "192.0.2.10" in beyond


def test_ordinary_noise_is_there(simulation: Simulation) -> None:
    made = simulation("quiet", users=4, days=5)
    anchors = {row["AnchorMailbox"] for row in made.rows("HttpProxy")}
    assert "ServerVersion~Version 15.0 (Build 0.0)" in anchors
    assert {row["UserAgent"] for row in made.rows("HttpProxy/Ecp")} >= {"Mozilla/5.0 zgrab/0.x"}
    assert any(row["UrlStem"] == "/rpc/" and row["HttpStatus"] == "401" for row in made.rows("HttpProxy/RpcHttp"))
    agents = {row["cs(User-Agent)"] for row in made.rows("W3SVC")}
    assert "AMProbe/Local/ClientAccess" in agents
    assert any(agent.startswith("Ews_AM_Probe/Local+(") for agent in agents)
    assert {row["ClientApplication"] for row in made.rows("Powershell-Proxy")} >= {"ActiveMonitor"}
    stems = {row["cs-uri-stem"] for row in made.rows("W3SVC1")}
    assert {"/owa/auth/logon.aspx", "/owa/auth.owa", "/owa/service.svc", "/EWS/Exchange.asmx"} <= stems
    assert {"/Microsoft-Server-ActiveSync/default.eas", "/mapi/emsmdb/", "/autodiscover/autodiscover.xml"} <= stems


def test_logs_have_rows_in_every_hour_of_the_night(simulation: Simulation) -> None:
    made = simulation("quiet")
    hours = {row["time"][:2] for row in made.rows("W3SVC1/u_ex210228")}
    assert len(hours) == 24
    for part in ("ECP/Server", "Logging/Ews", "MapiHttp"):
        assert len({next(iter(row.values()))[:13] for row in made.rows(part)}) == 48


def test_administrators_own_address_is_set_in_the_control_panel_without_script(simulation: Simulation) -> None:
    made = simulation("quiet")
    events = [row["EventData"] for row in made.rows("ECP/Server") if "Set-OabVirtualDirectory" in row["EventData"]]
    assert len(events) == 1
    assert "S:CMD=Set-OabVirtualDirectory.ExternalUrl=''https://mail.corp.example/OAB''.Identity=''" in events[0]
    assert "/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory" in events[0]
    downloads = [row["Message"] for row in made.rows("OABGeneratorLog") if "Download failed" in row["Message"]]
    assert downloads
    assert all("'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\ClientAccess\\OAB\\Temp\\" in m for m in downloads)
