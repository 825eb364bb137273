from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.cli.times import check_order, parse_time
from brokenseal.errors import UsageError


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2021-03-02", datetime(2021, 3, 2, tzinfo=UTC)),
        ("2021-03-02T08:30", datetime(2021, 3, 2, 8, 30, tzinfo=UTC)),
        ("2021-03-02 08:30:15", datetime(2021, 3, 2, 8, 30, 15, tzinfo=UTC)),
        ("2021-03-02T08:30:15Z", datetime(2021, 3, 2, 8, 30, 15, tzinfo=UTC)),
        ("2021-03-02t08:30:15.250z", datetime(2021, 3, 2, 8, 30, 15, 250000, tzinfo=UTC)),
        ("2021-03-02T08:30:15+05:30", datetime(2021, 3, 2, 3, 0, 15, tzinfo=UTC)),
        ("2021-03-01T22:00:00-02:00", datetime(2021, 3, 2, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, time: datetime) -> None:
    assert parse_time(text, "--since") == time
    assert parse_time(text, "--since").tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "2021", "20210302", "2021-W09-2", "2021-13-01", "2021-03-02Z", "02.03.2021", "0001-01-01T00:00:00+05:00"],
)
def test_what_is_no_time_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--until: "):
        parse_time(text, "--until")


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_rfc_3339_time_is_read_back(time: datetime) -> None:
    assert parse_time(time.isoformat(), "--since") == time


def test_order() -> None:
    early, late = datetime(2021, 3, 2, tzinfo=UTC), datetime(2021, 3, 3, tzinfo=UTC)
    check_order(early, late)
    check_order(None, early)
    check_order(late, None)
    for since, until in ((late, early), (early, early)):
        with pytest.raises(UsageError, match="is not before --until"):
            check_order(since, until)
