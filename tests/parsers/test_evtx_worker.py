"""What one chunk becomes in the worker: a result for each record, errors among them, and nothing without bounds."""

from __future__ import annotations

import struct
from collections.abc import Callable

import evtx
import pytest

from brokenseal.parsers import evtx_worker
from brokenseal.parsers.evtx_chunks import FILE_HEADER
from brokenseal.parsers.evtx_worker import Results, decode, packed

Log = Callable[..., bytes]


@pytest.fixture
def chunk(event_log: Log) -> bytearray:
    return bytearray(event_log(4)[FILE_HEADER:])


def results(chunk: bytes | bytearray) -> Results:
    found = decode(chunk)
    assert isinstance(found, Results)
    return found


def test_a_record_that_cannot_be_read_is_an_error_in_its_place(chunk: bytearray) -> None:
    (size,) = struct.unpack_from("<I", chunk, 516)
    chunk[512 + size + 24] = 0xFF
    found = results(chunk)
    assert [length > 0 for length in found.lengths] == [True, False, True, True]
    assert list(found.numbers) == [1, 0, 3, 4]
    begin = found.lengths[0]
    assert b"0xff" in found.text[begin : begin - found.lengths[1]]
    assert sum(map(abs, found.lengths)) == len(found.text)


def test_what_is_no_chunk(chunk: bytearray) -> None:
    chunk[:8] = b"ElfChnk?"
    found = results(chunk)
    assert (len(found.lengths), found.lengths[0] < 0) == (1, True)
    assert not results(bytes(65536)).lengths


def test_a_record_that_becomes_too_much_is_an_error(chunk: bytearray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx_worker, "MOST_RECORD_BYTES", 300)
    found = results(chunk)
    assert all(length < 0 for length in found.lengths)
    assert found.text.startswith(b"the record becomes ")
    assert list(found.numbers) == [1, 2, 3, 4]


def test_a_chunk_that_becomes_too_much_is_refused(chunk: bytearray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx_worker, "MOST_CHUNK_BYTES", 1000)
    assert decode(chunk) == "its records become too many bytes of JSON"


def test_a_panic_of_the_decoder_is_a_refusal_and_an_interruption_is_none(
    chunk: bytearray, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        pass

    def fail(error: BaseException) -> Callable[..., None]:
        def parser(*args: object, **kwargs: object) -> None:
            raise error

        return parser

    monkeypatch.setattr(evtx, "PyEvtxParser", fail(PanicException("index out of bounds")))
    assert decode(chunk) == "the decoder failed: index out of bounds"
    monkeypatch.setattr(evtx, "PyEvtxParser", fail(MemoryError()))
    assert decode(chunk) == "MemoryError"
    monkeypatch.setattr(evtx, "PyEvtxParser", fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        decode(chunk)


def test_how_answers_are_packed(chunk: bytearray) -> None:
    found = results(chunk)
    answer = packed(found)
    assert struct.unpack_from("=iI4Q4i", answer) == (4, len(found.text), 1, 2, 3, 4, *found.lengths)
    assert answer.endswith(found.text)
    assert packed("why") == struct.pack("=iI", -1, 3) + b"why"
