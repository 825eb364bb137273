"""ECP Server: whatever stands in a value comes back, and is never taken for another key."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import EcpServer, identify
from brokenseal.parsers.whole_file import Reading, read_log

KEYS = (
    *("TIME", "SID", "CMD", "REQID", "URL", "REFERRER", "EX", "ACTID", "RS", "BLD", "TNAME", "TID", "USID", "EDOID"),
    "ACID",
)
SPECIAL = set("';\"<> ,")
VALUES = st.lists(
    st.one_of(
        st.text("ab.=/?&", max_size=4),
        st.sampled_from(["'", ";", '"', ",", "''", ";S:URL=", ";'S:CMD=", "S:EX=", ";S:SID=forged;", "<x>", " "]),
    ),
    max_size=5,
).map("".join)


PLAIN = st.fixed_dictionaries(dict.fromkeys(KEYS, st.text("ab.=/", max_size=4)))


def read(*data: str) -> Reading:
    lines = [f"2021-03-03T04:02:05.966Z,EX01,ECP.Request,{each}" for each in data]
    text = "\r\n".join(["#Fields: TimeStamp,ServerName,EventId,EventData", *lines, ""])
    return read_log(io.BytesIO(text.encode()), EcpServer)


def item(key: str, value: str) -> str:
    """As Exchange writes it: with special characters, the whole item in single quotes and inner ones doubled."""
    text = f"S:{key}={value}"
    return "'" + text.replace("'", "''") + "'" if SPECIAL & set(value) else text


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.one_of(PLAIN, st.fixed_dictionaries(dict.fromkeys(KEYS, VALUES))), max_size=4),
    st.one_of(st.just(KEYS), st.permutations(KEYS)),
)
def test_values_come_back_whatever_their_order(rows: list[dict[str, str]], order: Sequence[str]) -> None:
    usual = {key: "" if key == "CMD" else key.lower() for key in KEYS}
    data = [";".join(item(key, values[key]) for key in order) for values in rows]
    data.append(";".join(item(key, usual[key]) for key in KEYS))
    reading = read(*('"' + each.replace('"', '""') + '"' for each in data))
    assert not reading.rejects
    for event, values, text in zip(reading.events.to_pylist(), [*rows, usual], data, strict=True):
        assert event["EventData"] == text
        for column in EcpServer.columns[2:]:
            assert (event[column.name] or "") == values[column.name], column.name


@settings(max_examples=50, deadline=None)
@given(VALUES, st.booleans())
def test_an_open_quote_keeps_the_line_and_the_keys_before_it(value: str, in_double_quotes: bool) -> None:
    opened = "'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''" + value.replace("'", "''")
    data = f"S:TIME=1;S:SID=own;{opened};S:REQID=;S:URL=/ecp/own?msExchEcpCanary=c1;S:EX=;S:BLD=15.1.2176.2"
    reading = read('"' + data.replace('"', '""') if in_double_quotes else data)
    assert not reading.rejects
    (event,) = reading.events.to_pylist()
    assert event["EventData"] == data
    assert event["SID"] == "own"
    assert event["Cmdlet"] == "Set-OabVirtualDirectory"
    assert event["CMD"].startswith("Set-OabVirtualDirectory.ExternalUrl=''")
    assert value.replace("'", "''") in event["CMD"]


def test_a_log_without_header_is_known_by_its_rows() -> None:
    row = b"2021-03-03T04:02:05.966Z,EX01,ECP.Request,S:TIME=1;S:CMD=Get-Mailbox\r\n"
    assert identify(row, "x.txt") is EcpServer
    assert identify(b"\xef\xbb\xbf" + row, "x.txt") is EcpServer


def test_the_activity_log_is_another_log() -> None:
    head = b"#Log-type: ECP Activity Context Log\r\n#Fields: TimeStamp,ServerName,EventId,EventData\r\n"
    assert identify(head, "Logging/ECP/Server/ECPServer20210303-1.LOG") is None


def test_cmdlet_and_parameters_are_of_the_same_cmdlet() -> None:
    for command, cmdlet, parameters in [
        ("Get-Mailbox", "Get-Mailbox", None),
        ("Get-Mailbox|Set-Mailbox.Type=$null", "Get-Mailbox", None),
        ("Pipeline.1|Get-OabVirtualDirectory.Identity=x-y", "Get-OabVirtualDirectory", "Identity=x-y"),
        ("Pipeline.1", None, None),
        ("not-", None, None),
    ]:
        (event,) = read(f"S:CMD={command}").events.to_pylist()
        assert (event["Cmdlet"], event["Parameters"]) == (cmdlet, parameters)
