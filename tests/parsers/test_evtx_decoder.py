"""The process that decodes: it answers in order, and when it ends another takes its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import pytest

from brokenseal.parsers import evtx_decoder
from brokenseal.parsers.evtx_chunks import CHUNK, FILE_HEADER
from brokenseal.parsers.evtx_cut import CutTexts
from brokenseal.parsers.evtx_decoder import Answer, DecoderLost, decoder

Log = Callable[..., bytes]


@pytest.fixture
def chunk(event_log: Log) -> bytes:
    return event_log(5, first=11)[FILE_HEADER:]


def texts(answer: Answer) -> list[str]:
    whole = CutTexts(np.abs(answer.lengths), [answer.cut], bytes(answer.text))
    found: list[str] = whole.whole(np.arange(len(whole))).to_pylist()
    return found


def test_answers_come_in_order(chunk: bytes) -> None:
    with decoder() as asked:
        asked.ask([chunk, b"\1" * CHUNK, chunk])
        first, second, third = (asked.answer() for _ in range(3))
        asked.ask([chunk])
        again = asked.answer()
    assert first.numbers.tolist() == [11, 12, 13, 14, 15]
    assert (first.lengths > 0).all()
    assert ['"user0"' in text for text in texts(first)] == [True, False, False, False, False]
    assert texts(first) == texts(third) == texts(again)
    assert (second.lengths < 0).all()
    assert "magic" in texts(second)[0]


def test_a_process_is_used_again_after_an_orderly_end_only(chunk: bytes) -> None:
    with decoder() as first:
        first.ask([chunk])
        first.answer()
    with decoder() as second:
        assert second is first
    with pytest.raises(KeyboardInterrupt), decoder() as third:
        third.ask([chunk])
        raise KeyboardInterrupt
    with decoder() as fourth:
        assert fourth is not third
        fourth.ask([chunk])
        assert len(fourth.answer().lengths) == 5


def test_when_the_process_ends_the_next_question_goes_to_a_new_one(chunk: bytes) -> None:
    with decoder() as asked:
        asked.ask([chunk])
        asked.answer()
        asked._process.kill()  # type: ignore[attr-defined]
        asked.ask([chunk] * 40)
        with pytest.raises(DecoderLost):
            asked.answer()
        asked.ask([chunk])
        assert len(asked.answer().lengths) == 5


def test_two_at_once_have_their_own(chunk: bytes) -> None:
    with decoder() as first, decoder() as second:
        assert first is not second
        first.ask([chunk])
        second.ask([chunk, chunk])
        assert texts(second.answer()) == texts(first.answer()) == texts(second.answer())


def test_where_no_process_can_be_started_this_one_decodes(chunk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with decoder() as process:
        process.ask([chunk])
        answer = process.answer()
    evtx_decoder._end_all()
    for missing in ("", "/nowhere/python"):
        monkeypatch.setattr(sys, "executable", missing)
        with decoder() as here:
            here.ask([chunk, chunk])
            assert texts(here.answer()) == texts(answer)
            assert here.answer().numbers.tolist() == answer.numbers.tolist()
            here.ask([b"\1" * CHUNK])
            assert (here.answer().lengths < 0).all()


def test_a_copy_of_this_process_does_not_use_its_worker(chunk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with decoder() as mine:
        mine.ask([chunk])
        mine.answer()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", os.getppid)
        with decoder() as other:
            assert other is not mine
    evtx_decoder._end_all()
    mine.end()  # type: ignore[attr-defined]
    other.end()  # type: ignore[attr-defined]
