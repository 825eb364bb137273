from __future__ import annotations

from typing import Any

import pytest

from brokenseal.report.document import schema
from brokenseal.report.wording import (
    STATES,
    VERDICTS,
    bytes_in_words,
    day_span,
    entry_of,
    ids_in_brackets,
    moment,
    source_in_words,
    span,
    verdict_words,
)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB (1,000 bytes)"),
        (999_999, "1.0 MB (999,999 bytes)"),
        (12_345_678, "12.3 MB (12,345,678 bytes)"),
        (5 * 10**18, "5000.0 PB (5,000,000,000,000,000,000 bytes)"),
    ],
)
def test_bytes_are_rounded_and_exact(size: int, words: str) -> None:
    assert bytes_in_words(size) == words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (
            "2021-03-03T04:10:55.203Z",
            "2021-03-05T10:22:41.000Z",
            "2021-03-03 04:10:55 to 2021-03-05 10:22:41 (2 days 6 h)",
        ),
        ("2021-03-03T04:00:00.000Z", "2021-03-04T04:00:00.000Z", "2021-03-03 04:00:00 to 2021-03-04 04:00:00 (1 day)"),
        (
            "2021-03-03T04:00:00.000Z",
            "2021-03-03T06:05:00.000Z",
            "2021-03-03 04:00:00 to 2021-03-03 06:05:00 (2 h 5 min)",
        ),
        ("2021-03-03T04:00:00.000Z", "2021-03-03T04:00:09.000Z", "2021-03-03 04:00:00 to 2021-03-03 04:00:09 (9 s)"),
        ("2021-03-03T04:00:00.001Z", "2021-03-03T04:00:00.999Z", "2021-03-03 04:00:00"),
        (None, None, "(time not known)"),
        ("2021-03-03T04:00:00.000Z", None, "2021-03-03 04:00:00 to (time not known)"),
    ],
)
def test_span(first: str | None, last: str | None, words: str) -> None:
    assert span(first, last) == words


def test_a_time_that_is_none_is_shown_safely() -> None:
    assert moment("\x1b[1m") == "\\x1b[1m"


def test_every_verdict_and_state_of_the_schema_has_words() -> None:
    document_schema: Any = schema()
    defs = document_schema["$defs"]
    assert list(VERDICTS) == defs["verdict"]["enum"]
    assert set(STATES) == set(defs["webshell"]["properties"]["state"]["enum"])
    assert verdict_words("\x1b") == ("\\x1b", "bold")


def test_a_part_of_a_source_keeps_its_name() -> None:
    assert source_in_words("httpproxy/Owa") == "HttpProxy/Owa"
    assert source_in_words("ecp_server") == "ECP Server"
    assert source_in_words("new_kind") == "new_kind"


def test_an_event_log_keeps_the_slashes_of_its_name() -> None:
    assert source_in_words("windows_event/Security") == "Windows events: Security"
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    assert source_in_words(f"windows_event/{sysmon}") == f"Windows events: {sysmon}"
    assert source_in_words("windows_event") == "Windows events"
    assert source_in_words("windows_event/\x1b") == "Windows events: \\x1b"


def test_event_logs_have_records_and_texts_have_lines() -> None:
    assert [entry_of(kind) for kind in ("windows_event", "iis", "unrecognised")] == ["record", "line", "line"]


def test_many_ids_are_cut_to_six() -> None:
    assert ids_in_brackets([]) == ""
    assert ids_in_brackets(["F1"]) == "(F1)"
    assert ids_in_brackets([f"F{number}" for number in range(1, 9)]) == "(F1, F2, F3, F4, F5, F6 and 2 more)"


def test_a_span_of_days_has_times_only_inside_one_day() -> None:
    assert day_span("2021-02-20T00:00:02.000Z", "2021-03-09T12:00:00.000Z") == "2021-02-20 to 2021-03-09"
    assert day_span("2021-02-20T00:00:02.000Z", "2021-02-20T01:00:02.000Z").startswith("2021-02-20 00:00:02 to ")
