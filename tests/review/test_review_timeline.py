"""The timeline: each filter against the same question asked of all events in Python; no event lost or shown twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.review.event_key import EventKey
from brokenseal.review.filters import Filter
from brokenseal.review.gaps import GapRow, gaps_between

HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
)


def lines(day: str, host: str, count: int, of_a_second: int) -> str:
    """``count`` requests, ``of_a_second`` in each second."""
    rows = []
    for number in range(count):
        second = number // of_a_second
        rows.append(
            f"{day} 03:{second // 60:02}:{second % 60:02} {host} {'POST' if number % 3 else 'GET'} /owa/Page{number}.aspx "
            f"user{number % 5}@corp.example 192.0.2.{number % 7} 443 Odd/{number % 2} 200 {number}\n"
        )
    return HEAD + "".join(rows)


@pytest.fixture(scope="module")
def many(logs_case: Callable[[dict[str, str]], Path]) -> Path:
    """Two servers whose lines have the same times, many in one second."""
    return logs_case(
        {
            "EX01/u_ex210303.log": lines("2021-03-03", "EX01", 700, 90),
            "EX02/u_ex210303.log": lines("2021-03-03", "EX02", 500, 200),
            "EX02/u_ex210304.log": lines("2021-03-04", "EX02", 50, 1),
        }
    )


@pytest.fixture
def asked(many: Path, open_case: Callable[[Path], Any]) -> Any:
    return open_case(many)


def shown(text: str) -> list[str]:
    return re.findall(r'id="e(-?[0-9]+\.[0-9]+\.[0-9]+)"', text)


def everything(asked: Any) -> list[Any]:
    return list(asked.review.timeline.every(Filter(), None))


def test_pages_forwards_have_each_event_once_in_order(asked: Any) -> None:
    found: list[str] = []
    address = "/timeline?size=50"
    for _ in range(60):
        text = asked.text(address)
        found += shown(text)
        later = re.search(r'<a rel="next" href="([^"]+)"', text)
        if later is None:
            break
        address = later[1].replace("&amp;", "&")
    assert len(found) == 1250
    assert found == [str(row.key) for row in everything(asked)]
    assert found == [str(key) for key in sorted(map(EventKey.parse, found))]  # type: ignore[type-var]


def test_pages_backwards_from_the_last_have_each_event_once(asked: Any) -> None:
    found: list[str] = []
    address = "/timeline?size=200&end=last&host=EX01"
    for _ in range(60):
        text = asked.text(address)
        found = shown(text) + found
        earlier = re.search(r'<a rel="prev" href="([^"]+)"', text)
        if earlier is None:
            break
        address = earlier[1].replace("&amp;", "&")
    assert found == [str(row.key) for row in everything(asked) if row.host == "EX01"]


@given(size=st.integers(1, 700), place=st.integers(0, 1249), back=st.booleans())
def test_any_page_is_what_lies_beside_its_place(page_source: Any, size: int, place: int, back: bool) -> None:
    timeline, rows = page_source
    found, more = timeline.page(Filter(), None, rows[place].key, size, back=back)
    beside = rows[:place][-size:] if back else rows[place + 1 :][:size]
    assert found == beside
    assert more == ((place if back else len(rows) - place - 1) > size)


@pytest.fixture(scope="module")
def page_source(many: Path) -> Any:
    from brokenseal.review.case_review import CaseReview

    with CaseReview(many, threads=2) as review:
        yield review.timeline, list(review.timeline.every(Filter(), None))


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("host=EX02", lambda row: row.host == "EX02"),
        ("kind=iis", lambda row: True),
        ("kind=httpproxy", lambda row: False),
        ("ip=192.0.2.3", lambda row: row.ip == "192.0.2.3"),
        ("who=USER4", lambda row: row.account == "user4@corp.example"),
        ("text=page17", lambda row: "page17" in row.text.lower()),
        ("text=ge17.as&host=EX01", lambda row: row.host == "EX01" and "Page17.as" in row.text),
        ("text=ab", lambda row: "ab" in row.text.lower()),
        ("text=%25", lambda row: False),
        ("text=_", lambda row: "_" in row.text),
        ("text='", lambda row: "'" in row.text),
        ("from=2021-03-03+03:00:02&to=2021-03-03+03:00:03", lambda row: 1614740402000 <= row.key.ms < 1614740403000),
        ("from=2021-03-04", lambda row: row.key.ms >= 1614816000000),
        ("to=2021-03-04T00:00:00Z", lambda row: row.key.ms < 1614816000000),
        ("from=2021-03-04T05:00:00%2B02:00", lambda row: row.key.ms >= 1614826800000),
        ("ip=192.0.2.3&who=user1&text=POST&host=EX01", lambda row: (row.ip, row.host) == ("192.0.2.3", "EX01")
         and row.account == "user1@corp.example" and "POST" in row.text),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_fits_and_nothing_else(asked: Any, query: str, fits: Any) -> None:
    expected = [str(row.key) for row in everything(asked) if fits(row)]
    text = asked.text(f"/timeline?size=500&{query}")
    assert shown(text) == expected[:500]
    assert f"<strong>{len(expected):,}</strong>" in text
    exported = asked.get(f"/timeline/export.jsonl?{query}").text.splitlines()
    assert len(exported) == len(expected)


def test_the_filter_is_in_the_page_and_can_be_taken_away_one_by_one(asked: Any) -> None:
    text = asked.text("/timeline?host=EX02&text=page1&from=2021-03-03")
    assert (
        'value="page1"' in text
        and '<option value="EX02" selected>' in text
        and 'value="2021-03-03T00:00:00.000Z"' in text
    )
    chips = text[text.index('<ul class="chips"') :]
    link = r'<a href="(/timeline\?[^"]*)" title="Remove this filter">.*?<span class="muted">(\w+)<'
    removing = {name: address for address, name in re.findall(link, chips)}
    assert set(removing) == {"host", "text", "from"}
    assert "host=" not in removing["host"] and "text=page1" in removing["host"]
    assert '<a href="/timeline">Reset</a>' in text


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2021-13-01", "level=grave", "mark=x", "from=2021-03-04&to=2021-03-03"]
)
def test_what_is_not_understood_is_said(asked: Any, query: str) -> None:
    assert 'role="alert"' in asked.text(f"/timeline?{query}")


@pytest.mark.parametrize(
    "query",
    [
        "after=x", "before=1.2", "around=--", "size=7", "rows=999999", "text=%00", "text=%ff%fe",
        "ip='; DROP TABLE event; --",
        "from=9999999999999999", "to=0000-00-00", "after=999999999999999.1.1", "before=-999999999999999.1.1",
    ],
)  # fmt: skip
def test_odd_addresses_are_no_errors(asked: Any, query: str) -> None:
    assert asked.get(f"/timeline?{query}").status_code == 200


def test_the_context_of_an_event_is_what_lies_before_and_after(asked: Any) -> None:
    rows = everything(asked)
    for place in (0, 3, 600, len(rows) - 1):
        text = asked.text(f"/timeline?around={rows[place].key}&rows=5")
        assert shown(text) == [str(row.key) for row in rows[max(place - 5, 0) : place + 6]]
        assert text.count('aria-current="true"') == 1
    missing = asked.get("/timeline?around=5.5.5")
    assert missing.status_code == 404


def test_only_events_of_a_level_and_marked_ones(browser: Any) -> None:
    high = {one["id"] for one in browser.review.document["findings"] if one["level"] == "high"}
    keys = shown(browser.text("/timeline?level=high&size=500"))
    assert keys
    for key in map(EventKey.parse, keys):
        assert key is not None
        assert high & {one["id"] for one in browser.review.findings_at(browser.review.timeline.one(key))}
    browser.decide("event", keys[0], "star")
    browser.decide("event", keys[1], "tag", "odd")
    assert shown(browser.text("/timeline?mark=star")) == [keys[0]]
    assert shown(browser.text("/timeline?mark=tag&level=high")) == [keys[1]]
    assert shown(browser.text("/timeline?mark=comment")) == []


def test_all_evidence_that_has_a_time_is_in_the_timeline(browser: Any) -> None:
    for finding in browser.review.document["findings"]:
        for reference in finding["evidence"]:
            key = browser.review.key_of(reference)
            assert key is not None, reference
            assert browser.review.timeline.one(key) is not None


def test_bars_lead_to_their_stretch_and_count_all_events(asked: Any) -> None:
    text = asked.text("/timeline")
    bars = re.findall(r'<a href="/timeline\?([^"]+)"><title>[^:]+:[^<]*?: ([0-9,]+) events', text)
    counts = [int(count.replace(",", "")) for _, count in bars]
    assert sum(counts) == 1250
    for query, count in bars:
        exported = asked.get("/timeline/export.jsonl?" + query.replace("&amp;", "&")).text.splitlines()
        assert len(exported) == int(count.replace(",", ""))


GAP = {"from": "2021-03-03T03:00:02.000Z", "to": "2021-03-04T03:00:00.000Z", "hours": 24.0}


def test_a_gap_is_a_row_after_its_last_event_on_one_page(
    many: Path, with_document: Any, open_case: Callable[[Path], Any]
) -> None:
    def add(document: dict[str, Any]) -> None:
        entry = {"source": "iis", "first": None, "last": None, "events": 1, "rejects": 0, "files": 1, "gaps": [GAP]}
        document["hosts"] = [
            {"host": "EX01", "verdict": "no_evidence", "reasons": [], "builds": [], "coverage": [entry]}
        ]

    opened = open_case(with_document(many, add))
    for direction, first in (("next", "/timeline?size=100"), ("prev", "/timeline?size=100&end=last")):
        address, seen = first, 0
        for _ in range(30):
            text = opened.text(address)
            seen += text.count("this log has a gap")
            turned = re.search(rf'<a rel="{direction}" href="([^"]+)"', text)
            if turned is None:
                break
            address = turned[1].replace("&amp;", "&")
        assert seen == 1, direction
    assert "this log has a gap" not in opened.text("/timeline?host=EX02&size=500")
    assert "this log has a gap" not in opened.text("/timeline?ip=192.0.2.1&size=500")
    assert "this log has a gap" in opened.text("/timeline?host=EX01&kind=iis&size=500&from=2021-03-03+12:00:00")


def test_gaps_of_other_times_and_logs_are_left_out() -> None:
    gap = GapRow("EX01", "httpproxy/Owa", 1000, 5000, 1.0)
    assert gaps_between([gap], Filter(kind="httpproxy"), 1000, 1001) == [gap]
    assert gaps_between([gap], Filter(kind="iis"), None, None) == []
    assert gaps_between([gap], Filter(), 1001, None) == []
    assert gaps_between([gap], Filter(), None, 1000) == []
    assert gaps_between([gap], Filter(from_ms=5001), None, None) == []


@pytest.mark.parametrize("text", ["", "1.2", "1.2.3.4", "a.b.c", "1.2.-3", "1.9999999999.1", "\u0661.2.3"])
def test_what_is_no_key_is_none(text: str) -> None:
    assert EventKey.parse(text) is None


@given(ms=st.integers(-(10**14), 10**14), source=st.integers(0, 2**30 - 1), line=st.integers(0, 10**14))
def test_keys_read_what_they_write(ms: int, source: int, line: int) -> None:
    key = EventKey(ms, source, line)
    assert EventKey.parse(str(key)) == key
