"""Which texts a rule needs in the raw line, and which rules have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from brokenseal.detections.criteria import Criterion
from brokenseal.detections.literals import necessary_literals
from brokenseal.detections.regex_literals import regex_literals
from brokenseal.detections.taxonomy import event_kind

Criteria = Callable[..., Criterion]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"UrlStem|endswith": "/Evil.ASPX"}, {"/evil.aspx"}),
        ({"UrlStem": "/ecp/*/proxyLogon.ecp"}, {"/proxylogon.ecp"}),
        ({"UrlStem": ["/one.js", "/two.css"]}, {"/one.js", "/two.css"}),
        ({"UrlStem|contains|all": ["ServerInfo~", "/autodiscover"]}, {"/autodiscover"}),
        # quotes are doubled in the line, so the text is cut there
        ({"UrlStem|contains": "src='evil.js'"}, {"evil.js"}),
        ({"UrlStem|contains": 'say "hello" now'}, {"hello"}),
        ({"UrlStem|contains": "é_ascii_part_é"}, {"_ascii_part_"}),
        ({"UrlStem|contains": " spaced text "}, {"spaced text"}),
        ({"UrlStem|contains": "x" * 500}, {"x" * 64}),
        ({"UrlStem|contains": "ab"}, None),
        ({"UrlStem|contains": "post"}, None),
        ({"UrlStem": "-"}, None),
        ({"UrlStem": ["/evil.js", ""]}, None),
        ({"UrlStem": ["/evil.js", "ab"]}, None),
        ({"UrlStem": "*"}, None),
        ({"UrlStem": None}, None),
        ({"UrlStem|neq": "/evil.js"}, None),
        ({"UrlStem|exists": True}, None),
        ({"UrlStem|fieldref": "UrlHost"}, None),
        ({"ClientIpAddress|cidr": "192.0.2.7/32"}, None),
        ({"HttpStatus": 241}, None),
        ({"HttpStatus": "241"}, None),
        ({"IsAuthenticated": False}, None),
        ({"Build": "15.1.2176.2"}, None),
        ({"time|hour": 3}, None),
        ({"host": "ex01.corp.example"}, None),
        ({"HttpStatus": 200, "UrlStem": "/x.aspx"}, {"/x.aspx"}),
        ({"NoSuchField": "evil.aspx"}, set()),
        ({"NoSuchField": None}, None),
        ({"UrlStem|re": "/owa/auth/[a-z]{1,8}\\.aspx$"}, {"/owa/auth/"}),
        ({"UrlStem|re|i": "(Alpha|beta)\\d+"}, {"alpha", "beta"}),
        ({"UrlStem|re": "[abc]+"}, None),
        ({"UrlStem|windash|contains": "-encodedcommand"}, {"-encodedcommand", "/encodedcommand", "encodedcommand"}),
        ({"|all": ["keyword one", "two"]}, {"keyword one"}),
    ],
)
def test_literals_of_a_selection(
    criterion: Criteria, selection: Mapping[str, object], expected: set[str] | None
) -> None:
    found = necessary_literals(criterion({"selection": selection}), event_kind("httpproxy"))
    assert found == (None if expected is None else frozenset(expected))


def test_conditions(criterion: Criteria) -> None:
    parts = {"sel": {"UrlStem": "/evil.js"}, "other": {"UrlStem": "/longer/path.js"}, "filter": {"UrlStem": "/good.js"}}
    kind = event_kind("httpproxy")

    def literals(condition: str) -> frozenset[str] | None:
        return necessary_literals(criterion({**parts, "condition": condition}), kind)

    assert literals("sel") == frozenset({"/evil.js"})
    assert literals("sel and not filter") == frozenset({"/evil.js"})
    assert literals("sel and other") == frozenset({"/longer/path.js"})
    assert literals("sel or other") == frozenset({"/evil.js", "/longer/path.js"})
    assert literals("not filter") is None
    assert literals("sel or not filter") is None


@pytest.mark.parametrize(
    ("kind", "selection", "expected"),
    [
        # stem and query are two columns of the line, with a space between them
        ("iis", {"cs-uri-query|contains": "x.aspx\\?cmd=whoami"}, {"cmd=whoami"}),
        ("iis", {"query-only|contains": "x.aspx\\?cmd=whoami"}, {"x.aspx?cmd=whoami"}),
        # a space of the rule is a '+' or a space in the line
        ("iis", {"cs-user-agent": "Mozilla/5.0 (compatible; evilbot)"}, {"(compatible;"}),
        ("iis", {"extra|contains": "x-forwarded-for"}, None),
        ("iis", {"|all": ["/x.aspx\\?exec=whoami"]}, {"exec=whoami"}),
        ("ecp_server", {"Cmdlet": "Set-OabVirtualDirectory"}, {"set-oabvirtualdirectory"}),
        ("ecp_server", {"Parameters|contains": "ExternalUrl=http"}, {"externalurl"}),
        ("ecp_server", {"CMD|contains": "ExternalUrl=''http"}, {"externalurl="}),
        ("oab_generator", {"Path|startswith": "C:\\inetpub\\wwwroot"}, {"c:\\inetpub\\wwwroot"}),
    ],
)
def test_columns_that_differ_from_the_line(
    criterion: Criteria, kind: str, selection: Mapping[str, object], expected: set[str] | None
) -> None:
    found = necessary_literals(criterion({"selection": selection}), event_kind(kind))
    assert found == (None if expected is None else frozenset(expected))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abc", [{"abc"}]),
        ("ab+c", [{"ab"}, {"c"}]),
        ("ab*c", [{"a"}, {"c"}]),
        ("ab?c", [{"a"}, {"c"}]),
        ("ab{0,3}c", [{"a"}, {"c"}]),
        ("ab{2}c", [{"ab"}, {"c"}]),
        ("a.c", [{"a"}, {"c"}]),
        (r"a\.b\\c", [{r"a.b\c"}]),
        (r"a\d\w\bc", [{"a"}, {"c"}]),
        ("x(?:abc|def)y", [{"x"}, {"abc", "def"}, {"y"}]),
        ("(abc)?def", [{"def"}]),
        ("(abc)+", [{"abc"}]),
        ("(abc|)def", [{"def"}]),
        ("abc|def", [{"abc", "def"}]),
        ("abc|.*", []),
        ("[]abc]x", [{"x"}]),
        ("[^]abc]x", [{"x"}]),
        (r"[a\]b]x", [{"x"}]),
        ("[[:alpha:]]x", [{"x"}]),
        ("(?i)abc", [{"abc"}]),
        ("(?P<name>abc)", [{"abc"}]),
        ("^abc$", [{"abc"}]),
        ("ab(?i:c)d", [{"ab"}, {"c"}, {"d"}]),
        (r"\Qa.b\E", []),
        (r"\x41bc", []),
        (r"\pNabc", []),
        ("a{bc", []),
        ("(" * 500 + "a" + ")" * 500, []),
    ],
)
def test_texts_in_every_match_of_an_expression(pattern: str, expected: list[set[str]]) -> None:
    assert regex_literals(pattern) == [frozenset(texts) for texts in expected]


_atoms = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "ab",
        "bc",
        ".",
        r"\.",
        r"\d",
        r"\w",
        "[ab]",
        "[^ab]",
        "[]a]",
        r"[\]a]",
        "^",
        "$",
        r"\b",
        " ",
        r"\+",
    ]
)
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
        st.tuples(st.sampled_from("abc"), st.sampled_from(["*", "+", "?", "{2}", "{0}"])).map("".join),
        st.tuples(inner, inner).map("|".join),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data(), pattern=_patterns)
def test_every_match_holds_one_text_of_each_set(data: st.DataObject, pattern: str) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error:
        assume(False)
    text = data.draw(st.from_regex(compiled, alphabet=st.characters(max_codepoint=0x2FF)))
    for texts in regex_literals(pattern):
        assert any(literal in text for literal in texts)
