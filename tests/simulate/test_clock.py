from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from brokenseal.simulate.clock import DAY, day_of, is_workday, iso, midnight, milliseconds, w3c


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_times_are_those_of_the_standard_library(ms: int) -> None:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    assert milliseconds(iso(ms)) == ms
    assert iso(ms) == f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
    assert w3c(ms) == f"{moment:%Y-%m-%d %H:%M:%S}"


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2100, 1, 1)))
def test_days_and_workdays_are_those_of_the_calendar(day: date) -> None:
    assert day_of(midnight(day) // DAY) == day
    assert is_workday(midnight(day) // DAY) == (day.weekday() < 5)
