"""From chunks to the JSON of their records: many chunks at once and, where that fails, chunk by chunk, record by record.

A record that makes the decoder fail costs only itself. Finding it takes a new process and some seconds each time, so after
some such failures the rest of a file that was made for it is not tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brokenseal.parsers.evtx_chunks import Chunk
from brokenseal.parsers.evtx_cut import Cut, Lengths
from brokenseal.parsers.evtx_decoder import Answer, Decoder, DecoderLost
from brokenseal.parsers.evtx_records import Records, image

#: So often may a file end the decoder; a single bad record does three times: in its group, in its chunk, and alone.
MOST_FAILURES = 12

_GIVEN_UP = f"not tried: the file made the decoder fail {MOST_FAILURES} times"


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A chunk, its records, and their places in the file: the number of each record, and of each loss, from 1."""

    chunk: Chunk
    records: Records
    lines: npt.NDArray[np.int64]
    loss_lines: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """What records of a chunk became, from the one with index ``first`` on: lengths of their JSON, negative for an error.

    ``text``: all JSON and errors one after the other (UTF-8), cut as ``cut`` says.
    """

    of: Surveyed
    first: int
    lengths: Lengths
    cut: Cut
    text: bytes | memoryview

    @property
    def span(self) -> slice:
        """The records of the chunk that it is about."""
        return slice(self.first, self.first + len(self.lengths))


class ChunkReader:
    """Reads the chunks of one file with *decoder*."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._failures = 0
        self._asked = False

    def ask(self, group: Sequence[Surveyed]) -> None:
        """Have a group decoded while the caller does something else; then take its ``pieces``."""
        images = [image(one.chunk.data, one.records) for one in group if len(one.records)]
        self._asked = bool(images) and not self._given_up
        if self._asked:
            self._decoder.ask(images)

    def pieces(self, group: Sequence[Surveyed]) -> Iterator[Piece]:
        """What became of *group*, for which was asked last, in order; every record of it once, and every chunk."""
        asked = self._asked
        for one in group:
            if not len(one.records):
                yield Piece(one, 0, np.zeros(0, np.int32), Cut.none(0), b"")
                continue
            answer = self._answer() if asked else None
            if answer is None:
                # The process has ended at this chunk or another one: from here on, each is asked for alone.
                asked = False
                answer = self._alone(image(one.chunk.data, one.records))
            yield from self._checked(one, answer)

    @property
    def _given_up(self) -> bool:
        return self._failures >= MOST_FAILURES

    def _answer(self) -> Answer | None:
        try:
            return self._decoder.answer()
        except DecoderLost:
            self._failures += 1
            return None

    def _alone(self, asked: bytearray) -> Answer | None:
        if self._given_up:
            return None
        self._decoder.ask([asked])
        return self._answer()

    def _checked(self, one: Surveyed, answer: Answer | None) -> Iterator[Piece]:
        """The pieces of a chunk: its answer, if that has one result for each record, in order."""
        records, leading = one.records, one.records.leading
        if answer is not None and len(answer.lengths) == len(records) + leading:
            numbers = answer.numbers[leading:]
            if ((numbers == records.numbers) | (answer.lengths[leading:] < 0)).all():
                text = answer.text[_size(answer.lengths[:leading]) :]
                yield Piece(one, 0, answer.lengths[leading:], answer.cut.part(slice(leading, None)), text)
                return
        for index, start in enumerate(records.starts.tolist()):
            if start in records.refused or self._given_up:
                yield _error(one, index, _GIVEN_UP)
            else:
                yield _of_one(one, index, self._alone(image(one.chunk.data, records, only=index)))


def _of_one(one: Surveyed, index: int, answer: Answer | None) -> Piece:
    place = one.records.leading + index
    if answer is None:
        return _error(one, index, "the decoder failed")
    if answer.failure:
        return _error(one, index, answer.failure)
    length = int(answer.lengths[place]) if place < len(answer.lengths) else 0
    if length < 0 or (length and int(answer.numbers[place]) == one.records.numbers[index]):
        begins, only = _size(answer.lengths[:place]), slice(place, place + 1)
        text = answer.text[begins : begins + abs(length)]
        return Piece(one, index, answer.lengths[only], answer.cut.part(only), text)
    return _error(one, index, "the decoder found another record in its place")


def _error(one: Surveyed, index: int, reason: str) -> Piece:
    text = reason.encode()
    return Piece(one, index, np.array([-len(text)], np.int32), Cut.none(1), text)


def _size(lengths: Lengths) -> int:
    return int(np.abs(lengths).sum()) if len(lengths) else 0
