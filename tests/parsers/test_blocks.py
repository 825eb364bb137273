"""Blocks: whole lines with their numbers and offsets, the hash, lines that are too long, damage in the middle."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.errors import EvidenceError
from brokenseal.parsers.blocks import MAX_LINE, Block, Oversized, Tally, raw_blocks, read_blocks

QUICK = settings(max_examples=80, deadline=None)
TEXT = st.lists(
    st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\xc3\xa9", b"\xff", b"\0", b"\r", b"\xef\xbb\xbf"]), max_size=40
)


class Dripping(io.BytesIO):
    """A stream that gives fewer bytes than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1 if size is None or size < 0 else min(size, 3))


class Breaking:
    """A stream that fails after its data."""

    name = "broken.log"

    def __init__(self, data: bytes, error: Exception) -> None:
        self._data, self._error = io.BytesIO(data), error

    def read(self, size: int = -1, /) -> bytes:
        data = self._data.read(size)
        if not data:
            raise self._error
        return data


def blocks_of(data: bytes, block_bytes: int = 8 << 20, max_line: int = MAX_LINE) -> tuple[list[Block], Tally]:
    tally = Tally()
    return list(read_blocks(io.BytesIO(data), tally, block_bytes=block_bytes, max_line=max_line)), tally


def lines_of(blocks: list[Block]) -> list[tuple[int, int, bytes]]:
    return [
        (block.first_line + index, int(block.offsets[index]), block.text(index))
        for block in blocks
        for index in range(len(block))
    ]


@QUICK
@given(TEXT.map(b"".join), st.integers(1, 60))
def test_lines_do_not_hang_on_the_size_of_blocks(data: bytes, block_bytes: int) -> None:
    whole, one = blocks_of(data)
    pieces, many = blocks_of(data, block_bytes)
    assert lines_of(pieces) == lines_of(whole)
    assert many == one
    assert one.sha256 == hashlib.sha256(data).hexdigest()
    assert one.size == len(data) == sum(block.raw_bytes for block in pieces)
    assert sum(block.invalid_utf8_lines for block in pieces) == sum(block.invalid_utf8_lines for block in whole)
    assert sum(block.nul_lines for block in pieces) == sum(block.nul_lines for block in whole)
    ends = [block.ends_mid_line for block in pieces if block.ends_mid_line]
    assert ends == [block.ends_mid_line for block in whole if block.ends_mid_line]
    if one.encoding == "utf-8":
        assert ends == ([True] if data[-1:] not in (b"\n", b"") else [])


@QUICK
@given(TEXT.map(b"".join))
def test_a_block_is_clean_text(data: bytes) -> None:
    blocks, _ = blocks_of(data)
    assert sum(block.data.count(b"\n") for block in blocks) == data.count(b"\n")
    for block in blocks:
        text = block.data.decode("utf-8")
        assert "\0" not in text
        assert "\r" not in text.replace("\r\n", "\n").removesuffix("\r")
        assert block.data[: block.starts[0]] == b""
        ends = [*block.starts[1:].tolist(), len(block.data)]
        for start, end, next_start in zip(block.starts.tolist(), block.ends.tolist(), ends, strict=True):
            assert block.data[end:next_start] in (b"\n", b"")
            assert b"\n" not in block.data[start:end]


