"""Hostile XML: nothing is expanded or fetched, and size, depth and number are limited."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.plain_xml import MOST_BYTES, MOST_DEPTH, MOST_ELEMENTS, XmlProblem, read_xml


def test_elements_lines_attributes_and_comments() -> None:
    document = read_xml(b'\xef\xbb\xbf<?xml version="1.0"?>\n<a x="1">\n <B Y="2">t</B><!-- c -->\n</a>')
    (child,) = document.root.all("b")
    assert (document.root.line, child.line, child.get("y"), child.text) == (2, 3, "2", "t")
    assert document.comments == [(3, " c ")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_encodings(encoding: str) -> None:
    assert read_xml("<a b='ü'/>".encode(encoding)).root.get("b") == "ü"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>', "declares a document type"),
        (b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>', "declares a document type"),
        (b"<a>&unknown;</a>", "undefined entity"),
        (b"<a", "unclosed token"),
        (b"", "no element found"),
        (b"<a>" * (MOST_DEPTH + 1), "more or deeper elements"),
        (b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>", "more or deeper elements"),
        (b"<a>" + b" " * MOST_BYTES + b"</a>", "larger than"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "unknown encoding"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(XmlProblem, match=reason):
        read_xml(data)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(alphabet='<>/ab="&;!-[]?\n', max_size=100).map(str.encode)))
def test_any_bytes(data: bytes) -> None:
    try:
        assert read_xml(data).root.line >= 1
    except XmlProblem as problem:
        assert str(problem)
