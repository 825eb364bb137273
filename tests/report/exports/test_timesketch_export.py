"""Timesketch: the mandatory fields, and times that mean the same in both of their forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime

from brokenseal.report.shape import IncidentDocument


def test_every_line_has_the_mandatory_fields(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    events = [json.loads(line) for line in exported(sample, "timesketch").splitlines()]
    assert events
    for event in events:
        assert event["message"]
        assert event["timestamp_desc"]
        assert isinstance(event["tag"], list)
        moment = datetime.fromisoformat(event["datetime"])
        assert moment.utcoffset() is not None
        assert round(moment.timestamp() * 1_000_000) == event["timestamp"]
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_all_that_has_a_time_is_there(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    events = [json.loads(line) for line in exported(sample, "timesketch").splitlines()]
    kinds = {event["timestamp_desc"] for event in events}
    assert kinds == {
        "Log line found by a rule",
        "Process started",
        "Web shell planted",
        "Web shell first used",
        "Web shell last used",
        "Mail first read",
        "Mail last read",
    }
    first = sample["findings"][0]
    line = first["evidence"][0]
    (event,) = [one for one in events if one.get("finding") == first["id"] and one.get("line") == line["line"]]
    assert (event["file"], event["sha256"], event["rule"]) == (line["file"], line["sha256"], first["rule"])


def test_csv_says_the_same(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    events = [json.loads(line) for line in exported(sample, "timesketch").splitlines()]
    data = exported(sample, "timesketch-csv")
    assert data.startswith(b"message,datetime,timestamp,timestamp_desc,")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [json.loads(row["tag"]) for row in rows] == [event["tag"] for event in events]
    assert [int(row["timestamp"]) for row in rows] == [event["timestamp"] for event in events]
