"""The unified audit log as CSV: both headers, and rows whose record is lost."""

from __future__ import annotations

import io
import json

import pytest

from brokenseal.parsers.unified_audit_csv import NO_RECORD, UnifiedAuditCsv
from brokenseal.parsers.whole_file import read_log

SEARCH = "CreationDate,UserIds,Operations,AuditData"
PORTAL = "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits,AssociatedAdminUnitsNames"


@pytest.mark.parametrize("header", [SEARCH, PORTAL, SEARCH.replace(",", ";"), '"AuditData","UserIds","Operations"'])
def test_headers_that_are_known(header: str) -> None:
    assert UnifiedAuditCsv.recognise_content(header + "\n")


@pytest.mark.parametrize("header", ["AuditData", "AuditData,Other", "CreationDate,UserIds,Operations", "a,b", "{}"])
def test_headers_of_something_else(header: str) -> None:
    assert not UnifiedAuditCsv.recognise_content(header + "\n")


def test_a_cell_that_a_spreadsheet_cut_leaves_what_the_other_cells_say() -> None:
    record = json.dumps({"CreationTime": "2024-05-06T07:08:09", "Operation": "Send", "Id": "1"}).replace('"', '""')
    row = f'1,2024-05-06T07:08:10.0000000Z,2,Send,anna@corp.example,"{record[:-20]}",,\n'
    reading = read_log(io.BytesIO(f"{PORTAL}\n{row}".encode()), UnifiedAuditCsv)
    (event,) = reading.events.to_pylist()
    assert (event["Operation"], event["User"], event["RecordId"]) == ("Send", "anna@corp.example", "1")
    assert event["time"].second == 10
    assert reading.warnings == {NO_RECORD: 1}
