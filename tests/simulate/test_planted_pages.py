"""Planted pages look like web shells to the product, and cannot do anything."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from brokenseal.detections.web_content import WebContent
from brokenseal.detections.yara_store import HEADER, decode, encode
from brokenseal.simulate import planted_pages
from brokenseal.simulate.organisation import found

SERVER = found(1, 1, 1, None).servers[0]
PATH = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\Ab12Cd34.aspx"
_MEANINGS = {
    planted_pages.OAB_SETTINGS: "OAB settings with script",
    planted_pages.SCRIPT_PAGE: "code from a request is evaluated",
    planted_pages.COMMAND_PAGE: "process started from a request",
}


def _text(kind: str) -> str:
    return planted_pages.content(kind, SERVER, 1_614_513_600_000).decode("ascii")


@pytest.mark.parametrize("kind", planted_pages.KINDS)
def test_each_kind_is_suspicious_as_what_it_looks_like(kind: str) -> None:
    report = WebContent().judge(PATH, _text(kind).encode())
    assert report.suspicious
    assert report.kind == _MEANINGS[kind]


@pytest.mark.parametrize("kind", planted_pages.KINDS)
def test_no_kind_holds_anything_that_could_run(kind: str) -> None:
    text = _text(kind)
    code = re.findall(r"<%.*?%>|<script.*?</script>", text, re.DOTALL)
    assert code
    for piece in code:
        assert any(mark in piece for mark in planted_pages.INERT_MARKS), piece
    assert not re.search(
        r"<%@\s*(?:page|control|webhandler|webservice|assembly|import|language)\b", text, re.IGNORECASE
    )
    # Neither what evaluates or starts something, nor what a client sends, has a name in it.
    assert not re.search(r"\b(?:eval|execute\w*|invoke\w*|load|start|request|createobject|new)\b", text, re.IGNORECASE)


def test_settings_are_those_of_the_server_and_several_lines_long() -> None:
    text = _text(planted_pages.OAB_SETTINGS)
    assert "@" not in text
    assert "Server                          : EX01\r\n" in text
    assert "WhenChangedUTC                  : 2021-02-28 12:00:00\r\n" in text
    assert 1_500 < len(text) < 4_000


def test_the_stored_texts_can_be_read_with_the_tool_for_review() -> None:
    stored = (files("brokenseal") / "simulate" / "planted_pages.json.txt").read_text("ascii")
    assert stored.startswith(HEADER)
    assert encode(decode(stored)) == stored
