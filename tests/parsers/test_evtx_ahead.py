from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from brokenseal.parsers.evtx_ahead import ahead


def test_all_come_in_order() -> None:
    assert list(ahead(item for item in range(5))) == [0, 1, 2, 3, 4]
    nothing: list[int] = []
    assert list(ahead(item for item in nothing)) == []
    # None is an item like any other.
    assert list(ahead(item for item in (None, None))) == [None, None]


def test_the_next_is_made_while_the_last_is_used() -> None:
    second = threading.Event()

    def items() -> Generator[int, None, None]:
        yield 1
        second.set()
        yield 2

    taken = ahead(items())
    assert next(taken) == 1
    assert second.wait(timeout=30)
    assert list(taken) == [2]


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise OSError("gone")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(OSError, match="gone"):
        next(taken)


def test_closed_early_it_closes_what_it_reads() -> None:
    closed: list[str] = []

    def items() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread().name)

    taken = ahead(items())
    assert next(taken) == 0
    taken.close()
    assert len(closed) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
