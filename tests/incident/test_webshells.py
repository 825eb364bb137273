"""Web shells with their whole life, from logs and files written by hand: file, coming, use, and what is spared."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.detections.yara_store import decode
from brokenseal.report.document import validate

SAMPLES = Path(__file__).parent.parent / "content" / "webshell_samples" / "shells.json.txt"
OWA = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth"
WWW = "C/inetpub/wwwroot"
TEMPORARY = "C/Windows/Microsoft.NET/Framework64/v4.0.30319/Temporary ASP.NET Files/owa/8f59d6e5/689c3db3"
FIELDS = "date time s-computername cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status sc-bytes"
ORDINARY = (
    b'<%@ Page Language="C#" %>\n<html><body><asp:Label runat="server" Text="Closed on Sunday" /></body></html>\n'
)


def sample(name: str) -> bytes:
    """An inert sample: a page with the shape of a shell, and with syntax that no server takes."""
    listed = json.loads(decode(SAMPLES.read_text("ascii"), name="shells"))
    (text,) = [entry["text"] for entry in listed if entry["name"] == name]
    return str(text).encode()


class Server:
    """The copy of one server's disk."""

    def __init__(self, folder: Path, host: str = "EX01") -> None:
        self.folder, self.host = folder / host, host
        self._rows: list[str] = []

    def page(self, path: str, content: bytes, when: str = "2021-03-03T02:00:00Z") -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        seconds = datetime.fromisoformat(when).astimezone(UTC).timestamp()
        os.utime(target, (seconds, seconds))

    def request(self, time: str, url: str, status: int, client: str = "203.0.113.7", size: int = 700) -> None:
        self._rows.append(f"2021-03-03 {time} {self.host} POST {url} - 443 {client} {status} {size}")

    def scanned(self, **options: Any) -> dict[str, Any]:
        rows = [*self._rows, f"2021-03-03 23:00:00 {self.host} GET /owa/ - 443 192.0.2.9 200 900"]
        log = self.folder / "C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        header = f"#Software: Microsoft Internet Information Services 10.0\n#Fields: {FIELDS}\n"
        log.write_text(header + "\n".join(rows) + "\n")
        incident = scan([self.folder.parent], **options)
        assert incident.unread == ()
        assert validate(incident.document) == []
        return dict(incident.document)


def shells_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [shell for intrusion in found["intrusions"] for shell in intrusion["webshells"]]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "evidence")


def test_a_shell_that_nobody_asked_for_is_found_by_its_content(server: Server) -> None:
    server.page(f"{OWA}/help.aspx", sample("command form"))
    found = server.scanned()
    (shell,) = shells_of(found)
    assert found["verdict"] == "breached"
    assert (shell["url"], shell["host"], shell["state"], shell["requests"]) == (
        "/owa/auth/help.aspx",
        "EX01",
        "alive",
        0,
    )
    assert shell["path"].endswith("\\owa\\auth\\help.aspx")
    assert shell["kind"] == "process started from a request"
    assert shell["reasons"]
    assert shell["planted"] == {
        "time": "2021-03-03T02:00:00.000Z",
        "from": "file time",
        "evidence": shell["evidence"][0],
    }
    assert shell["evidence"][0]["file"].endswith("help.aspx")
    assert shell["sha256"] == shell["evidence"][0]["sha256"]


def test_requests_to_a_shell_in_any_place_are_its_use(server: Server) -> None:
    """Pages in the root of a site are not looked for by their requests alone."""
    server.page(f"{WWW}/shop.aspx", sample("command form"))
    server.request("02:10:00", "/SHOP.aspx", 200, "203.0.113.7")
    server.request("02:11:00", "/shop.aspx", 200, "203.0.113.8", 1300)
    server.request("02:12:00", "/shop.aspx", 500, "203.0.113.8")
    server.request("02:12:00", "/other.aspx", 200, "192.0.2.30")
    (shell,) = shells_of(server.scanned())
    assert (shell["first_used"], shell["last_used"]) == ("2021-03-03T02:10:00.000Z", "2021-03-03T02:11:00.000Z")
    assert (shell["requests"], shell["bytes_out"]) == (2, 2000)
    assert shell["source_ips"] == ["203.0.113.7", "203.0.113.8"]


def test_the_same_page_on_another_server_is_not_used_by_these_requests(tmp_path: Path) -> None:
    first, second = Server(tmp_path / "evidence", "EX01"), Server(tmp_path / "evidence", "EX02")
    first.page(f"{WWW}/shop.aspx", sample("command form"))
    second.request("02:10:00", "/shop.aspx", 200)
    second.scanned()
    (shell,) = shells_of(first.scanned())
    assert (shell["host"], shell["requests"]) == ("EX01", 0)


def test_a_page_of_ones_own_is_spared_when_it_is_at_hand(server: Server) -> None:
    server.page("C/inetpub/wwwroot/aspnet_client/closed.aspx", ORDINARY)
    server.request("02:10:00", "/aspnet_client/closed.aspx", 200)
    found = server.scanned()
    assert (found["verdict"], found["findings"]) == ("cannot_tell", [])


