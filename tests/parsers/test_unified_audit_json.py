"""The unified audit log as JSON: every shape in which records come, each judged by its own keys."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.json_records import CUT_OFF, NOT_AN_OBJECT
from brokenseal.parsers.unified_audit_json import MENDED, NO_AUDIT, NO_TIME, UnifiedAuditJson
from brokenseal.parsers.whole_file import Reading, read_log

RECORD: dict[str, Any] = {
    "CreationTime": "2024-05-06T07:08:09",
    "Id": "1",
    "Operation": "Send",
    "RecordType": 2,
    "Workload": "Exchange",
}
SHAPES: list[object] = [
    RECORD,
    {"AuditData": RECORD},
    {"AuditData": json.dumps(RECORD), "UserIds": "a"},
    {"id": "1", "createdDateTime": "2024-05-06T07:08:09Z", "operation": "Send", "auditData": RECORD},
    {"value": [RECORD]},
    [RECORD],
    [{"AuditData": RECORD}],
]


def read(text: str, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(text.encode("utf-8", "surrogatepass")), UnifiedAuditJson, block_bytes=block_bytes)


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape(shape: object, indent: int | None) -> None:
    text = json.dumps(shape, indent=indent)
    assert UnifiedAuditJson.recognise_content(text)
    for block_bytes in (7, None):
        reading = read(text, block_bytes)
        assert [(row["Operation"], row["RecordId"]) for row in reading.events.to_pylist()] == [("Send", "1")]
        assert not reading.rejects and not reading.warnings


@pytest.mark.parametrize(
    "text",
    [
        '{"Operation":"x","Id":1}',
        '{"EventID":1,"Channel":"Security"}',
        "[]",
        "",
        "AuditData",
        '{"a":"\\"AuditData\\":"}',
        '{"CreationTime":"x","Operation":"y"}',
        '{"OSPath":"C:\\\\x","Mtime":"2024-01-01T00:00:00Z"}',
    ],
)
def test_other_json_is_not_taken(text: str) -> None:
    assert not UnifiedAuditJson.recognise_content(text)


def test_every_value_is_an_event_or_a_reject() -> None:
    text = (
        json.dumps([RECORD, {"value": [RECORD]}, 5, {"Operation": "x"}])
        + "\n{\n"
        + json.dumps({"value": [RECORD, RECORD, 1]})
    )
    reading = read(text)
    assert [row["line"] for row in reading.events.to_pylist()] == [1, 3, 3]
    assert [(each.line, each.reason.split(";")[0]) for each in reading.rejects] == [
        (1, NO_AUDIT),
        (1, NO_AUDIT),
        (1, NOT_AN_OBJECT),
        (2, CUT_OFF),
        (3, NOT_AN_OBJECT),
    ]
    assert reading.rows_in == 8


def test_what_the_engine_cannot_read_is_put_right() -> None:
    text = json.dumps(RECORD)[:-1] + ',"ObjectId":"tab\there"}\n' + json.dumps(RECORD)[:-1] + ',"ObjectId":"\\ud800"}\n'
    reading = read(text)
    assert reading.events["Target"].to_pylist() == ["tab\there", "\ufffd"]
    assert reading.warnings == {MENDED: 2}


def test_records_without_a_time_and_of_too_many_bytes_are_rejected() -> None:
    long = json.dumps(RECORD | {"ObjectId": "x" * MAX_LINE}, indent=1)
    reading = read(json.dumps(RECORD | {"CreationTime": "never"}) + "\n" + long + "\n" + json.dumps(RECORD) + "\n")
    # The object begins on line 2; line 8 of it is the long one.
    assert [(each.line, each.reason) for each in reading.rejects] == [
        (1, NO_TIME),
        (2, CUT_OFF),
        (8, "line is too long"),
    ]
    assert reading.events.num_rows == 1
