from __future__ import annotations

import errno
import io
import sys

import pytest

from brokenseal.cli.streams import Color, deliver, in_color, out, out_bytes, results_console


@pytest.mark.parametrize(
    ("color", "terminal", "environment", "expected"),
    [
        (Color.AUTO, True, {}, True),
        (Color.AUTO, False, {}, False),
        (Color.AUTO, True, {"NO_COLOR": "1"}, False),
        (Color.AUTO, True, {"NO_COLOR": ""}, True),
        (Color.AUTO, True, {"TERM": "dumb"}, False),
        (Color.AUTO, False, {"FORCE_COLOR": "1"}, False),
        (Color.ALWAYS, False, {"NO_COLOR": "1"}, True),
        (Color.NEVER, True, {}, False),
    ],
)
def test_when_colour_is_used(color: Color, terminal: bool, environment: dict[str, str], expected: bool) -> None:
    assert in_color(color, terminal=terminal, environment=environment) is expected


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch, no_color: str, colored: bool) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    results_console(Color.AUTO).print("x", style="bold red")
    assert ("\x1b" in stream.getvalue()) is colored


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def write(self, text: str) -> int:
        raise OSError(self.code, "gone")


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EINVAL])
def test_a_reader_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(code))
    out("text")
    out_bytes(b"bytes")
    deliver(lambda: results_console(Color.NEVER).print("x"))


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(errno.ENOSPC))
    with pytest.raises(OSError, match="gone"):
        out("text")


def test_what_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline="\n"))
    out("日 ü …")
    sys.stdout.flush()
    assert raw.getvalue() == "\\u65e5 ü …\n".encode("cp1252")