def test_it_is_not_spared_when_it_was_changed_after_the_request(server: Server) -> None:
    server.page("C/inetpub/wwwroot/aspnet_client/closed.aspx", ORDINARY, "2021-03-03T12:00:00Z")
    server.request("02:10:00", "/aspnet_client/closed.aspx", 200)
    found = server.scanned()
    assert found["verdict"] == "breached"
    (shell,) = shells_of(found)
    assert (shell["requests"], shell["kind"], shell["state"]) == (1, None, "alive")


def record(page: str) -> bytes:
    return f'<?xml version="1.0"?><preserve resultType="3" virtualPath="{page}" assembly="App_Web_q7" />'.encode()


def test_a_deleted_page_is_known_by_what_was_made_of_it(server: Server) -> None:
    server.page(f"{OWA}/logon.aspx", ORDINARY)
    server.page(f"{TEMPORARY}/logon.aspx.cdcab7d2.compiled", record("/owa/auth/logon.aspx"))
    server.page(f"{TEMPORARY}/q7.aspx.cdcab7d2.compiled", record("/owa/auth/q7.aspx"))
    found = server.scanned()
    (shell,) = shells_of(found)
    assert (shell["url"], shell["state"], shell["sha256"]) == ("/owa/auth/q7.aspx", "removed", None)
    assert found["verdict"] == "breached"


def test_an_ordinary_page_that_was_compiled_says_nothing(server: Server) -> None:
    server.page(f"{OWA}/closed.aspx", ORDINARY)
    server.page(f"{TEMPORARY}/closed.aspx.cdcab7d2.compiled", record("/owa/auth/closed.aspx"))
    assert server.scanned()["findings"] == []


HEAD = (
    "EntryNumber,SequenceNumber,InUse,ParentPath,FileName,Extension,FileSize,IsDirectory,SI<FN,uSecZeros,"
    "Created0x10,Created0x30,LastModified0x10,LastModified0x30"
)


def listing(server: Server, *rows: str) -> None:
    server.folder.mkdir(parents=True, exist_ok=True)
    (server.folder / "mft.csv").write_text("\n".join([HEAD, *rows]) + "\n")


def test_the_file_systems_own_record_outweighs_the_time_that_a_file_claims(server: Server) -> None:
    server.page(f"{WWW}/aspnet_client/help.aspx", sample("command form"), "2016-07-16T13:19:00Z")
    listing(
        server,
        "88,2,True,.\\inetpub\\wwwroot\\aspnet_client,help.aspx,.aspx,900,False,True,True,"
        "2016-07-16 13:19:00.0000000,2021-03-03 02:04:05.1230000,2016-07-16 13:19:00.0000000,2021-03-03 02:04:05.1230000",
    )
    found = server.scanned()
    (shell,) = shells_of(found)
    assert (shell["planted"]["time"], shell["planted"]["from"]) == ("2021-03-03T02:04:05.123Z", "$MFT")
    assert shell["times_set_back"] is True
    assert found["intrusions"][0]["first_seen"] == "2021-03-03T02:04:05.123Z"


def test_a_name_alone_never_proves(server: Server) -> None:
    row = "2021-03-03 02:04:05.1230000"
    listing(
        server,
        f"88,2,True,.\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth,OutlookZH.aspx,.aspx,"
        f"9,False,False,False,{row},{row},{row},{row}",
    )
    found = server.scanned()
    assert found["verdict"] == "cannot_tell"
    (finding,) = found["findings"]
    assert (finding["outcome"], finding["level"]) == ("observed", "medium")
    assert shells_of(found) == []


def test_a_deleted_page_of_the_listing_that_was_used_is_one_shell(server: Server) -> None:
    row = "2021-03-03 02:04:05.1230000"
    listing(
        server,
        f"88,3,False,.\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth,q7.aspx,.aspx,912,"
        f"False,False,False,{row},{row},{row},{row}",
    )
    server.request("02:10:00", "/owa/auth/q7.aspx", 200)
    (shell,) = shells_of(server.scanned())
    assert (shell["state"], shell["size"], shell["requests"]) == ("removed", 912, 1)
    assert shell["planted"]["from"] == "$MFT"
    assert shell["path"].endswith("\\owa\\auth\\q7.aspx")


def test_files_that_came_later_than_what_was_asked_for_do_not_count(server: Server) -> None:
    server.page(f"{OWA}/help.aspx", sample("command form"))
    assert server.scanned(until=datetime(2021, 3, 1, tzinfo=UTC))["verdict"] != "breached"
    assert server.scanned(since=datetime(2021, 3, 3, 12, tzinfo=UTC))["verdict"] == "breached"


def test_the_users_yara_rules_name_what_they_find(server: Server, tmp_path: Path) -> None:
    server.page(f"{WWW}/notes.txt", b"the word is walrus")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "one.yar").write_text('rule walrus { meta: score = 80 strings: $a = "walrus" condition: $a }')
    found = server.scanned(yara=[rules])
    (shell,) = shells_of(found)
    assert any("walrus" in reason for reason in shell["reasons"])
    assert server.scanned()["findings"] == []


def test_names_of_files_are_an_attackers_text(server: Server) -> None:
    server.page(f"{OWA}/a'); DROP TABLE matches;--\x1b[2J.aspx", sample("command form"))
    (shell,) = shells_of(server.scanned())
    assert shell["state"] == "alive"
