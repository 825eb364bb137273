from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from brokenseal.report.fold import breaks, cut


def folded(text: str, width: int) -> list[str]:
    offsets = [0, *breaks(text, width), len(text)]
    return [text[start:end] for start, end in pairwise(offsets)]


def test_breaks_at_spaces_first() -> None:
    assert folded("one two three", 8) == ["one two ", "three"]


def test_a_long_path_breaks_after_a_slash() -> None:
    assert folded("Logging/HttpProxy/Ecp/HttpProxy_2021030304-1.LOG:412", 30) == [
        "Logging/HttpProxy/Ecp/",
        "HttpProxy_2021030304-1.LOG:412",
    ]


def test_a_word_without_a_slash_breaks_at_the_width() -> None:
    assert folded("abcdefghij", 4) == ["abcd", "efgh", "ij"]


def test_wide_characters_count_two_cells() -> None:
    assert folded("日本語", 4) == ["日本", "語"]


@pytest.mark.parametrize("text", ["", " ", "    ", "short"])
def test_what_fits_is_not_broken(text: str) -> None:
    assert breaks(text, 10) == []


@given(st.text("ab /語\u0301", max_size=60), st.integers(2, 20))
def test_no_line_is_wider_than_asked_and_nothing_is_lost(text: str, width: int) -> None:
    lines = folded(text, width)
    assert "".join(lines) == text
    assert all(cell_len(line.rstrip()) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "lines", "shown"),
    [
        ("one two three", 8, 2, "one two three"),
        ("one two three", 8, 1, "one two…"),
        ("one two three four", 8, 2, "one two three…"),
        ("abcdefghij", 4, 2, "abcdefg…"),
        ("日本語", 4, 1, "日…"),
        ("fits   ", 4, 1, "fits   "),
    ],
)
def test_what_is_cut_off_is_shown(text: str, width: int, lines: int, shown: str) -> None:
    assert cut(text, width, lines) == shown


@given(st.text("ab /語\u0301", max_size=80), st.integers(2, 20), st.integers(1, 3))
def test_what_is_cut_fits_and_is_the_beginning(text: str, width: int, lines: int) -> None:
    shown = cut(text, width, lines)
    assert len(folded(shown, width)) <= lines
    assert shown == text or (shown.endswith("…") and text.startswith(shown[:-1]))
    assert (shown == text) == (len(folded(text, width)) <= lines)
