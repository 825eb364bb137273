"""Blocks put together again where a record spans them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from brokenseal.parsers.blocks import Block, Tally, read_blocks
from brokenseal.parsers.whole_records import joined, spans, tail, whole_records

TEXT = "one\ntwo é\nthree\n\nfive\n"


def blocks(text: str, block_bytes: int, max_line: int = 1000) -> Iterator[Block]:
    return read_blocks(io.BytesIO(text.encode()), Tally(), block_bytes=block_bytes, max_line=max_line)


def lines(block: Block) -> list[tuple[int, int, bytes]]:
    return [(block.first_line + at, int(block.offsets[at]), block.text(at)) for at in range(len(block))]


@pytest.mark.parametrize("block_bytes", [4, 12, 100])
def test_tail_and_joined_keep_every_lines_number_offset_and_text(block_bytes: int) -> None:
    (whole,) = blocks(TEXT, 1000)
    made: Block | None = None
    for block in blocks(TEXT, block_bytes):
        made = block if made is None else joined(made, block)
    assert made is not None
    assert lines(made) == lines(whole)
    assert made.raw_bytes == len(TEXT.encode())
    for index in range(len(whole)):
        rest = tail(whole, index)
        assert lines(rest) == lines(whole)[index:]
        assert rest.raw_bytes == len(TEXT.encode()) - whole.offsets[index]


@pytest.mark.parametrize("block_bytes", [1, 7, 100])
def test_lines_that_are_not_taken_come_again(block_bytes: int) -> None:
    def pairs(block: Block, last: bool) -> tuple[list[bytes], int]:
        count = len(block) if last else len(block) // 2 * 2
        return [block.text(at) for at in range(count)], count

    pieces = list(whole_records(blocks(TEXT, block_bytes), pairs))
    assert [text for piece, _ in pieces for text in piece] == TEXT.encode().splitlines()
    assert all(len(piece) % 2 == 0 for piece, _ in pieces[:-1])
    assert sum(size for _, size in pieces) == len(TEXT.encode())


def test_a_line_that_is_too_long_ends_what_stands_before_it() -> None:
    seen: list[tuple[int, bool, int]] = []

    def none(block: Block, last: bool) -> tuple[None, int]:
        seen.append((len(block), last, len(block.oversized)))
        return None, len(block) if last else 0

    text = "a\nb\n" + "x" * 50 + "\nc\n"
    sizes = [size for _, size in whole_records(blocks(text, 1000, 20), none)]
    assert seen == [(2, False, 0), (2, True, 0), (0, True, 1), (1, False, 0), (1, True, 0)]
    assert sum(sizes) == len(text)


def test_spans_are_pieces_of_the_data_in_order() -> None:
    (whole,) = blocks(TEXT, 1000)
    assert spans(whole.data, whole.starts[1:4], whole.ends[1:4]).to_pylist() == ["two é", "three", ""]
    assert spans(whole.data, whole.starts[:0], whole.ends[:0]).to_pylist() == []
