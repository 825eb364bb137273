from __future__ import annotations

from collections.abc import Callable
from typing import Any

Scan = Callable[[Any], dict[str, Any]]

SESSION = {
    "AnchorMailbox": "ServerInfo~a]@ex01.corp.example:444/ecp/proxyLogon.ecp?#",
    "UrlStem": "/ecp/y.js",
    "HttpStatus": 241,
}
SESSION |= {"RoutingHint": "X-BEResource-Cookie"}
CANARY = "abcDEF123.canary"


def forged(path: str, **more: Any) -> dict[str, Any]:
    return {**SESSION, "AnchorMailbox": f"ServerInfo~a]@ex01.corp.example:444{path}", "HttpStatus": 200, **more}


def test_two_intruders_on_one_server_stay_apart(logs: Any, scanned: Scan) -> None:
    logs.httpproxy("01:00:00", ClientIpAddress="203.0.113.1", **SESSION)
    logs.httpproxy("05:00:00", ClientIpAddress="203.0.113.2", **SESSION)
    found = scanned(logs)
    assert [i["source_ips"] for i in found["intrusions"]] == [["203.0.113.1"], ["203.0.113.2"]]
    assert [i["id"] for i in found["intrusions"]] == ["I1", "I2"]


def test_a_shell_that_answers_within_a_day_of_a_file_written_is_the_writers(logs: Any, scanned: Scan) -> None:
    reset = forged("/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#")
    logs.httpproxy("01:00:00", ClientIpAddress="203.0.113.1", **reset)
    logs.iis("09:00:00", "/aspnet_client/q7.aspx", 200, ip="203.0.113.2")
    [intrusion] = scanned(logs)["intrusions"]
    assert intrusion["source_ips"] == ["203.0.113.1", "203.0.113.2"]
    assert intrusion["stage"] == "shell_used"


def test_whoever_uses_the_same_shell_belongs_together(logs: Any, scanned: Scan) -> None:
    logs.iis("01:00:00", "/aspnet_client/q7.aspx", 200, ip="203.0.113.1")
    logs.iis("09:00:00", "/ASPNET_CLIENT/Q7.aspx", 200, ip="203.0.113.2")
    logs.iis("10:00:00", "/aspnet_client/other.aspx", 404, ip="203.0.113.3")
    found = scanned(logs)
    [intrusion] = found["intrusions"]
    assert intrusion["source_ips"] == ["203.0.113.1", "203.0.113.2"]
    [shell] = intrusion["webshells"]
    assert (shell["requests"], shell["state"]) == (2, "alive")


def test_behind_a_load_balancer_the_client_is_the_one_that_httpproxy_knows(logs: Any, scanned: Scan) -> None:
    request = "5a5a5a5a-0000-4000-8000-00000000beef"
    logs.httpproxy(
        "01:00:00", RequestId=request, ClientIpAddress="203.0.113.9", UrlStem="/owa/auth/q7.aspx", Protocol="Owa"
    )
    logs.iis(
        "01:00:00", "/owa/auth/q7.aspx", 200, ip="192.0.2.50", query=f"&CorrelationID=<empty>;&cafeReqId={request};"
    )
    [intrusion] = scanned(logs)["intrusions"]
    assert intrusion["source_ips"] == ["203.0.113.9"]


def test_the_control_panels_record_is_joined_by_its_canary_however_late_it_is(logs: Any, scanned: Scan) -> None:
    logs.httpproxy(
        "01:00:00",
        ClientIpAddress="203.0.113.1",
        **forged(f"/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory&msExchEcpCanary={CANARY}#"),
    )
    logs.ecp(
        "03:00:00",
        "'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/#<script'';S:URL=/ecp/DDI/DDIService.svc/SetObject"
        f"?schema=OABVirtualDirectory&msExchEcpCanary={CANARY};S:EX=;S:BLD=15.1.2106.2",
    )
    found = scanned(logs)
    assert [i["source_ips"] for i in found["intrusions"]] == [["203.0.113.1"]]
    assert {cve["id"]: cve["outcome"] for cve in found["intrusions"][0]["cves"]}["CVE-2021-27065"] == "succeeded"


def test_a_scanner_of_shell_names_is_no_intruder(logs: Any, scanned: Scan) -> None:
    for number, name in enumerate(("web", "help", "shell", "one", "OutlookEN")):
        logs.iis(f"01:00:{number:02}", f"/owa/auth/{name}.aspx", 302, ip="203.0.113.5", method="GET")
    found = scanned(logs)
    assert (found["verdict"], found["intrusions"]) == ("probed", [])


def test_a_name_that_a_scanner_finds_is_the_intrusion_it_proves(logs: Any, scanned: Scan) -> None:
    logs.iis("01:00:00", "/owa/auth/web.aspx", 302, ip="203.0.113.5", method="GET")
    logs.iis("01:00:01", "/owa/auth/help.aspx", 200, ip="203.0.113.5", method="GET")
    logs.iis("02:00:00", "/owa/auth/help.aspx", 302, ip="198.51.100.20", method="GET")
    found = scanned(logs)
    assert found["verdict"] == "breached"
    shells = {s["url"]: (s["state"], s["requests"]) for s in found["intrusions"][0]["webshells"]}
    assert shells["/owa/auth/help.aspx"] == ("removed", 1)


def test_own_pages_and_look_alikes(logs: Any, scanned: Scan) -> None:
    for number, name in enumerate(("logon", "errorFE", "OutlookCN", "RedirSuiteServiceProxy", "signout", "frowny")):
        logs.iis(f"01:00:{number:02}", f"/owa/auth/{name}.aspx", 200, ip="198.51.100.7", method="GET")
    logs.iis("01:01:00", "/ecp/auth/TimeoutLogout.aspx", 200, ip="198.51.100.7", method="GET")
    assert scanned(logs)["findings"] == []
    logs.iis("02:00:00", "/owa/auth/RedirSuiteServerProxy.aspx", 200, ip="203.0.113.5")
    assert scanned(logs)["verdict"] == "breached"


def test_what_iis_sees_yields_to_what_httpproxy_knows_of_the_same_request(logs: Any, scanned: Scan) -> None:
    request = "5a5a5a5a-0000-4000-8000-00000000beef"
    anchor = "ServerInfo~a]@ex01.corp.example:444/autodiscover/autodiscover.xml?#"
    logs.httpproxy(
        "01:00:00", RequestId=request, ClientIpAddress="203.0.113.9", UrlStem="/ecp/y.js", AnchorMailbox=anchor
    )
    logs.iis("01:00:00", "/ecp/y.js", 200, ip="203.0.113.9", query=f"&cafeReqId={request};")
    assert scanned(logs)["verdict"] == "probed"


def test_without_httpproxys_row_the_answered_post_is_an_attempt(logs: Any, scanned: Scan) -> None:
    logs.iis("01:00:00", "/ecp/y.js", 200, ip="203.0.113.9")
    assert scanned(logs)["verdict"] == "attempted"
