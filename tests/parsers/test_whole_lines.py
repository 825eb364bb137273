"""Lines taken apart by regular expressions."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest

from brokenseal.parsers import EcpServer, OabGenerator, Parser
from brokenseal.parsers.whole_file import read_log
from brokenseal.parsers.whole_lines import group, groups


def test_groups_are_null_where_nothing_is_found() -> None:
    values = pa.chunked_array([["a=1", "b", None], [""], ["x=", "=y"]])
    found = groups(values, r"(?P<key>\w*)=(?P<value>\w*)")
    assert found["key"].to_pylist() == ["a", None, None, None, "x", None]
    assert found["value"].to_pylist() == ["1", None, None, None, None, "y"]
    assert group(values, r"^(?P<first>\w)").to_pylist() == ["a", "b", None, None, "x", None]
    assert groups(pa.chunked_array([], pa.string()), "(?P<a>x)")["a"].to_pylist() == []


@pytest.mark.parametrize(
    ("parser", "header"),
    [(EcpServer, "#Fields: TimeStamp,ServerName,EventId,EventData"), (OabGenerator, "#Fields: a,b")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_of_every_ending_are_whole(parser: type[Parser], header: str, end: str, last: bool) -> None:
    rows = [f"2021-03-03T05:00:0{at}.000Z,EX01,ECP.Request,S:CMD=Get-A{at}" for at in range(3)]
    text = end.join([header, rows[0], "", "#Date: 2021-03-03", *rows[1:]]) + (end if last else "")
    reading = read_log(io.BytesIO(text.encode()), parser)
    name = "CMD" if parser is EcpServer else "Message"
    assert reading.events[name].to_pylist() == (["Get-A0", "Get-A1", "Get-A2"] if parser is EcpServer else rows)
    assert reading.events["line"].to_pylist() == [2, 5, 6]
    assert not reading.rejects