@QUICK
@given(st.binary(max_size=80), st.integers(1, 30))
def test_a_stream_may_give_less_than_it_is_asked_for(data: bytes, block_bytes: int) -> None:
    tally = Tally()
    dripped = list(read_blocks(Dripping(data), tally, block_bytes=block_bytes))
    whole, expected = blocks_of(data, block_bytes)
    assert lines_of(dripped) == lines_of(whole)
    assert tally == expected


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1000, 8 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_line_longer_than_the_limit_is_named_and_its_neighbours_stay(block_bytes: int, encoding: str) -> None:
    mark = "" if encoding == "utf-8" else "\ufeff"
    width = 1 if encoding == "utf-8" else 2
    text = mark + "first\n" + "x" * 50 + "\nsecond\n" + "y" * 200 + "\n" + "z" * 51 + "\nthird\n" + "w" * 300
    blocks, tally = blocks_of(text.encode(encoding), block_bytes, max_line=50 * width)
    assert [text.decode() for _, _, text in lines_of(blocks)] == ["first", "x" * 50, "second", "third"]
    assert [line for line, _, _ in lines_of(blocks)] == [1, 2, 3, 6]
    long = [each for block in blocks for each in block.oversized]
    assert [(each.line, each.length) for each in long] == [(4, 200 * width), (5, 51 * width), (7, 300 * width)]
    assert [each.start.decode()[0] for each in long] == ["y", "z", "w"]
    data = text.encode(encoding)
    assert [each.offset for each in long] == [data.index(each.encode(encoding)) for each in ("y", "z", "w")]
    assert tally.lines == 7
    assert sum(block.raw_bytes for block in blocks) == len(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_block_of_too_many_lines_is_cut(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokenseal.parsers.blocks.MAX_LINES", 3)
    data = ("" if encoding == "utf-8" else "\ufeff").encode(encoding)
    data += "".join(f"{at}\n" for at in range(8)).encode(encoding) + ("x" * 50 + "\n8\n9\nlast").encode(encoding)
    blocks, tally = blocks_of(data, max_line=60)
    assert max(len(block) for block in blocks) <= 3
    assert tally.lines == 12
    found = lines_of(blocks)
    assert [line for line, _, _ in found if line != 9] == [*range(1, 9), 10, 11, 12]
    for line, offset, text in found:
        assert data[offset:].decode(encoding).lstrip("\ufeff").split("\n")[0] == text.decode(), line


def test_what_is_kept_of_a_long_line_is_short_and_readable() -> None:
    blocks, _ = blocks_of(b"\xff" * 100_000, max_line=1000)
    assert [block.oversized for block in blocks] == [[Oversized(1, 0, 100_000, b"\\xff" * 4096)]]


@pytest.mark.parametrize(
    "error", [EvidenceError("bad checksum", file="a.zip!/b.log"), OSError("bad sector"), EOFError("early")]
)
def test_damage_in_the_middle_keeps_what_came_before(error: Exception) -> None:
    tally = Tally()
    blocks = list(read_blocks(Breaking(b"one\ntwo\nthr", error), tally, block_bytes=4))
    assert [text for _, _, text in lines_of(blocks)] == [b"one", b"two", b"thr"]
    assert blocks[-1].ends_mid_line
    assert tally.damage is not None
    assert tally.damage.reason == (error.reason if isinstance(error, EvidenceError) else str(error))
    assert tally.sha256 == hashlib.sha256(b"one\ntwo\nthr").hexdigest()


def test_raw_blocks_hash_on_the_way() -> None:
    tally = Tally()
    assert list(raw_blocks(io.BytesIO(b"x" * 10), tally, block_bytes=4)) == [b"xxxx", b"xxxx", b"xx"]
    assert (tally.sha256, tally.size, tally.lines) == (hashlib.sha256(b"x" * 10).hexdigest(), 10, 0)
    damaged = Tally()
    assert list(raw_blocks(Breaking(b"xx", ValueError("closed")), damaged, block_bytes=4)) == [b"xx"]
    assert damaged.damage is not None


def test_an_empty_file_has_no_lines() -> None:
    blocks, tally = blocks_of(b"")
    assert blocks == []
    assert (tally.lines, tally.size, tally.sha256) == (0, 0, hashlib.sha256().hexdigest())


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf", b"\xff\xfe", b"\n", b"\r\n", b"a\n\xef\xbb\xbf", b"\0", b"\r"])
def test_a_line_of_nothing_keeps_its_number(data: bytes) -> None:
    blocks, tally = blocks_of(data)
    assert sum(len(block) for block in blocks) == tally.lines == data.count(b"\n") + (not data.endswith(b"\n"))
