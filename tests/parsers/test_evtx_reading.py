"""Whatever the decoder does, every record of every chunk comes out once, and a bad one costs no more than itself."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from brokenseal.parsers import evtx_worker
from brokenseal.parsers.evtx_chunks import CHUNK, FILE_HEADER, Chunk
from brokenseal.parsers.evtx_cut import Cut, CutTexts
from brokenseal.parsers.evtx_decoder import Answer, DecoderLost, answer_of
from brokenseal.parsers.evtx_reading import MOST_FAILURES, ChunkReader, Surveyed
from brokenseal.parsers.evtx_survey import survey

Log = Callable[..., bytes]
NOT_TRIED = f"not tried: the file made the decoder fail {MOST_FAILURES} times"


class Fragile:
    """Decodes, but ends when it meets content from which *deadly* says so; answers before it are lost as well."""

    def __init__(
        self, deadly: Callable[[bytes], bool], wrong: Callable[[bytes], Answer | None] = lambda image: None
    ) -> None:
        self.asked = self.deaths = 0
        self._deadly, self._wrong = deadly, wrong
        self._waiting: list[bytes] = []

    def ask(self, images: Sequence[bytes | bytearray]) -> None:
        assert not self._waiting
        self.asked += 1
        self._waiting = [bytes(image) for image in images]

    def answer(self) -> Answer:
        if any(self._deadly(image) for image in self._waiting):
            self._waiting = []
            self.deaths += 1
            raise DecoderLost
        image = self._waiting.pop(0)
        results = evtx_worker.decode(image)
        assert not isinstance(results, str)
        return self._wrong(image) or answer_of(results)


def surveyed(log: bytes) -> list[Surveyed]:
    chunks = [Chunk(n, at, log[at : at + CHUNK]) for n, at in enumerate(range(FILE_HEADER, len(log), CHUNK))]
    none = np.zeros(0, np.int64)
    return [Surveyed(chunk, records, none, none) for chunk, records in zip(chunks, survey(chunks), strict=True)]


def read(decoder: Fragile, *groups: list[Surveyed]) -> list[tuple[int, str]]:
    """Number and text (JSON or error) of each record, in order."""
    reader = ChunkReader(decoder)
    found: list[tuple[int, str]] = []
    for group in groups:
        reader.ask(group)
        chunks = [id(one) for one in group]
        seen: list[int] = []
        for piece in reader.pieces(group):
            if not piece.first:
                seen.append(id(piece.of))
            assert np.abs(piece.lengths).sum() == len(piece.text)
            texts = CutTexts(np.abs(piece.lengths), [piece.cut], bytes(piece.text))
            whole = texts.whole(np.arange(len(texts))).to_pylist()
            found.extend(zip(piece.of.records.numbers[piece.span].tolist(), whole, strict=True))
        assert seen == chunks
    return found


def errors(found: list[tuple[int, str]]) -> dict[int, str]:
    return {number: text for number, text in found if not text.startswith("{")}


def living(log: bytes, number: int) -> Callable[[bytes], bool]:
    """Whether the record with this number can be decoded in an image: it does not begin with what is no token."""
    for at in range(FILE_HEADER, len(log), CHUNK):
        start, data = 512, log[at : at + CHUNK]
        while struct.unpack_from("<Q", data, start + 8)[0] != number:
            start += struct.unpack_from("<I", data, start + 4)[0]
            if data[start : start + 4] != b"**\0\0":
                break
        else:
            head = data[start : start + 25]
            return lambda image: image[start : start + 25] == head
    raise AssertionError(number)


@pytest.fixture
def log(event_log: Log) -> bytes:
    return event_log(250, padding=200)


def test_all_is_well(log: bytes) -> None:
    decoder = Fragile(lambda image: False)
    found = read(decoder, surveyed(log), surveyed(log)[:1], [])
    assert [number for number, _ in found[:250]] == list(range(1, 251))
    assert all(f'"user{number - 1}x' in text for number, text in found)
    assert decoder.asked == 2


@pytest.mark.parametrize("bad", [1, 40, 150, 250])
def test_a_record_that_ends_the_decoder_costs_itself(log: bytes, bad: int) -> None:
    decoder = Fragile(living(log, bad))
    found = read(decoder, surveyed(log))
    assert [number for number, _ in found] == list(range(1, 251))
    assert errors(found) == {bad: "the decoder failed"}
    assert decoder.deaths == 3


def test_a_file_made_to_end_the_decoder_is_given_up(log: bytes) -> None:
    decoder = Fragile(lambda image: image[536] != 0xFF)
    found = read(decoder, *[surveyed(log)] * 9)
    assert len(found) == 9 * 250
    assert decoder.deaths == MOST_FAILURES
    assert found[-1] == (250, NOT_TRIED)
    last = surveyed(log)
    asked = decoder.asked
    reader = ChunkReader(decoder)
    reader._failures = MOST_FAILURES
    reader.ask(last)
    assert sum(len(piece.lengths) for piece in reader.pieces(last)) == 250
    assert decoder.asked == asked


def test_answers_that_do_not_fit_are_not_taken(log: bytes) -> None:
    """Too few results, or those of other records: each record is asked for alone."""
    numbers = np.arange(900, 950, dtype=np.uint64)
    whole = surveyed(log)[0]
    count = len(whole.records)
    few = Answer(numbers, np.full(50, 2, np.int32), Cut.none(50), b"{}" * 50)
    other = Answer(
        np.arange(900, 900 + count, dtype=np.uint64), np.full(count, 2, np.int32), Cut.none(count), b"{}" * count
    )
    refused = Answer(numbers[:0], np.zeros(0, np.int32), Cut.none(0), b"", "too much")

    def once(answer: Answer) -> Callable[[bytes], Answer | None]:
        waiting = [answer]
        return lambda image: waiting.pop() if waiting else None

    for answer in (few, other, refused):
        found = read(Fragile(lambda image: False, once(answer)), [whole])
        assert errors(found) == {}
        assert len(found) == count
    found = read(Fragile(lambda image: False, lambda image: other), [whole])
    assert set(errors(found).values()) == {"the decoder found another record in its place"}
    found = read(Fragile(lambda image: False, lambda image: refused), [whole])
    assert set(errors(found).values()) == {"too much"}
    assert len(found) == count


def test_refused_records_are_never_decoded(log: bytes) -> None:
    whole = surveyed(log)[0]
    start = int(whole.records.starts[3])
    whole.records.refused[start] = "its template is not in its chunk"
    for deadly in (lambda image: False, lambda image: image[start + 24] != 0xFF):
        found = read(Fragile(deadly), [whole])
        assert list(errors(found)) == [4]
