from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.report.html.clock import Days, Line, common, count_days, read_time, same_second, union

MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda time: time.replace(tzinfo=UTC))
RANGES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 10)).map(lambda pair: Days(pair[0], pair[0] + pair[1])), max_size=6
)


def days_in(ranges: list[Days]) -> set[int]:
    return {day for each in ranges for day in range(each.first, each.last + 1)}


@pytest.mark.parametrize("text", [None, "", "yesterday", "2021-13-40T00:00:00.000Z", "0001-01-01T00:00:00.000+2359"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert read_time(text) is None


def test_times_are_read_as_utc() -> None:
    assert read_time("2021-03-03T04:12:09.123Z") == datetime(2021, 3, 3, 4, 12, 9, 123000, tzinfo=UTC)
    assert same_second("2021-03-03T04:12:09.123Z", "2021-03-03T04:12:09.999Z")
    assert not same_second("2021-03-03T04:12:09.123Z", "2021-03-03T04:12:10.000Z")


def test_days_are_counted_by_the_calendar() -> None:
    first, last = datetime(2021, 3, 3, 23, 59, tzinfo=UTC), datetime(2021, 3, 4, 0, 1, tzinfo=UTC)
    assert count_days([Days.of(first, last)]) == 2
    assert Days.of(last, first).first == date(2021, 3, 4).toordinal()


@given(left=RANGES, right=RANGES)
def test_ranges_of_days_are_sets_of_days(left: list[Days], right: list[Days]) -> None:
    assert days_in(union(left)) == days_in(left)
    assert count_days(left) == len(days_in(left))
    assert days_in(common(left, right)) == days_in(left) & days_in(right)
    assert all(one.last + 1 < two.first for one, two in pairwise(union(left)))


@given(times=st.lists(MOMENTS, min_size=1, max_size=4), other=MOMENTS)
def test_a_line_holds_all_its_times_and_few_ticks(times: list[datetime], other: datetime) -> None:
    line = Line.over(times)
    assert line is not None
    places = [line.place(time) for time in sorted(times)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in [*places, line.place(other)])
    ticks = line.ticks()
    assert len(ticks) <= 4
    assert len({tick.at for tick in ticks}) == len(ticks)
    if line.last - line.first > timedelta(seconds=10):
        assert ticks


def test_a_line_without_times_is_none() -> None:
    assert Line.over([]) is None
