"""An export is what the filter shows, no more and no less, and harmless to spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status\n"
)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "query", ["ip=203.0.113.41", "text=autodiscover&kind=httpproxy", "level=high", "text=nothing+of+this"]
)
def test_both_forms_have_the_events_of_the_page(browser: Any, query: str) -> None:
    shown = re.findall(r'id="e[-0-9]+\.[0-9]+\.([0-9]+)"', browser.text(f"/timeline?size=500&{query}"))
    table = rows_of(browser.get(f"/timeline/export.csv?{query}"))
    lines = [json.loads(line) for line in browser.get(f"/timeline/export.jsonl?{query}").text.splitlines()]
    assert [row["line"] for row in table] == [str(line["line"]) for line in lines] == shown
    for row, line in zip(table, lines, strict=True):
        assert (row["time"], row["file"], row["sha256"]) == (line["time"], line["file"], line["sha256"])
        assert row["findings"] == ", ".join(line["findings"])


def test_marks_are_in_the_export(browser: Any) -> None:
    key = next(iter(browser.review.proof_keys.values()))
    browser.decide("event", str(key), "star")
    browser.decide("event", str(key), "tag", "odd")
    browser.decide("event", str(key), "comment", "=look")
    (row,) = rows_of(browser.get("/timeline/export.csv?mark=star"))
    assert (row["star"], row["tags"], row["comments"]) == ("yes", "odd", "'=look")
    (line,) = [json.loads(one) for one in browser.get("/timeline/export.jsonl?mark=tag").text.splitlines()]
    assert (line["star"], line["tags"], line["comments"]) == (True, ["odd"], ["=look"])


def test_more_rows_than_one_portion_come_whole(logs_case: Callable[[dict[str, str]], Path], open_case: Any) -> None:
    lines = [
        f"2021-03-03 03:{n // 600:02}:{n // 10 % 60:02} EX01 GET /p{n} - 192.0.2.1 443 - 200\n" for n in range(6100)
    ]
    opened = open_case(logs_case({"u_ex210303.log": HEAD + "".join(lines)}))
    table = rows_of(opened.get("/timeline/export.csv"))
    assert sorted(int(row["text"].split("/p")[1].split()[0]) for row in table) == list(range(6100))
    assert [row["time"] for row in table] == sorted(row["time"] for row in table)


def test_formulas_are_defused(logs_case: Callable[[dict[str, str]], Path], open_case: Any) -> None:
    line = '2021-03-03 03:00:00 EX01 =1+1 /x =HYPERLINK("http://192.0.2.9") 192.0.2.1 443 - 200\n'
    opened = open_case(logs_case({"u_ex210303.log": HEAD + line}))
    (row,) = rows_of(opened.get("/timeline/export.csv"))
    assert row["account"].startswith("'=HYPERLINK") and row["text"].startswith("'=1+1")


def test_findings_are_exported_by_their_filter(browser: Any) -> None:
    table = rows_of(browser.get("/findings/export.csv?level=high"))
    lines = [json.loads(line) for line in browser.get("/findings/export.jsonl?level=high").text.splitlines()]
    expected = [one["id"] for one in browser.review.document["findings"] if one["level"] == "high"]
    assert [row["id"] for row in table] == [line["id"] for line in lines] == expected
