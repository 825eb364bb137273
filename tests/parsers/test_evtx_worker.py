"""What one chunk becomes in the worker: a result for each record, errors among them, and nothing without bounds."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable
from typing import cast

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
    monkeypatch.setattr(evtx_worker, "MOST_RECORD", 300)
    found = results(chunk)
    assert all(length < 0 for length in found.lengths)
    assert found.text.startswith(b"the record becomes ")
    assert list(found.numbers) == [1, 2, 3, 4]


def test_a_chunk_that_becomes_too_much_is_refused(chunk: bytearray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx_worker, "MOST_CHUNK", 1000)
    assert decode(chunk) == "its records become too much JSON"


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


def test_the_head_that_records_share_is_given_once(chunk: bytearray) -> None:
    found = results(chunk)
    assert set(found.heads) == {0}
    before, after = found.head_texts.decode().split("\n")
    parser = evtx.PyEvtxParser(
        io.BytesIO(evtx_worker._FILE_HEADER + chunk), number_of_threads=1, separate_json_attributes=False, indent=False
    )
    at = 0
    records = cast(Iterable[dict[str, str]], parser.records_json())
    for whole, length, stamp in zip(records, found.lengths, found.stamps, strict=True):
        own = found.text[at : at + length].decode()
        at += length
        assert f'{before}"SystemTime":"{own[:stamp]},"Channel":{after},"EventData":{own[stamp:]}' == whole["data"]
    assert at == len(found.text)


def a_record(text: str, number: int = 7) -> dict[str, object]:
    return {"event_record_id": number, "data": text}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"Event":{"System":{"TimeCreated":{"#attributes":{"SystemTime":"x"}},"Channel":"y"},"UserData":{}}}',
        '{"Event":{"System":{"Channel":"y"},"EventData":{}}}',
        '{"Event":{"EventData":{},"System":{"TimeCreated":{"#attributes":{"SystemTime":"x"}},"Channel":"y"}}}',
        '{"Event":{"System":{"SystemTime":"x","Channel":"y"},"EventData":{},"RenderingInfo":{"Message":"m"}}}',
        '{"Event":{"System":{"SystemTime":"\u00e9","Channel":"y"},"EventData":{}}}',
        '{"Event":{"System":{"a\nb":1,"SystemTime":"x","Channel":"y"},"EventData":{}}}',
    ],
)
def test_what_has_no_such_head_stays_whole(text: str) -> None:
    found = evtx_worker._results([a_record(text)])  # type: ignore[list-item]
    assert isinstance(found, Results)
    assert (list(found.stamps), list(found.heads), found.head_texts) == ([-1], [-1], b"")
    assert found.text.decode() == text


def test_an_error_is_never_cut() -> None:
    text = '{"Event":{"System":{"SystemTime":"x","Channel":"y"},"EventData":{}}}'
    found = evtx_worker._results([a_record(text), RuntimeError(text)])  # type: ignore[list-item]
    assert isinstance(found, Results)
    assert (list(found.heads), found.lengths[1]) == ([0, -1], -len(text))
    assert found.text.endswith(text.encode())


def test_how_answers_are_packed(chunk: bytearray) -> None:
    found = results(chunk)
    answer = packed(found)
    told = (4, len(found.head_texts), len(found.text), 1, 2, 3, 4, *found.lengths, *found.stamps, *found.heads)
    # Without padding, as it is read.
    assert struct.unpack_from("=iII4Q12i", answer) == told
    assert answer.endswith(found.head_texts + found.text)
    assert packed("why") == struct.pack("=iII", -1, 0, 3) + b"why"
