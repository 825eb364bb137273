from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.report.text import plain, unpadded

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("C:\\inetpub\\wwwroot", "C:\\inetpub\\wwwroot"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("exe\u202efdp.aspx", "exe\\u202efdp.aspx"),
        ("\u2066isolate\u2069", "\\u2066isolate\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("no\u00a0break", "no\\xa0break"),
        ("\udc80undecodable", "\\udc80undecodable"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("line\u2028separator", "line\\u2028separator"),
        ("blank\u3164filler", "blank\\u3164filler"),
        ("Jörg Müller 日本語", "Jörg Müller 日本語"),
        ("[red]not markup[/red] :bomb:", "[red]not markup[/red] :bomb:"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_as_an_escape(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_a_longer_text_ends_in_an_ellipsis_within_the_limit() -> None:
    assert plain("abcdef", 6) == "abcdef"
    assert plain("abcdefg", 6) == "abcde…"
    assert plain("\n\n\n\n", 5) == "\\n\\n…"


def test_none_is_empty_and_other_values_are_their_str() -> None:
    assert plain(None) == ""
    assert plain(17) == "17"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("dir  /s   /b", "dir  /s   /b"),
        ("a" + " " * 8 + "b", "a [8 blanks] b"),
        ("a" + " \t\r\n\u3000" * 2000 + "b", "a [10,000 blanks] b"),
    ],
)
def test_padding_is_shown_as_its_number(raw: str, shown: str) -> None:
    assert unpadded(raw) == shown


@given(ANY_TEXT, st.none() | st.integers(1, 50))
def test_result_is_one_printable_line_within_the_limit(text: str, limit: int | None) -> None:
    shown = plain(text, limit)
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert limit is None or len(shown) <= limit
    shown.encode("utf-8")


@given(st.text(st.characters(exclude_categories=("C", "Z", "M"), exclude_characters="\u115f\u1160\u2800\u3164\uffa0")))
def test_visible_text_is_left_alone(text: str) -> None:
    assert plain(text, None) == text
