"""Each of Sigma's modifiers and value types, as its specification has them."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Mapping

import pyarrow as pa
import pytest

from brokenseal.detections.criteria import Criterion, UnsupportedRule
from brokenseal.detections.sigma_sql import condition_sql
from brokenseal.detections.taxonomy import event_kind
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers import tables

Matching = Callable[..., list[int]]


def stems(*values: str | None) -> list[dict[str, object]]:
    return [{"UrlStem": value} for value in values]


@pytest.mark.parametrize(
    ("selection", "values", "expected"),
    [
        ({"UrlStem": "/ecp/x.js"}, ["/ecp/x.js", "/ECP/X.JS", "/ecp/x.jsp", "a/ecp/x.js"], [0, 1]),
        ({"UrlStem|contains": "ECP"}, ["/ecp/", "/e-c-p", None], [0]),
        ({"UrlStem|startswith": "/ecp"}, ["/ECP/x", "x/ecp", "/ecp"], [0, 2]),
        ({"UrlStem|endswith": ".aspx"}, ["a.ASPX", "a.aspx?", ".aspx"], [0, 2]),
        ({"UrlStem|contains|all": ["a", "b"]}, ["xaxbx", "bA", "a", "b"], [0, 1]),
        ({"UrlStem": ["one", "two"]}, ["ONE", "two", "three"], [0, 1]),
        ({"UrlStem|cased": "/Ecp"}, ["/Ecp", "/ecp"], [0]),
        ({"UrlStem|contains|cased": "Ecp"}, ["x/Ecp/", "x/ecp/"], [0]),
        ({"UrlStem|neq": "a"}, ["A", "b", None], [1, 2]),
        ({"UrlStem|neq": ["a", "b"]}, ["A", "b", "c", None], [2, 3]),
    ],
)
def test_text_modifiers(
    matching: Matching, selection: Mapping[str, object], values: list[str | None], expected: list[int]
) -> None:
    assert matching({"selection": selection}, stems(*values)) == expected


@pytest.mark.parametrize(
    ("pattern", "values", "expected"),
    [
        ("a?c", ["abc", "ac", "abbc", "a%c", "aéc"], [0, 3, 4]),
        ("a*c", ["ac", "abbbc", "acd"], [0, 1]),
        ("a*b?c", ["ab1c", "aXb1c", "abc"], [0, 1]),
        ("*b*d*", ["abcd", "bd", "db"], [0, 1]),
        ("100%*x_y", ["100%--x_y", "1000--x_y", "100%--xzy"], [0]),
        ("a!*b%", ["a!--b%", "a--b%", "a!b"], [0]),
        (r"a\*c", ["a*c", "abc", r"a\*c"], [0]),
        (r"a\?c", ["a?c", "abc"], [0]),
        (r"a\\*", ["a\\", r"a\xyz", "a*", "a"], [0, 1]),
        (r"a\\\*", [r"a\*", r"a\b", "a*"], [0]),
        (r"c:\inetpub\wwwroot", [r"C:\inetpub\wwwroot", "c:inetpubwwwroot"], [0]),
        ("*", ["a", None], [0]),
        ("?", ["a", "é", "ab", None], [0, 1]),
    ],
)
def test_wildcards_and_escapes(matching: Matching, pattern: str, values: list[str | None], expected: list[int]) -> None:
    assert matching({"selection": {"UrlStem": pattern}}, stems(*values)) == expected


def test_missing_and_empty_and_hyphen_are_the_same(matching: Matching) -> None:
    rows = stems("x", None, "-")
    assert matching({"selection": {"UrlStem": None}}, rows) == [1]
    assert matching({"selection": {"UrlStem": ""}}, rows) == [1]
    assert matching({"selection": {"UrlStem": "-"}}, rows) == [1, 2]
    assert matching({"selection": {"UrlStem|exists": True}}, rows) == [0, 2]
    assert matching({"selection": {"UrlStem|exists": False}}, rows) == [1]
    assert matching({"selection": {"HttpStatus": "-"}}, [{"HttpStatus": None}, {"HttpStatus": 200}]) == [0]


@pytest.mark.parametrize(
    "inner",
    [
        {"UrlStem": "a"},
        {"UrlStem|contains": "a"},
        {"UrlStem|startswith|cased": "a"},
        {"UrlStem": "a*b?c"},
        {"UrlStem|re": "a"},
        {"UrlStem|cidr": "10.0.0.0/8"},
        {"UrlStem|gt": 5},
        {"UrlStem|fieldref": "UrlHost"},
        {"UrlStem|fieldref|contains": "UrlHost"},
        {"HttpStatus": 200},
        {"HttpStatus|lte": 200},
        {"HttpStatus|startswith": "2"},
        {"StartTime|hour": 3},
        {"NoSuchField|contains": "a"},
        {"NoSuchField|exists": True},
    ],
)
def test_not_holds_for_a_missing_field(matching: Matching, inner: Mapping[str, object]) -> None:
    rows: list[dict[str, object]] = [{}]
    assert matching({"selection": inner}, rows) == []
    assert matching({"selection": inner, "condition": "not selection"}, rows) == [0]
    both = {"selection": inner, "other": {"Method": "get"}, "condition": "not (selection or other)"}
    assert matching(both, rows) == [0]


def test_a_field_the_events_do_not_have_is_empty(matching: Matching) -> None:
    rows = stems("a")
    assert matching({"selection": {"NoSuchField": None}}, rows) == [0]
    assert matching({"selection": {"NoSuchField": ["", "x"]}}, rows) == [0]
    assert matching({"selection": {"NoSuchField|exists": False}}, rows) == [0]
    assert matching({"selection": {"UrlStem|fieldref": "NoSuchField"}}, rows) == []


def test_regular_expressions_are_searched_and_case_sensitive(matching: Matching) -> None:
    rows = stems("xABCx", "xabcx", "a\nbc", None)
    assert matching({"selection": {"UrlStem|re": "abc"}}, rows) == [1]
    assert matching({"selection": {"UrlStem|re|i": "abc"}}, rows) == [0, 1]
    assert matching({"selection": {"UrlStem|re": "a.b"}}, rows) == []
    assert matching({"selection": {"UrlStem|re|s": "a.b"}}, rows) == [2]
    assert matching({"selection": {"UrlStem|re": "^bc"}}, rows) == []
    assert matching({"selection": {"UrlStem|re|m": "^bc"}}, rows) == [2]
    assert matching({"selection": {"UrlStem|re|i|m|s": "^X.*C"}}, rows) == [0, 1]
    assert matching({"selection": {"HttpStatus|re": "^40[13]$"}}, [{"HttpStatus": 401}, {"HttpStatus": 4013}]) == [0]


def test_numbers(matching: Matching) -> None:
    rows = [{"HttpStatus": 200}, {"HttpStatus": 404}, {"HttpStatus": None}]
    assert matching({"selection": {"HttpStatus": 200}}, rows) == [0]
    assert matching({"selection": {"HttpStatus": "200"}}, rows) == [0]
    assert matching({"selection": {"HttpStatus": "0200"}}, rows) == []
    assert matching({"selection": {"HttpStatus|startswith": "4"}}, rows) == [1]
    assert matching({"selection": {"HttpStatus": "?0?"}}, rows) == [0, 1]
    assert matching({"selection": {"HttpStatus|gt": 200}}, rows) == [1]
    assert matching({"selection": {"HttpStatus|gte": 200, "HttpStatus|lt": 404}}, rows) == [0]
    assert matching({"selection": {"HttpStatus|lte": 200.5}}, rows) == [0]
    assert matching({"selection": {"HttpStatus": 10**30}}, rows) == []
    assert matching({"selection": {"HttpStatus": str(10**30)}}, rows) == []
    assert matching({"selection": {"HttpStatus": True}}, rows) == []


def test_numbers_in_text(matching: Matching) -> None:
    rows = stems("10", "9.5", "nan", "1e9", "inf", "abc", "0x7f", "+12")
    assert matching({"selection": {"UrlStem|gt": 9}}, rows) == [0, 1, 7]
    assert matching({"selection": {"UrlStem": 10}}, rows) == [0]
    flags = [{"IsAuthenticated": "True"}, {"IsAuthenticated": "false"}, {"IsAuthenticated": None}]
    assert matching({"selection": {"IsAuthenticated": True}}, flags) == [0]
    assert matching({"selection": {"IsAuthenticated": False}}, flags) == [1]


def test_field_references(matching: Matching) -> None:
    rows = [
        {"UrlStem": "/ABC", "UrlHost": "/abc", "HttpStatus": 200, "BackEndStatus": 200, "Method": "200"},
        {"UrlStem": "/abcdef", "UrlHost": "/abc", "HttpStatus": 200, "BackEndStatus": 500, "Method": "500"},
        {"UrlStem": "x/abc", "UrlHost": "/ABC", "HttpStatus": None, "BackEndStatus": None},
    ]
    assert matching({"selection": {"UrlStem|fieldref": "urlhost"}}, rows) == [0]
    assert matching({"selection": {"UrlStem|fieldref|startswith": "UrlHost"}}, rows) == [0, 1]
    assert matching({"selection": {"UrlStem|fieldref|endswith": "UrlHost"}}, rows) == [0, 2]
    assert matching({"selection": {"UrlStem|fieldref|contains": "UrlHost"}}, rows) == [0, 1, 2]
    assert matching({"selection": {"HttpStatus|fieldref": "BackEndStatus"}}, rows) == [0]
    assert matching({"selection": {"BackEndStatus|fieldref": "Method"}}, rows) == [0, 1]


def test_base64(matching: Matching) -> None:
    text = base64.b64encode(b"Invoke-Mail").decode()
    assert matching({"selection": {"UrlStem|base64|contains": "Invoke-Mail"}}, stems(f"x{text}x", "Invoke-Mail")) == [0]


@pytest.mark.parametrize("before", [b"", b"1", b"12", b"123"])
def test_base64offset_finds_text_at_any_place(matching: Matching, before: bytes) -> None:
    rows = stems(
        base64.b64encode(before + b"ForeignRules" + b"after").decode(), base64.b64encode(b"other text").decode()
    )
    assert matching({"selection": {"UrlStem|base64offset|contains": "ForeignRules"}}, rows) == [0]


@pytest.mark.parametrize("before", ["", "1", "12"])
def test_wide_text_in_base64(matching: Matching, before: str) -> None:
    rows = stems(base64.b64encode((before + "ping host" + "z").encode("utf-16-le")).decode())
    assert matching({"selection": {"UrlStem|wide|base64offset|contains": "ping host"}}, rows) == [0]
    assert matching({"selection": {"UrlStem|wide|base64offset|contains": "pong host"}}, rows) == []


def test_wide_text_holds_nul_characters(matching: Matching) -> None:
    assert matching({"selection": {"UrlStem|wide|contains": "ab"}}, stems("xa\0b\0x", "ab", "xa")) == [0]


def test_windash_takes_each_kind_of_dash(matching: Matching) -> None:
    rows = stems(*(f"net user {dash}add now" for dash in "-/–—―+"))
    assert matching({"selection": {"UrlStem|windash|contains": " -add "}}, rows) == [0, 1, 2, 3, 4]
    all_of = {"UrlStem|windash|contains|all": [" -add ", "user"]}
    assert matching({"selection": all_of}, rows) == [0, 1, 2, 3, 4]


def test_time_parts(matching: Matching) -> None:
    rows = [
        {"time": dt.datetime(2021, 1, 3, 23, 59, 0, tzinfo=dt.UTC)},
        {"time": dt.datetime(2021, 3, 3, 4, 5, tzinfo=dt.UTC)},
    ]
    for part, number in (("minute", 59), ("hour", 23), ("day", 3), ("month", 1), ("week", 53)):
        expected = [0, 1] if part == "day" else [0]
        assert matching({"selection": {f"time|{part}": number}}, rows) == expected
    assert matching({"selection": {"time|year": 2021}}, rows) == [0, 1]
    started = [{"StartTime": "2021-03-03T04:05:06.000Z"}, {"StartTime": "4 o'clock"}]
    assert matching({"selection": {"StartTime|hour": 4}}, started, "cmdlet") == [0]


def test_keywords_search_all_text_fields(matching: Matching) -> None:
    rows: list[dict[str, object]] = [
        {"UrlStem": "/ecp/Evil.aspx", "UserAgent": "curl"},
        {"UserAgent": "EVIL one", "UrlStem": "/x"},
        {"UrlStem": "/x", "UserAgent": "one"},
        {"HttpStatus": 500},
    ]
    assert matching({"selection": ["evil"]}, rows) == [0, 1]
    assert matching({"selection": ["evil.*", "nothing"]}, rows) == [0]
    assert matching({"selection": {"|all": ["evil", "curl"]}}, rows) == [0]
    assert matching({"selection": {"|cased": "Evil"}}, rows) == [0]
    assert matching({"selection": {"|re": "(?i)e[v]il "}}, rows) == [1]
    assert matching({"selection": ["evil"], "condition": "not selection"}, rows) == [2, 3]
    assert matching({"selection": [True]}, [{"IsAuthenticated": "True"}, {"IsAuthenticated": "false"}]) == [0]


def test_a_keyword_sees_the_address_of_a_web_request_as_one_text(matching: Matching) -> None:
    rows: list[dict[str, object]] = [{"cs-uri-stem": "/x.aspx", "cs-uri-query": "cmd=1", "cs-user-agent": "curl"}, {}]
    for keyword in ("x.aspx?cmd", "x.aspx\\?CMD", "curl", "cmd=?"):
        assert matching({"selection": [keyword]}, rows, "iis") == [0]


def test_a_keyword_does_not_reach_from_one_field_into_the_next(matching: Matching) -> None:
    rows = [{"UrlHost": "abc", "UrlStem": "def"}]
    for keyword in ("abcdef", "abc\ndef", "abc*def", "c?d"):
        assert matching({"selection": [keyword]}, rows) == []


def test_quantifiers(matching: Matching) -> None:
    detection = {
        "sel_a": {"UrlStem|contains": "a"},
        "sel_b": {"UrlStem|contains": "b"},
        "filter": {"UrlStem|contains": "c"},
    }
    rows = stems("a", "ab", "abc", "c", "x")
    assert matching({**detection, "condition": "1 of sel_*"}, rows) == [0, 1, 2]
    assert matching({**detection, "condition": "all of sel_*"}, rows) == [1, 2]
    assert matching({**detection, "condition": "all of sel_* and not filter"}, rows) == [1]
    assert matching({**detection, "condition": "1 of them"}, rows) == [0, 1, 2, 3]
    assert matching({**detection, "condition": "all of them"}, rows) == [2]
    assert matching({**detection, "condition": ["sel_b and filter", "sel_a and not sel_b"]}, rows) == [0, 2]


def test_lists_of_maps_are_alternatives_and_maps_are_conjunctions(matching: Matching) -> None:
    rows = [{"UrlStem": "a", "Method": "get"}, {"UrlStem": "a", "Method": "post"}, {"UrlStem": "b", "Method": "put"}]
    assert matching({"selection": [{"UrlStem": "a", "Method": "GET"}, {"UrlStem": "b"}]}, rows) == [0, 2]


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"UrlStem|expand": "%servers%"}, "placeholder %servers%"),
        ({"UrlStem|contains|expand": "x%servers%"}, "placeholder %servers%"),
        ({"UrlStem|re|expand": "%servers%"}, "placeholder"),
        ({"|cidr": "10.0.0.0/8"}, "keyword"),
        ({"UrlStem": "\ud800"}, "surrogate"),
    ],
)
def test_what_cannot_be_run_says_why(
    criterion: Callable[..., Criterion], selection: Mapping[str, object], words: str
) -> None:
    with pytest.raises(UnsupportedRule, match=words):
        criterion({"selection": selection})


def test_percent_signs_without_expand_are_plain_text(matching: Matching) -> None:
    assert matching({"selection": {"UrlStem": "%servers%"}}, stems("%servers%", "xserversx")) == [0]


def test_web_fields(matching: Matching) -> None:
    rows: list[dict[str, object]] = [
        {"cs-uri-stem": "/ecp/x.js", "cs-uri-query": "a=1"},
        {"cs-uri-stem": "/ecp/x.js"},
        {"cs-uri-query": "ecp"},
        {},
    ]
    assert matching({"selection": {"cs-uri-query": "/ecp/x.js?a=1"}}, rows, "iis") == [0]
    assert matching({"selection": {"cs-uri-query": "/ecp/x.js\\?a=1"}}, rows, "iis") == [0]
    assert matching({"selection": {"cs-uri-query|contains": "ecp"}}, rows, "iis") == [0, 1, 2]
    assert matching({"selection": {"c-uri|endswith": ".js"}}, rows, "iis") == [1]
    assert matching({"selection": {"query-only": "a=1"}}, rows, "iis") == [0]
    assert matching({"selection": {"cs-uri": None}}, rows, "iis") == [3]
    assert matching({"selection": {"cs-uri-stem|startswith": "/ECP"}}, rows, "iis") == [0, 1]


def test_a_space_in_a_web_rule_is_also_the_logged_plus(matching: Matching) -> None:
    agents = ["Mozilla/5.0+(compatible;+bot)", "Mozilla/5.0 (compatible; bot)", "Mozilla/5.0(compatible;bot)"]
    rows = [{"cs-user-agent": agent} for agent in agents]
    assert matching({"selection": {"c-useragent": "mozilla/5.0 (compatible; bot)"}}, rows, "iis") == [0, 1]
    assert matching({"selection": {"cs(User-Agent)|contains": "; b"}}, rows, "iis") == [0, 1]
    assert matching({"selection": {"cs-user-agent|contains": "+bot"}}, rows, "iis") == [0]
    assert matching({"selection": ["compatible; bot"]}, rows, "iis") == [0, 1]
    # Elsewhere a plus is a plus.
    assert matching({"selection": {"UrlStem": "a b"}}, stems("a+b", "a b")) == [1]


def test_every_kind_takes_a_rule_on_each_of_its_fields(
    engine: DuckEngine, table_of: Callable[..., pa.Table], criterion: Callable[..., Criterion]
) -> None:
    tests = {"": "a*b?c", "|contains": "x", "|re": "x", "|gt": 1, "|hour": 1, "|exists": True}
    for name in tables():
        kind = event_kind(name)
        engine.register("nothing", table_of(name, []))
        for field in kind.fields:
            selection = {f"{field}{modifier}": value for modifier, value in tests.items()}
            condition = condition_sql(criterion({"selection": selection}), kind)
            assert engine.query(f"SELECT line FROM nothing WHERE {condition}").num_rows == 0
