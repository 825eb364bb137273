"""Find the records of many chunks at once.

Nearly every chunk is as it was written. Those are taken together, as arrays: one by one they would take as long as it takes
to decode them. Every other chunk is salvaged alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from brokenseal.parsers.evtx_chunks import CHUNK, CHUNK_HEADER, SMALLEST_RECORD, Chunk, ChunkHeader, chunk_header
from brokenseal.parsers.evtx_records import MAGIC_NUMBER, Records
from brokenseal.parsers.evtx_salvage import salvage


def survey(chunks: Sequence[Chunk]) -> list[Records]:
    """The records of each of *chunks*."""
    headers = [chunk_header(chunk.data) for chunk in chunks]
    sound = [
        index
        for index, (chunk, header) in enumerate(zip(chunks, headers, strict=True))
        if header.intact and header.records_intact and header.free > CHUNK_HEADER and len(chunk.data) == CHUNK
    ]
    found: dict[int, Records] = {}
    if sound:
        taken = _whole([chunks[index].data for index in sound], [headers[index] for index in sound])
        found = {index: records for index, records in zip(sound, taken, strict=True) if records is not None}
    return [
        found[index] if index in found else salvage(chunk, header)
        for index, (chunk, header) in enumerate(zip(chunks, headers, strict=True))
    ]


def _whole(chunks: Sequence[bytes], headers: Sequence[ChunkHeader]) -> list[Records | None]:
    """The records of each of *chunks*, if one follows the other from the first to the last that its header counts.

    None where anything else is to be seen: also a record that seems to stand inside another, or behind the last one.
    """
    words = np.frombuffer(b"".join(chunks), "<u4").reshape(-1, CHUNK // 4)
    pairs = words.view("<u8")
    place, mark = np.nonzero(words[:, CHUNK_HEADER // 4 :: 2] == MAGIC_NUMBER)
    starts = mark * 8 + CHUNK_HEADER
    free = np.array([header.free for header in headers])
    first_number = np.array([header.first for header in headers], np.uint64)
    last_number = np.array([header.last for header in headers], np.uint64)
    # What stands further on is left from an earlier use of the chunk.
    inside = starts <= np.minimum(free[place], CHUNK - SMALLEST_RECORD)
    place, starts = place[inside], starts[inside]
    first = np.diff(place, prepend=-1) > 0
    last = np.diff(place, append=len(chunks)) > 0
    lengths = words[place, starts // 4 + 1].astype(np.int64)
    numbers, written = pairs[place, starts // 8 + 1], pairs[place, starts // 8 + 2]
    ends = np.minimum(starts + lengths, CHUNK)
    fine = (lengths >= SMALLEST_RECORD) & (ends % 8 == 0) & (words[place, ends // 4 - 1] == lengths)
    fine &= np.where(first, starts == CHUNK_HEADER, np.roll(ends, 1) == starts)
    fine &= np.where(first, numbers == first_number[place], np.roll(numbers, 1) + np.uint64(1) == numbers)
    fine &= ~last | ((ends == free[place]) & (numbers == last_number[place]))
    other = set(place[~fine].tolist())
    bounds = np.searchsorted(place, np.arange(len(chunks) + 1)).tolist()
    return [
        None
        if at in other or begin == end
        else Records(starts[begin:end], lengths[begin:end], numbers[begin:end], written[begin:end])
        for at, (begin, end) in enumerate(pairwise(bounds))
    ]
