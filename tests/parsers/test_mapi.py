"""MAPI over HTTP: known by its fields; the line names no server."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers import Mapi, identify
from brokenseal.parsers.whole_file import read_log

FIELDS = (
    "DateTime,RequestId,MapiRequestId,RequestType,HttpStatusCode,MailboxId,ActAsUserEmail,ClientIP,RopIds,GenericErrors"
)
ROW = "2025-07-01T07:00:00.130Z,8f3c,R:1,Execute,200,f26bc937@corp.example,anna@corp.example,198.51.100.23,[QueryRows]"


@pytest.mark.parametrize("head", [f"#Fields: {FIELDS}\r\n", f"{FIELDS}\r\n", "#Log-type: MapiHttp Logs\r\n"])
def test_it_is_known_by_its_content(head: str) -> None:
    assert identify(head.encode(), "x.txt") is Mapi


@pytest.mark.parametrize("errors", ["", '"a, ""b"""', "a, b", '"a, b', 'say "x"'])
def test_the_mailbox_does_not_hang_on_the_errors(errors: str) -> None:
    text = f"#Version: 15.02.2562.017\r\n#Fields: {FIELDS}\r\n{ROW},{errors}\r\n"
    (event,) = read_log(io.BytesIO(text.encode()), Mapi).events.to_pylist()
    assert (event["MailboxId"], event["ActAsUserEmail"]) == ("f26bc937@corp.example", "anna@corp.example")
    assert event["RopIds"] in ("[QueryRows]", "[QueryRows],a")
    assert event["host"] is None
    assert event["Build"] == "15.2.2562.17"
