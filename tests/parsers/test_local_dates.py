"""Dates in the order of somebody's settings: read both ways, and what tells which."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from brokenseal.parsers.local_dates import Readings, read_dates


def readings(*texts: str | None) -> Readings:
    return read_dates(pa.chunked_array([pa.array(texts, pa.string())]))


def shown(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]


@pytest.mark.parametrize(
    ("text", "month_first", "day_first", "told"),
    [
        ("3/4/2021 5:06:07 PM", "2021-03-04 17:06:07.000", "2021-04-03 17:06:07.000", 0),
        ("3/14/2021 12:06:07 AM", "2021-03-14 00:06:07.000", None, 1),
        ("14/3/2021 12:06:07 PM", None, "2021-03-14 12:06:07.000", -1),
        ("14.03.2021 05:06:07", None, "2021-03-14 05:06:07.000", -1),
        ("04.03.2021 05:06", "2021-04-03 05:06:00.000", "2021-03-04 05:06:00.000", 0),
        ("4. 3. 2021 5:06:07", "2021-04-03 05:06:07.000", "2021-03-04 05:06:07.000", 0),
        ("03-04-21 05.06.07", "2021-03-04 05:06:07.000", "2021-04-03 05:06:07.000", 0),
        ("2021-03-04 05:06:07.25", "2021-03-04 05:06:07.250", None, 0),
        ("2021/3/4 5:06:07", "2021-03-04 05:06:07.000", None, 0),
        ("3/4/2021 5:06:07\u202fp.\u00a0m.", "2021-03-04 17:06:07.000", "2021-04-03 17:06:07.000", 0),
        ("2/29/2020 1:00:00", "2020-02-29 01:00:00.000", None, 1),
    ],
)
def test_both_readings(text: str, month_first: str | None, day_first: str | None, told: int) -> None:
    read = readings(text)
    one = month_first or day_first
    assert read.known.tolist() == [True]
    assert (shown(read.month_first[0]), shown(read.day_first[0])) == (month_first or one, day_first or one)
    assert read.told.tolist() == [told]
    assert read.ambiguous.tolist() == [month_first is not None and day_first is not None]
    assert read.zoned.tolist() == [False]
    assert read.slashes.tolist() == ["/" in text]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        "31.02.2021 01:00:00",
        "29.02.2021 01:00:00",
        "13/13/2021 1:00:00",
        "3/4/2021",
        "3/4/2021 24:00:00",
        "3/4/2021 13:00:00 PM",
        "3/4/2021 1:60:00",
        "0/4/2021 1:00:00",
        "3/4/0000 1:00:00",
        "3/4/2021 1:00:00 CET",
    ],
)
def test_what_is_no_date(text: str | None) -> None:
    assert readings(text).known.tolist() == [False]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2021-03-04T05:06:07.1234567+01:00", "2021-03-04 04:06:07.123"),
        ("2021-03-04 05:06:07Z", "2021-03-04 05:06:07.000"),
        ("2021-03-04 05:06:07 -0530", "2021-03-04 10:36:07.000"),
    ],
)
def test_a_zone_is_heeded(text: str, wanted: str) -> None:
    read = readings(text)
    assert (shown(read.month_first[0]), read.zoned.tolist()) == (wanted, [True])
