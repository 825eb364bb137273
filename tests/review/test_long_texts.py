"""Text is found wherever it stands in a long event, and the row shows where."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.review.case_review import CaseReview
from brokenseal.review.event_columns import IN_A_ROW, SHOWN
from brokenseal.review.filters import Filter

HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem c-ip\n"
)
#: Letters before the needle, in the path of a request.
PLACES = (10, 100, IN_A_ROW, 1000, SHOWN - 310, SHOWN - 20, SHOWN - 6, SHOWN, SHOWN + 5, 4000, 30_000, 60_000)


def line(second: int, path: str) -> str:
    return f"2021-03-03 03:00:{second:02} EX01 GET /{path} 192.0.2.1\n"


@pytest.fixture(scope="module")
def long_case(logs_case: Callable[[dict[str, str]], Path]) -> Path:
    """A request for each place, the letters around its needle unlike those of the others, and a hostile one."""
    lines = [line(number, f"{'a' * place}NeeDle{number}{'b' * 400}") for number, place in enumerate(PLACES)]
    hostile = line(59, f"{'c' * 3000}<script>alert(1)</script>\u202egpj{'d' * 50}")
    return logs_case({"u_ex210303.log": HEAD + "".join(lines) + hostile})


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_a_text_is_found_wherever_it_stands(long_case: Path, open_case: Any, number: int) -> None:
    opened = open_case(long_case)
    text = opened.text(f"/timeline?text=needle{number}b")
    assert text.count("<tr data-row") == 1
    assert f"NeeDle{number}" in text, "what was looked for is shown"
    long_ago = f"/timeline?text={'a' * 20}needle{number}b"
    assert opened.text(long_ago).count("<tr data-row") == (1 if PLACES[number] >= 20 else 0)


@given(place=st.integers(0, len(PLACES) - 1), start=st.integers(-320, 20), length=st.integers(1, 300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_of_an_event_is_found(reviewed: CaseReview, place: int, start: int, length: int) -> None:
    whole = f"GET /{'a' * PLACES[place]}NeeDle{place}{'b' * 400}"
    at = max(PLACES[place] + 5 + start, 0)
    part = whole[at : at + length]
    found = list(reviewed.timeline.every(Filter(text=part.strip()), None))
    assert place + HEAD.count("\n") + 1 in {row.key.line for row in found}


@pytest.fixture(scope="module")
def reviewed(long_case: Path) -> Any:
    with CaseReview(long_case, threads=2) as review:
        yield review


def test_a_part_that_is_nowhere_is_not_found(long_case: Path, open_case: Any) -> None:
    opened = open_case(long_case)
    assert opened.text("/timeline?text=needle99").count("<tr data-row") == 0
    # Between the end of one event and the beginning of another nothing stands.
    assert opened.text("/timeline?text=bbGET").count("<tr data-row") == 0


def test_what_is_shown_around_a_text_is_text(long_case: Path, open_case: Any) -> None:
    text = open_case(long_case).text("/timeline?text=alert(1)")
    (excerpt,) = re.findall(r'<code class="excerpt">(.*?)</code>', text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202egpj" in excerpt


def test_a_text_that_the_row_shows_is_not_shown_twice(long_case: Path, open_case: Any) -> None:
    assert "excerpt" not in open_case(long_case).text("/timeline?text=needle0b")
