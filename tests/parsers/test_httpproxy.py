"""HttpProxy: rows with commas that nobody quoted never move a value into another column, and headerless files."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import HttpProxy, identify
from brokenseal.parsers.whole_file import Reading, read_log

FIELDS = HttpProxy.known_layouts[0]
ROW = {
    "DateTime": "2021-03-03T07:00:00.130Z",
    "RequestId": "5e58f5e5-1ddc-48d3-82c6-0199bc121640",
    "MajorVersion": "15",
    "MinorVersion": "1",
    "BuildVersion": "2375",
    "RevisionVersion": "7",
    "ClientRequestId": "R:1",
    "Protocol": "Owa",
    "UrlHost": "mail.corp.example",
    "UrlStem": "/owa/auth/x.js",
    "AuthenticationType": "FBA",
    "IsAuthenticated": "false",
    "AnchorMailbox": "ServerInfo~localhost/ecp/default.flt?",
    "UserAgent": "Mozilla/5.0",
    "ClientIpAddress": "203.0.113.7",
    "ServerHostName": "EX01",
    "HttpStatus": "500",
    "BackEndStatus": "500",
    "Method": "GET",
    "ProxyAction": "Proxy",
    "TargetServer": "localhost",
    "TargetServerVersion": "0.00.0003.000",
    "RoutingType": "CrossRegion",
    "RoutingHint": "X-AnonResource-Backend-Cookie",
    "RequestBytes": "0",
    "ResponseBytes": "85",
    "TotalRequestTime": "12",
    "GenericInfo": "BeginRequest=2021-03-03T07:00:00.118Z;ProxyToDownLevel=True;",
    "RoutingStatus": "CafeV1",
}
#: Columns that may hold any text; the others have a form that no comma fits.
FREE = (
    *("ClientRequestId", "UrlHost", "UrlStem", "ProtocolAction", "AuthenticatedUser", "Organization", "AnchorMailbox"),
    *("UserAgent", "ErrorCode", "ProxyAction", "TargetServer", "RoutingHint", "BackEndCookie", "UrlQuery"),
    *("BackEndGenericInfo", "GenericInfo", "GenericErrors", "DatabaseGuid"),
)
STARTS = {"UrlStem": "/", "UrlQuery": "?", "AnchorMailbox": "ServerInfo~", "GenericInfo": "BeginRequest="}


def read(row: dict[str, str]) -> Reading:
    lines = [
        "#Fields: " + ",".join(FIELDS),
        ",".join(row.get(name, "") for name in FIELDS),
        ",".join(ROW.get(name, "") for name in FIELDS),
    ]
    return read_log(io.BytesIO("\r\n".join(lines).encode() + b"\r\n"), HttpProxy)


def shown(value: Any) -> str:
    return "" if value is None else str(value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FREE), st.lists(st.text("ab=1~/? ;", max_size=4), min_size=2, max_size=5))
def test_a_value_is_never_moved_by_commas_in_another(field: str, parts: list[str]) -> None:
    value = STARTS.get(field, "") + ",".join(parts)
    row = {**ROW, field: value}
    reading = read(row)

    assert not reading.rejects
    event, untouched = reading.events.to_pylist()
    for column in HttpProxy.columns:
        true = row.get(column.name, "")
        assert shown(event[column.name]) in (true, true.split(",")[0], "")
        assert shown(untouched[column.name]) == ROW.get(column.name, "")
    # What stands far enough from free text is never given up.
    for certain in ("RequestId", "HttpStatus", "ClientIpAddress", "ServerHostName"):
        assert shown(event[certain]) == ROW[certain]
    if field != "UserAgent":
        assert event["AnchorMailbox"] is None or row["AnchorMailbox"].startswith(event["AnchorMailbox"])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FREE), st.text('ab"', min_size=1, max_size=6))
def test_quotes_in_a_value_do_not_reach_the_next_row(field: str, value: str) -> None:
    row = {**ROW, field: STARTS.get(field, "") + value}
    reading = read(row)
    assert not reading.rejects
    event, untouched = reading.events.to_pylist()
    assert untouched["AnchorMailbox"] == ROW["AnchorMailbox"]
    assert untouched["HttpStatus"] == 500
    assert event["RequestId"] == ROW["RequestId"]
    if FIELDS.index(field) > FIELDS.index("AnchorMailbox"):
        assert event["AnchorMailbox"] == ROW["AnchorMailbox"]


def test_rows_without_a_header_are_read_in_both_known_layouts() -> None:
    for layout in HttpProxy.known_layouts:
        row = ",".join({**ROW, "RequestId": "5e58f5e51ddc48d382c60199bc121640"}.get(name, "") for name in layout)
        head = f"the rest of a row,200\r\n{row}\r\n".encode()
        assert identify(head, "x.txt") is HttpProxy
        reading = read_log(io.BytesIO(head), HttpProxy)
        assert reading.events["AnchorMailbox"].to_pylist() == [ROW["AnchorMailbox"]]
        assert reading.events["HttpStatus"].to_pylist() == [500]
        assert [each.line for each in reading.rejects] == [1]


@pytest.mark.parametrize(
    "change",
    [{"RequestId": "x"}, {"DateTime": "03.03.2021"}, {"UrlStem": "owa"}, {"HttpStatus": "OK"}, {"MajorVersion": "v15"}],
)
def test_a_row_without_a_header_that_is_not_beyond_doubt_is_not_taken(change: dict[str, str]) -> None:
    row = ",".join({**ROW, **change}.get(name, "") for name in FIELDS)
    assert identify(row.encode(), "x.txt") is None
    reading = read_log(io.BytesIO(row.encode() + b"\n"), HttpProxy)
    assert not reading.events.num_rows
    assert [each.reason for each in reading.rejects] == [
        "no #Fields header before this row, and its layout is not known"
    ]


def test_every_column_of_the_table_is_a_field_of_the_log() -> None:
    assert {column.name for column in HttpProxy.columns} <= set(FIELDS)
    assert len(FIELDS) == 74
