"""Times: what is one, what is none, and that the neighbours of a text do not change how it is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.times import clock_ms, day_ms, iso_time, local_to_utc, moment_ms, within_years

QUICK = settings(max_examples=80, deadline=None)
ENDS = st.sampled_from(["", "Z", ".5", ".123Z", ".1234567Z", "+01:00", "-0530", "+24:00", "+1", "z"])
SHAPED = st.builds(
    "{:0>4}-{:0>2}-{:0>2}{}{:0>2}:{:0>2}:{:0>2}{}".format,
    *(st.integers(0, 10_000), st.integers(0, 13), st.integers(0, 32), st.sampled_from("T ")),
    *(st.integers(0, 25), st.integers(0, 61), st.integers(0, 61), ENDS),
)


def one(text: str | None) -> datetime | None:
    (value,) = iso_time(pa.array([text], pa.string())).to_pylist()
    assert value is None or isinstance(value, datetime)
    return value


@QUICK
@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.sampled_from("T "),
    st.sampled_from(["", "Z", "+02:00", "-0930"]),
)
def test_iso_times_are_what_python_says(moment: datetime, separator: str, zone: str) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    text = moment.isoformat(separator, "milliseconds") + zone
    offset = {"+02:00": timedelta(hours=2), "-0930": -timedelta(hours=9, minutes=30)}.get(zone, timedelta())
    assert one(text) == moment.replace(tzinfo=timezone(offset))


@QUICK
@given(st.lists(st.one_of(st.none(), SHAPED, st.text(max_size=12)), max_size=6))
def test_a_time_is_read_alike_whatever_stands_around_it(texts: list[str | None]) -> None:
    canonical = "2021-03-03T01:02:03.004Z"
    together = iso_time(pa.chunked_array([pa.array([canonical, *texts], pa.string())])).to_pylist()
    assert together == [datetime(2021, 3, 3, 1, 2, 3, 4000, UTC), *(one(text) for text in texts)]


@QUICK
@given(SHAPED)
def test_no_time_is_made_of_what_is_none(text: str) -> None:
    try:
        date.fromisoformat(text[:10])
        time.fromisoformat(text[11:19])
    except ValueError:
        assert one(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "2021-02-29T00:00:00.000Z", "2021-02-31T00:00:00.000Z", "2021-04-31T00:00:00.000Z"),
        *(
            "2021-03-03T24:00:00.000Z",
            "2021-03-03T23:60:00.000Z",
            "2021-03-03T23:59:60.000Z",
            "2021-03-03T1:02:03.000Z",
        ),
        *("0000-01-01T00:00:00.000Z", "10000-01-01T00:00:00.000Z", "-2021-03-03T00:00:00.000Z", "2021-03-03"),
        *(
            "2021-03-03T00:00:00.000ZZ",
            "2021-03-03T00:00:00.Z",
            "2021-03-03T00:00:00,000Z",
            "2021-03-03T00:00:00.0000000000Z",
        ),
        *("٢٠٢١-03-03T00:00:00.000Z", "2021-03-03T00:00:00.000+24:00", "0001-01-01T00:00:00.000+00:01"),
    ],
)
def test_texts_that_are_no_time(text: str) -> None:
    assert one(text) is None


def test_the_years_from_1_to_9999_are_taken() -> None:
    assert one("0001-01-01T00:00:00.000Z") == datetime(1, 1, 1, tzinfo=UTC)
    assert one("9999-12-31T23:59:59.999Z") == datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)
    assert within_years(pa.chunked_array([[2**60, None, 0]])).to_pylist() == [
        None,
        None,
        datetime(1970, 1, 1, tzinfo=UTC),
    ]


def test_nothing_in_nothing_out() -> None:
    empty = pa.array([], pa.string())
    for function in (iso_time, day_ms, clock_ms):
        assert function(empty).to_pylist() == []
        assert function(pa.array([None], pa.string())).to_pylist() == [None]


@QUICK
@given(st.lists(st.one_of(st.none(), st.times()), max_size=5))
def test_clocks(times: list[time | None]) -> None:
    texts = [None if each is None else each.isoformat("milliseconds") for each in times]
    expected = [
        None if each is None else (each.hour * 3600 + each.minute * 60 + each.second) * 1000 + each.microsecond // 1000
        for each in times
    ]
    assert clock_ms(pa.array(texts, pa.string())).to_pylist() == expected


@pytest.mark.parametrize(
    "text", ["7:55:20", "24:00:00", "12:60:00", "12:00:60", "12:00", "12:00:00Z", "12:00:00.", "noon"]
)
def test_texts_that_are_no_clock(text: str) -> None:
    assert clock_ms(pa.array([text])).to_pylist() == [None]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (" 2021-03-03 22:00:01", datetime(2021, 3, 3, 22, 0, 1, tzinfo=UTC)),
        ("2021-03-03T22:00:01.130Z", datetime(2021, 3, 3, 22, 0, 1, tzinfo=UTC)),
        ("2021-03-03", datetime(2021, 3, 3, tzinfo=UTC)),
        ("2021-02-31 00:00:00", None),
        ("2021-03-03 24:00:00", None),
        ("0000-01-01", None),
        ("soon", None),
        ("", None),
    ],
)
def test_moment_ms(text: str, moment: datetime | None) -> None:
    assert moment_ms(text) == (None if moment is None else int(moment.timestamp()) * 1000)


@pytest.mark.parametrize(
    ("local", "utc", "unsure"),
    [
        ("2021-01-15 12:00:00", "2021-01-15 11:00:00", 0),
        ("2021-07-15 12:00:00", "2021-07-15 10:00:00", 0),
        ("2021-03-28 01:59:59", "2021-03-28 00:59:59", 0),
        ("2021-03-28 02:15:00", "2021-03-28 01:15:00", 1),
        ("2021-03-28 03:00:00", "2021-03-28 01:00:00", 0),
        ("2021-10-31 02:00:00", "2021-10-31 00:00:00", 1),
        ("2021-10-31 02:59:59", "2021-10-31 00:59:59", 1),
        ("2021-10-31 03:00:00", "2021-10-31 02:00:00", 0),
    ],
)
def test_local_time_where_the_clocks_change(local: str, utc: str, unsure: int) -> None:
    moments, count = local_to_utc(pa.chunked_array([[moment_ms(local), None]]), "Europe/Berlin")
    assert moments.to_pylist() == [moment_ms(utc), None]
    assert count == unsure


def test_local_time_at_the_edges_of_the_calendar_fails_nobody() -> None:
    edges = [moment_ms("0001-01-01"), moment_ms("9999-12-31 23:59:59"), 2**60]
    moments, _ = local_to_utc(pa.chunked_array([edges]), "America/New_York")
    assert len(within_years(moments)) == 3
