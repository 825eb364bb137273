"""Two copies of one log, and two logs of one request."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan

Make = Callable[..., tuple[Path, dict[str, Any]]]
Scan = Callable[[Any], dict[str, Any]]


def test_an_earlier_copy_of_the_same_logs_changes_no_number(simulated: Make, tmp_path: Path) -> None:
    evidence, truth = simulated("hafnium")
    shutil.copytree(evidence, tmp_path / "night")
    for path in (tmp_path / "night").rglob("*"):
        if path.is_file():
            noon = tmp_path / "noon" / path.relative_to(tmp_path / "night")
            noon.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            # An earlier copy of an event log has fewer chunks.
            whole = len(content) - (1 << 16) if path.suffix == ".evtx" and len(content) > 1 << 17 else len(content)
            text = content.rsplit(b"\n", 2)[0] + b"\n"
            noon.write_bytes(content[:whole] if path.suffix == ".evtx" else text)
    found = scan([tmp_path / "night", tmp_path / "noon"]).document
    mailboxes = found["mailboxes"]
    assert isinstance(mailboxes, list)
    assert {(m["mailbox"], m["requests"], m["items_at_least"], m["bytes_at_least"]) for m in mailboxes} == {
        *((m["mailbox"], m["requests"], m["items"], m["bytes"]) for m in truth["mailboxes"]),
        *((export["mailbox"], 1, 0, 0) for export in truth["exports"]),
    }


def test_the_same_line_twice_in_one_file_is_two_requests(logs: Any, scanned: Scan) -> None:
    for _ in range(2):
        logs.iis("01:00:00", "/aspnet_client/q7.aspx", 200, ip="203.0.113.1")
    [shell] = scanned(logs)["intrusions"][0]["webshells"]
    assert shell["requests"] == 2


def test_five_answered_posts_make_a_break_in_only_on_one_server(logs: Any, scanned: Scan) -> None:
    for second in range(5):
        logs.iis(f"01:00:{second:02}", "/owa/auth/x.js", 200, ip="203.0.113.9")
    assert scanned(logs)["verdict"] == "breached"
    folder = logs.folder.parent / "servers"
    header, *rows = (logs.folder / "u_ex210303.log").read_text("utf-8").split("#Fields", 1)
    fields, *posts = rows[0].splitlines()
    for number, post in enumerate(posts):
        (folder / f"EX0{number}").mkdir(parents=True)
        (folder / f"EX0{number}" / "u_ex210303.log").write_text(f"{header}#Fields{fields}\n{post}\n", "utf-8")
    hosts = {f"EX0{number}": folder / f"EX0{number}" for number in range(5)}
    assert scan([folder], hosts=hosts).verdict == "attempted"


EWS = "DateTime,RequestId,ServerHostName,AuthenticatedUser,SoapAction,HttpStatus,ErrorCode,ActAsUser,LocalIdCount"
ANCHOR = "ServerInfo~a]@ex01.corp.example:444/EWS/Exchange.asmx?#"
REQUEST = "5a5a5a5a-0000-4000-8000-00000000beef"


def ews_log(folder: Path, row: str) -> None:
    folder.mkdir(exist_ok=True)
    text = f"#Software: Microsoft Exchange Server\n#Log-type: EWS Logs\n#Fields: {EWS}\n{row}\n"
    (folder / "Ews_2021030301-1.LOG").write_text(text, "utf-8")


def asked(logs: Any, request: str = REQUEST) -> None:
    logs.httpproxy(
        "01:00:00", RequestId=request, ClientIpAddress="203.0.113.9", UrlStem="/ecp/y.js", AnchorMailbox=ANCHOR,
        ResponseBytes=5000,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict", "mailboxes"),
    [
        (f"{REQUEST},EX01,CORP\\EX01$,GetItem,200,,v@corp.example,25", "mail_read", [("v@corp.example", 25, 5000)]),
        (
            f"{{{REQUEST.upper()}}},EX01,CORP\\EX01$,GetItem,200,,v@corp.example,25",
            "mail_read",
            [("v@corp.example", 25, 5000)],
        ),
        (f"{REQUEST},EX01,CORP\\EX01$,GetItem,500,ErrorAccessDenied,v@corp.example,25", "attempted", []),
        (
            f"{REQUEST},EX01,CORP\\EX01$,GetItem,200,ErrorItemNotFound,v@corp.example,25",
            "mail_read",
            [("v@corp.example", 0, 5000)],
        ),
        (f"{REQUEST},EX01,CORP\\EX01$,FindItem,200,,v@corp.example,1", "mail_read", [("v@corp.example", 0, 5000)]),
        (",EX01,CORP\\EX01$,GetItem,200,,v@corp.example,25", "mail_read", [("v@corp.example", 25, 5000)]),
        (",EX02,CORP\\EX03$,GetItem,200,,innocent@corp.example,25", "mail_read", [(None, 0, 5000)]),
        (",EX01,CORP\\EX03$,GetUserAvailabilityRequest,200,,innocent@corp.example,25", "mail_read", [(None, 0, 5000)]),
    ],
    ids=["same id", "id in braces", "refused", "item error", "list only", "by time", "other server", "free and busy"],
)
def test_what_the_back_end_says_of_a_forged_request(
    logs: Any, scanned: Scan, row: str, verdict: str, mailboxes: list[tuple[str | None, int, int]]
) -> None:
    asked(logs)
    ews_log(logs.folder, f"2021-03-03T01:00:00.100Z,{row}")
    found = scanned(logs)
    assert found["verdict"] == verdict
    assert [(m["mailbox"], m["items_at_least"], m["bytes_at_least"]) for m in found["mailboxes"]] == mailboxes


def test_without_httpproxy_the_back_end_still_names_the_mailbox(logs: Any, scanned: Scan) -> None:
    logs.iis("01:00:00", "/owa/auth/x.js", 200, ip="203.0.113.9", query=f"&cafeReqId={REQUEST};")
    ews_log(logs.folder, f"2021-03-03T01:00:00.100Z,{REQUEST},EX01,CORP\\EX01$,GetItem,200,,v@corp.example,25")
    found = scanned(logs)
    [mailbox] = found["mailboxes"]
    assert (found["verdict"], mailbox["mailbox"], mailbox["items_at_least"]) == ("mail_read", "v@corp.example", 25)
    assert not mailbox["complete"]


def test_a_server_error_does_not_say_that_a_shell_is_gone(logs: Any, scanned: Scan) -> None:
    logs.iis("01:00:00", "/aspnet_client/q7.aspx", 200, ip="203.0.113.1")
    logs.iis("02:00:00", "/aspnet_client/q7.aspx", 503, ip="203.0.113.1")
    [shell] = scanned(logs)["intrusions"][0]["webshells"]
    assert shell["state"] == "alive"
