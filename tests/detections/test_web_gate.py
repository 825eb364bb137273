"""The gate saves work and decides nothing; padded files are read from both ends; work grows with the file, not faster."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType

import pytest

from brokenseal.detections import web_content, web_decoding
from brokenseal.detections.web_content import WebContent
from brokenseal.detections.web_gate import Gate
from brokenseal.detections.yara_store import decode

_FOLDER = Path(__file__).parent.parent / "content" / "webshell_samples"
WEB = "C:\\inetpub\\wwwroot\\"
CONTENT = WebContent()


def _samples(name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(decode((_FOLDER / f"{name}.json.txt").read_text("ascii"), name=name))
    return found


class _Open(Gate):
    def opens(self, family: str | None, extension: str, data: bytes) -> bool:
        return True

    def opens_code(self, code: str, text: str) -> bool:
        return True


def test_no_verdict_hangs_on_the_gate() -> None:
    ungated = WebContent()
    ungated._gate = _Open()
    for sample in [*_samples("shells"), *_samples("honest")]:
        data = sample["text"].encode()
        gated, whole = CONTENT.judge(sample["path"], data), ungated.judge(sample["path"], data)
        assert (gated.suspicious, gated.kind) == (whole.suspicious, whole.kind), sample["name"]


@pytest.mark.parametrize(
    ("name", "text", "opens"),
    [
        ("a.aspx", '<%@ Page Language="C#" Inherits="App.P" %><p><%= Title %><%# Eval("Name") %></p>', False),
        ("a.aspx", '<%@ Page Language="C#" %><% Go(); %>', True),
        ("a.aspx", '<%@ Page Language="C#" %><p><%= Request["q"] %></p>', True),
        ("a.ashx", '<%@ WebHandler Class="App.H" %>', True),
        ("a.php", "<?php function add($a, $b) { return $a + $b; }", False),
        ("a.php", '<?php echo $_GET["q"];', True),
        ("a.php", '<?php $a = "\\x65\\x76\\x61\\x6c";', True),
    ],
)
def test_only_pages_that_can_hold_something_are_read_as_code(name: str, text: str, opens: bool) -> None:
    family = "php" if name.endswith("php") else "net"
    assert Gate().opens(family, name.rpartition(".")[2], text.encode()) is opens


def _shell(name: str) -> bytes:
    return next(sample["text"] for sample in _samples("shells") if sample["name"] == name).encode()


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a few thousand bytes instead of MiB."""
    monkeypatch.setattr(web_decoding, "FEATURE_LIMIT", 8000)
    monkeypatch.setattr(web_decoding, "PIECE", 2000)


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("front", [b"<p>words</p>\n" * 2000, b" " * 9000])
@pytest.mark.parametrize("behind", [b"", b"<p>words</p>\n" * 2000])
def test_a_page_behind_or_between_padding_is_found(front: bytes, behind: bytes) -> None:
    report = CONTENT.judge(WEB + "a.aspx", front + _shell("command form") + behind)
    assert any(feature.name == "process_started" for feature in report.features)
    assert len(front + behind) < 12_000 or "features looked at" in report.notes[0]


def test_the_end_of_a_file_that_is_not_held_whole_is_looked_at() -> None:
    shell = _shell("jscript one line")
    size = 3 << 30
    report = CONTENT.judge(WEB + "a.aspx", b"<html>", size=size, tail=shell)
    assert report.suspicious
    assert report.notes[0] == f"only the first 6 and the last {len(shell):,} of {size:,} bytes were looked at"
    (match,) = [match for match in report.yara if match.rule == "jscript_page_evaluates_request"]
    assert all(size - len(shell) <= text.offset < size for text in match.texts)


def test_code_behind_very_much_code_is_read_and_what_was_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_content, "CODE_LIMIT", 3000)
    filler = "int a = 1; string b = file;\n" * 500
    text = (
        '<%@ Page Language="C#" %><script runat="server">' + filler + ")]inert[( Process.Start(Request[0]); </script>"
    )
    report = CONTENT.judge(WEB + "a.aspx", text.encode())
    (started,) = [feature for feature in report.features if feature.name == "process_started"]
    assert "line 501: " in started.sentence
    assert "letters of server code" in report.notes[-1]


def _calls(text: str, name: str) -> int:
    """How many calls judging *text* takes: steps of the program, which unlike seconds are the same on every machine."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        CONTENT.judge(WEB + name, text.encode())
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", ["a.aspx", "a.asp", "a.php", "a.jsp"])
@pytest.mark.parametrize(
    "piece", ["(", '"', "/*", "eval(", 'a="b";', '"a"+', "a=request[b];", "<% a %>", "<<<A\n", "\\u0065"]
)
def test_twice_the_text_takes_about_twice_the_steps(piece: str, name: str) -> None:
    start = "<?php " if name.endswith("php") else '<%@ Page Language="C#" %><% Process.Start(request[0]); '
    small, large = (_calls(start + piece * count, name) for count in (600, 1200))
    assert large <= 2.4 * small + 500
