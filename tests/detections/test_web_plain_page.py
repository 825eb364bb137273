"""A plain page is one of which taking it apart says nothing: the short look never says more than the long one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brokenseal.detections.web_content import WebContent
from brokenseal.detections.web_decoding import decode_text
from brokenseal.detections.web_gate import Gate
from brokenseal.detections.web_language import take_apart
from brokenseal.detections.web_layout import layout_features
from brokenseal.detections.web_plain_page import is_plain, rough_code
from brokenseal.detections.yara_store import decode

_SAMPLES = Path(__file__).parent.parent / "content" / "webshell_samples"
GATE = Gate()
CONTENT = WebContent()
PARTS = st.sampled_from(
    [
        '<%@ Page Language="C#" %>',
        '<%@ Page Language="JScript" %>',
        "<%@ page language='VB' Inherits='App.P' %>",
        '<%@ Control Language="C#" %>',
        '<%@ Import Namespace="System.IO" %>',
        '<%@ WebHandler Language="C#" %>',
        "<%= Strings.Title %>",
        '<%# Eval("Name") %>',
        "<% Go(); %>",
        '<% Write("<%"); %>',
        "<%-- <% a %> --%>",
        "<%--%>",
        "<%",
        "%>",
        '<script runat="server">',
        '<script language="javascript" runat=server>',
        '<script type="text/javascript">',
        "</script>",
        "stream",
        "reverse",
        "x = 1;",
        "</html>",
        "\n",
        "\n" * 60,
        " " * 40,
        "PollInterval : 1\nName : a\nExternalUrl : b\nInternalUrl : c\n",
        "GIF89a",
        "<!-- #include -->",
        "A1b2" * 16,
        "é",
    ]
)


@example(['<%@ Page Language="C#" %>', '<% Write("<%"); %>', "stream"])
@example(["<%", "stream", "<%", "%>", "reverse", "%>"])
@given(st.lists(PARTS, max_size=12))
def test_what_is_plain_has_no_feature_when_it_is_taken_apart(parts: list[str]) -> None:
    text = "".join(parts)
    page = take_apart("a.aspx", text)
    if is_plain(text):
        assert layout_features(page, decode_text(text.encode())) == []
        if not GATE.opens_code(rough_code(text), text):
            assert not GATE.opens_code(page.code, page.text)


@given(st.lists(PARTS, max_size=12), st.sampled_from(["aspx", "ascx", "htm", "txt", "ashx", "cshtml"]))
def test_the_short_look_changes_no_report(parts: list[str], extension: str) -> None:
    data = "".join(parts).encode()
    path = f"C:\\inetpub\\wwwroot\\a.{extension}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebContent, "_is_plain", lambda *_: False)
        long_look = CONTENT.judge(path, data)
    assert CONTENT.judge(path, data) == long_look


@pytest.mark.parametrize("name", ["shells", "honest"])
def test_the_short_look_changes_no_report_of_the_samples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = json.loads(decode((_SAMPLES / f"{name}.json.txt").read_text("ascii"), name=name))
    reports = [CONTENT.judge(sample["path"], sample["text"].encode()) for sample in samples]
    monkeypatch.setattr(WebContent, "_is_plain", lambda *_: False)
    for sample, report in zip(samples, reports, strict=True):
        assert CONTENT.judge(sample["path"], sample["text"].encode()) == report, sample["name"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('<%@ Page Language="C#" %>\n<p><%= Strings.Title %></p></html>', True),
        ('<%@ Page Language="C#" %>\n<script runat="server">int x = 1;</script></html>\n', True),
        ('<%@ Page Language="C#" %>\n<%@ Page Language="C#" %>', False),
        ('<%@ Page Language="JScript" %>', False),
        ("<p></p></html><% Go(); %>", False),
        ("<p>" + " " * 300 + "<% Go(); %>", False),
    ],
)
def test_pages_of_both_sorts(text: str, plain: bool) -> None:
    assert is_plain(text) is plain
