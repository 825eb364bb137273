"""Log sources and field names, as the contract between rules and tables has them."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from brokenseal.detections.taxonomy import FieldType, event_kind, kinds_of_logsource, request_id_sql, source_ip_sql
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers import tables
from brokenseal.parsers.base import parser_of_table


@pytest.mark.parametrize(
    ("category", "product", "service", "expected"),
    [
        ("webserver", None, None, ("iis",)),
        ("webserver", "windows", None, ("iis",)),
        ("webserver", None, "iis", ("iis",)),
        ("Webserver", "IIS", None, ("iis",)),
        (None, "windows", "iis", ("iis",)),
        (None, "exchange", "httpproxy", ("httpproxy",)),
        (None, "exchange", "ecp-server", ("ecp_server",)),
        (None, "exchange", "oab-generator", ("oab_generator",)),
        (None, "exchange", "ews", ("ews",)),
        (None, "exchange", "mapi", ("mapi",)),
        (None, "exchange", "cmdlet", ("cmdlet", "windows_event:exchange-cmdlet")),
        (None, "exchange", "message-tracking", ("message_tracking",)),
        (None, "exchange", None, ()),
        (None, "windows", "iis-configuration", ("windows_event:iis-configuration",)),
        (None, "windows", "security", ("windows_event:security",)),
        (None, "Windows", "Security", ("windows_event:security",)),
        (None, "windows", None, ("windows_event:all",)),
        ("process_creation", "windows", None, ("windows_event:process_creation",)),
        ("process_creation", None, None, ("windows_event:process_creation",)),
        ("process_creation", "windows", "sysmon", ("windows_event:process_creation+sysmon",)),
        ("process_creation", "linux", None, ()),
        ("process_creation", "windows", "no-such-log", ()),
        ("file_access", "windows", None, ()),
        (None, None, "security", ()),
        ("process_creation", "exchange", None, ()),
        ("webserver", None, "nginx", ()),
        (None, None, None, ()),
    ],
)
def test_log_sources(category: str | None, product: str | None, service: str | None, expected: tuple[str, ...]) -> None:
    assert kinds_of_logsource(category, product, service) == expected


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cs-uri-stem", "cs-uri-stem"),
        ("CS-URI-STEM", "cs-uri-stem"),
        ("cs_uri_stem", "cs-uri-stem"),
        ("cs(User-Agent)", "cs-user-agent"),
        ("c-useragent", "cs-user-agent"),
        ("cs-referrer", "cs-referer"),
        ("cs(Referer)", "cs-referer"),
        ("c-ip", "c-ip"),
        ("src_ip", "c-ip"),
        ("clientip", "c-ip"),
        ("cs-uri-query", "cs-uri"),
        ("c-uri", "cs-uri"),
        ("query-only", "cs-uri-query"),
        ("sc-status", "sc-status"),
        ("s-port", "s-port"),
    ],
)
def test_names_of_web_fields(name: str, meant: str) -> None:
    field = event_kind("iis").field(name)
    assert field is not None
    assert field.name == meant


def test_names_of_exchange_fields() -> None:
    proxy = event_kind("httpproxy")
    for name in ("AnchorMailbox", "anchormailbox", "ANCHORMAILBOX"):
        field = proxy.field(name)
        assert field is not None
        assert field.name == "AnchorMailbox"
    assert proxy.field("src_ip") == proxy.field("ClientIpAddress")
    assert proxy.field("cs-uri-stem") is None
    tracking = event_kind("message_tracking")
    assert tracking.field("client_ip") == tracking.field("client-ip")


def test_every_column_of_every_table_is_a_field_of_its_type() -> None:
    for name in tables():
        kind = event_kind(name)
        for column in parser_of_table(name).schema():
            if column.name in ("source_id", "line", "offset") or (name, column.name) == ("iis", "cs-uri-query"):
                continue
            field = kind.field(column.name)
            assert field is not None, (name, column.name)
            expected = FieldType.INTEGER if pa.types.is_integer(column.type) else FieldType.TEXT
            assert field.type is (FieldType.TIME if column.name == "time" else expected)


def test_the_server_is_a_field_of_every_table() -> None:
    for name in tables():
        host = event_kind(name).field("host")
        assert host is not None
        assert host.columns == ("host",)


@pytest.mark.parametrize("name", ["iis", "httpproxy", "ews", "mapi"])
def test_the_shared_request_id_is_a_field_but_no_text_of_the_line(name: str) -> None:
    field = event_kind(name).field("request_id")
    assert field is not None
    assert field.sql == request_id_sql(name)
    assert not field.in_line
    assert not field.searched


def test_no_request_id_where_a_log_shares_none() -> None:
    assert event_kind("oab_generator").field("request-id") is None


def test_a_table_nobody_makes() -> None:
    with pytest.raises(KeyError):
        event_kind("security")


def test_request_and_client_of_each_kind(engine: DuckEngine, table_of: Callable[..., pa.Table]) -> None:
    guid = "1A51FB75-0000-4000-8000-00000000abcd"
    rows: dict[str, tuple[dict[str, object], str | None, str | None]] = {
        "iis": (
            {"c-ip": "192.0.2.1", "cs-uri-query": f"a=1&CorrelationID=<empty>;&cafeReqId={guid};"},
            "192.0.2.1",
            guid.lower(),
        ),
        "httpproxy": ({"ClientIpAddress": "192.0.2.2", "RequestId": guid}, "192.0.2.2", guid.lower()),
        "ews": ({"ClientIpAddress": "::1", "RequestId": guid}, "::1", guid.lower()),
        "mapi": ({"ClientIP": "192.0.2.3", "RequestId": guid}, "192.0.2.3", guid.lower()),
        "message_tracking": ({"original-client-ip": "192.0.2.4", "client-ip": "192.0.2.9"}, "192.0.2.4", None),
        "cmdlet": ({"RequestId": guid}, None, guid.lower()),
        "oab_generator": ({"Message": guid}, None, None),
    }
    for kind, (row, address, request) in rows.items():
        engine.register("one", table_of(kind, [row, {}]))
        found = engine.query(f"SELECT {source_ip_sql(kind)} AS ip, {request_id_sql(kind)} AS id FROM one ORDER BY line")
        assert found.to_pylist() == [{"ip": address, "id": request}, {"ip": None, "id": None}]
