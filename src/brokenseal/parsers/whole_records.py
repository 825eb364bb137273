"""Give a parser blocks that hold whole records, where a record may span lines.

Blocks are cut at any line. Here the lines of a record that is not finished in its block are put before the next one, so
that what a parser sees does not hang on where a block ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pyarrow as pa

from brokenseal.parsers.blocks import Block, Positions

Piece = TypeVar("Piece")

#: What became of the first lines of a block, and how many they are: the others come again with the next block. The flag
#: says that no line follows which belongs to them, so that all are taken.
Take = Callable[[Block, bool], tuple[Piece, int]]


def whole_records(blocks: Iterator[Block], take: Take[Piece]) -> Iterator[tuple[Piece, int]]:
    """What *take* makes of *blocks*, in pieces of whole records, and how many bytes of the file each piece was.

    A line that was too long ends the record that it stands in.
    """
    kept: Block | None = None
    for block in blocks:
        if block.oversized:
            if kept is not None:
                yield take(kept, True)[0], kept.raw_bytes
                kept = None
            yield take(block, True)[0], block.raw_bytes
            continue
        whole = block if kept is None else joined(kept, block)
        piece, taken = take(whole, False)
        kept = tail(whole, taken) if taken < len(whole) else None
        yield piece, whole.raw_bytes - (0 if kept is None else kept.raw_bytes)
    if kept is not None:
        yield take(kept, True)[0], kept.raw_bytes


def joined(first: Block, second: Block) -> Block:
    """Two neighbouring blocks of lines as one. What was odd in lines of *first* was counted with it."""
    size = len(first.data)
    return Block(
        first.data + second.data,
        np.concatenate([first.starts, second.starts + size]),
        np.concatenate([first.ends, second.ends + size]),
        np.concatenate([first.offsets, second.offsets]),
        first.first_line,
        first.raw_bytes + second.raw_bytes,
        second.ends_mid_line,
        second.invalid_utf8_lines,
        second.nul_lines,
    )


def tail(block: Block, index: int) -> Block:
    """The block's lines from *index* on. What was odd in them was counted with the block."""
    start = int(block.starts[index])
    return Block(
        block.data[start:],
        block.starts[index:] - start,
        block.ends[index:] - start,
        block.offsets[index:],
        block.first_line + index,
        block.raw_bytes - int(block.offsets[index] - block.offsets[0]),
        block.ends_mid_line,
    )


def spans(data: bytes, starts: Positions, ends: Positions) -> pa.Array:
    """Some pieces of *data* (UTF-8) as texts, in its order and not overlapping."""
    count = len(starts)
    if not count:
        return pa.array([], pa.string())
    offsets = np.empty(2 * count, dtype=np.int32)
    offsets[::2], offsets[1::2] = starts, ends
    # Every second text is what lies between two of them.
    texts = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(offsets), pa.py_buffer(data))
    return texts.take(pa.array(np.arange(0, 2 * count - 1, 2, dtype=np.int64)))
