"""Dates of exported audit records: what one row tells of day and month holds for the file."""

from __future__ import annotations

import io
import json

import pytest

from brokenseal.parsers.listing_times import DAY_FIRST, MONTH_FIRST, NO_ZONE
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.unified_audit_csv import NO_RECORD, UnifiedAuditCsv
from brokenseal.parsers.whole_file import Reading, read_log


def mailbox_log(*dates: str, block_bytes: int | None = None) -> Reading:
    rows = "".join(f"FolderBind,anna@corp.example,{date}\n" for date in dates)
    text = "Operation,MailboxOwnerUPN,LastAccessed\n" + rows
    return read_log(io.BytesIO(text.encode()), MailboxAuditCsv, block_bytes=block_bytes)


def times(reading: Reading) -> list[str]:
    return [f"{time:%Y-%m-%d %H:%M:%S}" for time in reading.events["time"].to_pylist()]


@pytest.mark.parametrize("block_bytes", [1, 40, None])
def test_a_later_row_tells_what_comes_first(block_bytes: int | None) -> None:
    day_first = mailbox_log("03/04/2021 05:06:07", "13/04/2021 05:06:07", block_bytes=block_bytes)
    assert times(day_first) == ["2021-04-03 05:06:07", "2021-04-13 05:06:07"]
    assert day_first.warnings == {NO_ZONE: 2}
    month_first = mailbox_log("3/4/2021 5:06:07 PM", "4/13/2021 5:06:07 AM", block_bytes=block_bytes)
    assert times(month_first) == ["2021-03-04 17:06:07", "2021-04-13 05:06:07"]


def test_what_is_not_told_is_said() -> None:
    assert mailbox_log("3/4/2021 5:06:07 AM").warnings == {NO_ZONE: 1, MONTH_FIRST: 1}
    assert mailbox_log("03.04.2021 05:06:07").warnings == {NO_ZONE: 1, DAY_FIRST: 1}
    told = mailbox_log("2021-04-03T05:06:07Z")
    assert (times(told), told.warnings) == (["2021-04-03 05:06:07"], {})


def test_a_record_with_a_time_of_its_own_tells_it_too() -> None:
    record = json.dumps({"CreationTime": "2024-05-06T07:08:09", "Operation": "Send"}).replace('"', '""')
    text = f'CreationDate,Operations,AuditData\n07/06/2024 01:00:00,Send,\n06/05/2024 07:08:09,Send,"{record}"\n'
    reading = read_log(io.BytesIO(text.encode()), UnifiedAuditCsv, block_bytes=10)
    assert times(reading) == ["2024-06-07 01:00:00", "2024-05-06 07:08:09"]
    assert reading.warnings == {NO_RECORD: 1}
