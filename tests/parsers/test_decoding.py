"""Bytes as clean text: nothing is lost, nothing odd reaches the CSV reader."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.decoding import Cleaned, clean, decoded_head, encoding_of, newlines_of, rows_with


def cleaned(raw: bytes, encoding: str = "utf-8") -> Cleaned:
    return clean(raw, encoding, newlines_of(raw, encoding))


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"", "utf-8"),
        (b"#Fields: a\n", "utf-8"),
        (b"\xef\xbb\xbf#Fields", "utf-8"),
        (b"\xff\xfe#\0", "utf-16-le"),
        (b"\xfe\xff\0#", "utf-16-be"),
        ("#Fields: date time".encode("utf-16-le"), "utf-16-le"),
        ("#Fields: date time".encode("utf-16-be"), "utf-16-be"),
        (("#Fields: Zoë 名前" + "x" * 40).encode("utf-16-le"), "utf-16-le"),
        (b"\0" * 100, "utf-8"),
        (b"\0" * 100 + b"2021-03-03 row", "utf-8"),
        (b"a\0b\0c", "utf-8"),
        (b"\x80\0" * 20, "utf-16-le"),
    ],
)
def test_encoding_of(head: bytes, encoding: str) -> None:
    assert encoding_of(head) == encoding


@pytest.mark.parametrize(
    ("raw", "data", "invalid", "nul"),
    [
        (b"plain\r\n", b"plain\r\n", 0, 0),
        ("Zoë\n".encode(), "Zoë\n".encode(), 0, 0),
        (b"caf\xe9\nok\n\xff\xfe\n", b"caf\\xe9\nok\n\\xff\\xfe\n", 2, 0),
        (b"\xed\xa0\x80\n", b"\\xed\\xa0\\x80\n", 1, 0),
        (b"\0\0row\n", b"row\n", 0, 1),
        (b"a\0\0b\0c\n", "a\u2400b\u2400c\n".encode(), 0, 1),
        (b"\0\0\n\0\r\n", "\u2400\n\u2400\r\n".encode(), 0, 2),
        (b"\xef\xbb\xbfrow \xef\xbb\xbfx\n\xef\xbb\xbf\xef\xbb\xbfrow\n", "row \ufeffx\nrow\n".encode(), 0, 0),
        (b"\0\xef\xbb\xbfrow\n", b"row\n", 0, 1),
        (b"a\rb\n", "a\u240db\n".encode(), 0, 0),
        (b"a\r\rb\r\n", "a\u240d\u240db\r\n".encode(), 0, 0),
        (b"a\r\r\n\r\r\r\n", b"a\r\n\r\n", 0, 0),
        (b"a\r", b"a\r", 0, 0),
        (b"a\r\r", b"a\r", 0, 0),
    ],
)
def test_clean(raw: bytes, data: bytes, invalid: int, nul: int) -> None:
    assert cleaned(raw) == Cleaned(data, invalid, nul)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]))
def test_clean_text_has_as_many_lines_as_the_bytes(raw: bytes, encoding: str) -> None:
    result = cleaned(raw, encoding)
    text = result.data.decode("utf-8")
    assert result.data.count(b"\n") == len(newlines_of(raw, encoding))
    assert "\0" not in text
    assert "\r" not in text.replace("\r\n", "\n").removesuffix("\r")
    assert not text.startswith("\ufeff")
    assert "\n\ufeff" not in text


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=40))
def test_good_text_stays_as_it_is(text: str) -> None:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        assert cleaned(text.encode(encoding), encoding) == Cleaned(text.encode(), 0, 0)


def test_lone_surrogates_stay_visible_in_their_line() -> None:
    raw = "a".encode("utf-16-le") + b"\x00\xd8" + "\nb\n".encode("utf-16-le")
    assert cleaned(raw, "utf-16-le") == Cleaned(b"a\\x00\\xd8\nb\n", 1, 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"])
def test_decoded_head_is_what_parsers_will_see(encoding: str) -> None:
    assert decoded_head("#Fields: date time\r\n".encode(encoding)) == b"#Fields: date time\r\n"


@given(texts=st.lists(st.text("ab\n", max_size=6) | st.none()), part=st.sampled_from(["a", "ab", "aa", "aba", "b\n"]))
def test_rows_with_is_what_a_look_at_each_says(texts: list[str | None], part: str) -> None:
    expected = [text is not None and part in text for text in texts]
    whole = pa.array(texts, pa.string())
    assert rows_with(whole, part.encode()).tolist() == expected
    assert rows_with(whole[1:], part.encode()).tolist() == expected[1:]
    either = [text is not None and ("b" in text or part in text) for text in texts]
    assert rows_with(whole, b"b", part.encode()).tolist() == either
