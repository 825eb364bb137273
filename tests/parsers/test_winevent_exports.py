"""Header rows of exports, and what their columns are."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokenseal.parsers.winevent_exports import (
    EVENT_VIEWER,
    EVTXECMD,
    EXPORTS,
    GET_EVENTLOG,
    GET_WINEVENT,
    Export,
    header_of,
)


@pytest.mark.parametrize(
    ("text", "export", "dialect"),
    [
        ('"Message","Id","LogName","TimeCreated"', GET_WINEVENT, (",", True)),
        ("timecreated;id;message", GET_WINEVENT, (";", False)),
        ("TimeCreated\tId\tProviderName", GET_WINEVENT, ("\t", False)),
        ("EventID,TimeGenerated,Source,EntryType", GET_EVENTLOG, (",", False)),
        ("Keywords,Date and Time,Source,Event ID,Task Category", EVENT_VIEWER, (",", False)),
        ("TimeCreated,EventId,Channel,Payload", EVTXECMD, (",", False)),
    ],
)
def test_each_export_is_known(text: str, export: Export, dialect: tuple[str, bool]) -> None:
    header = header_of(text)
    assert header is not None
    assert (header.export, header.dialect) == (export, dialect)


@pytest.mark.parametrize(
    "text", ["", "Id", "Id,TimeCreated", '"Id,TimeCreated,Message', "a;b,c", "x" * 20_000 + ",Id,TimeCreated,Message"]
)
def test_what_is_no_header(text: str) -> None:
    assert header_of(text) is None


def test_a_name_that_comes_twice_keeps_its_place() -> None:
    header = header_of("Id,TimeCreated,Message,Id")
    assert header is not None
    assert header.names == ("id", "timecreated", "message", "id__2")
    assert header.sources()["EventID"] == ("id",)


def test_the_event_viewers_rows_have_a_message_that_its_header_does_not_name() -> None:
    header = header_of("Level,Date and Time,Source,Event ID,Task Category")
    assert header is not None
    assert header.names[-1] == "message"
    texts = header.texts(pa.table({name: pa.array(["Sysmon"]) for name in header.wanted()}))
    assert texts.column("Provider_Name").to_pylist() == ["Microsoft-Windows-Sysmon"]


def test_objects_that_powershell_could_not_write_are_no_values() -> None:
    header = header_of("Id,TimeCreated,Message,KeywordsDisplayNames")
    assert header is not None
    values = pa.array(["System.Collections.ObjectModel.ReadOnlyCollection`1[System.String]", "Audit Success"])
    table = pa.table({name: values for name in header.wanted()})
    assert header.texts(table).column("Keywords").to_pylist() == [None, "Audit Success"]


def test_every_export_says_when_and_what() -> None:
    for export in EXPORTS:
        assert {"time", "Provider_Name", "EventID", "Level"} <= set(export.columns)
