"""Texts of an event's header as columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokenseal.parsers.columns import Cell
from brokenseal.parsers.winevent_columns import filled, keywords, levels, moments, severities, whole_numbers, zoned


def texts(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_numbers_also_as_other_tools_write_them() -> None:
    numbers, lost = whole_numbers(texts("4624", "4625.0", "x", None, "99999999999999999999", "-1", " 7 "), Cell.INT64)
    assert (numbers.to_pylist(), lost) == ([4624, 4625, None, None, None, -1, 7], 2)
    assert whole_numbers(texts("1", "2"), Cell.INT32)[0].type == pa.int32()


def test_levels_by_number_or_name() -> None:
    names = ("LogAlways", "Critical", "ERROR", "warning", " Information ", "Info", "Verbose", "SuccessAudit", None, "3")
    assert levels(texts(*names)).to_pylist() == [0, 1, 2, 3, 4, 4, 5, None, None, 3]


def test_nxlogs_severities_run_the_other_way_and_audits_have_none() -> None:
    assert severities(texts("1", "2", "3", "4", "5", "6", None), texts(*["INFO"] * 7)).to_pylist() == [
        5,
        4,
        3,
        2,
        1,
        None,
        None,
    ]
    assert severities(texts("4", "2"), texts("AUDIT_FAILURE", "AUDIT_SUCCESS")).to_pylist() == [0, 0]


@pytest.mark.parametrize(
    ("logged", "wanted"),
    [
        ("0x8020000000000000", "0x8020000000000000"),
        ("-9214364837600034816", "0x8020000000000000"),
        ("9232379236109516800", "0x8020000000000000"),
        ("0", "0x0"),
        ("36028797018963968", "0x80000000000000"),
        ("99999999999999999999", "99999999999999999999"),
        ("Audit Success", "Audit Success"),
        ('["Audit Success","Classic"]', "Audit Success, Classic"),
        ("[x", "[x"),
        (None, None),
    ],
)
def test_keywords_are_as_windows_logs_them(logged: str | None, wanted: str | None) -> None:
    assert keywords(texts(logged, "x")).to_pylist() == [wanted, "x"]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2021-03-03T05:06:07.123Z", 1614747967123),
        ("2021-03-03 05:06:07", 1614747967000),
        ("2021-03-03T05:06:07.1234567+00:00", 1614747967123),
        ("2021-03-03T06:06:07.5+01:00", 1614747967500),
        ("1614747967", 1614747967000),
        ("1614747967.1239999", 1614747967123),
        ("1614747967123", 1614747967123),
        ("1614747967123456", 1614747967123),
        ("/Date(1614747967123)/", 1614747967123),
        ("/Date(-1000)/", -1000),
        ("9999999999999999999", None),
        ("999999999999999", 999999999999),
        ("0000-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_moments(text: str | None, milliseconds: int | None) -> None:
    assert moments(texts(text)).to_pylist() == [milliseconds]
    assert moments(texts("2021-03-03T05:06:07.000Z", text)).to_pylist() == [1614747967000, milliseconds]


def test_which_times_say_their_zone() -> None:
    without = ("2021-03-03 05:06:07", "2021-03-03T05:06:07.123", " 2021-03-03 05:06 ")
    with_zone = ("2021-03-03T05:06:07Z", "2021-03-03 05:06:07+01:00", "1614747967", "/Date(0)/", None)
    assert zoned(texts(*without, *with_zone)).tolist() == [False] * 3 + [True] * 5


def test_empty_text_is_null() -> None:
    assert filled(texts("", "a", None)).to_pylist() == [None, "a", None]
