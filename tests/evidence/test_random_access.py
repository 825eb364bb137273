from __future__ import annotations

import io
import os
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from brokenseal.errors import EvidenceError
from brokenseal.evidence import random_access
from brokenseal.evidence.content import ContentStream, DecodedStream
from brokenseal.evidence.random_access import SeekableReader, UnpackedAccess, WindowAccess

CONTENT = bytes(range(256)) * 400


def _open() -> ContentStream:
    return DecodedStream("n", iter([CONTENT[:1000], CONTENT[1000:]]), io.BytesIO())


def test_a_copy_is_shared_until_its_last_reader_and_only_two_are_kept() -> None:
    first, again = UnpackedAccess(1, _open, "n"), UnpackedAccess(1, _open, "n")
    others = [UnpackedAccess(key, _open, "n") for key in (2, 3)]
    assert list(random_access._copies) == [2, 3]
    first.close()
    first.close()
    assert again.read_at(255, 3) == b"\xff\x00\x01"
    assert again.read_at(len(CONTENT) - 1, 10) == b"\xff"
    for access in (again, *others):
        access.close()
    with pytest.raises(ValueError, match="closed"):
        again.read_at(0, 1)


def test_readers_in_threads_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_access, "NESTED_IN_MEMORY_BYTES", 1)
    wrong: list[int] = []

    def _read() -> None:
        access = UnpackedAccess("shared", _open, "n")
        wrong.extend(at for at in range(0, len(CONTENT), 97) if access.read_at(at, 5) != CONTENT[at : at + 5])
        access.close()

    threads = [threading.Thread(target=_read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_process_makes_its_own_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_access, "NESTED_IN_MEMORY_BYTES", 1)
    access = UnpackedAccess("shared", _open, "n")
    with warnings.catch_warnings():
        # Python 3.12 warns when any library of the test run has started a thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            own = UnpackedAccess("shared", _open, "n")
            status = 0 if own.read_at(300, 4) == CONTENT[300:304] and len(random_access._copies) == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert access.read_at(300, 4) == CONTENT[300:304]
    access.close()


def test_a_full_disk_is_told_with_the_name_of_the_archive() -> None:
    def _full() -> Iterator[bytes]:
        yield b"x"
        raise OSError(28, "No space left on device")

    with pytest.raises(EvidenceError, match=r"outer\.zip!/inner\.zip: cannot be unpacked .*No space left"):
        UnpackedAccess("full", lambda: DecodedStream("n", _full(), io.BytesIO()), "outer.zip!/inner.zip")
    assert "full" not in random_access._copies


def test_a_window_shows_nothing_beyond_its_end() -> None:
    window = WindowAccess(UnpackedAccess("w", _open, "n"), 10, 20)
    assert window.read_at(0, 100) == CONTENT[10:30]
    assert window.read_at(15, 100) == CONTENT[25:30]
    assert window.read_at(25, 5) == b""
    window.close()


def test_a_seekable_reader_behaves_like_a_file() -> None:
    access = UnpackedAccess("s", _open, "n")
    with io.BufferedReader(SeekableReader(access, "n")) as reader, io.BytesIO(CONTENT) as file:
        for offset, whence in ((5, 0), (7, 1), (-3, 2), (10, 2), (0, 0)):
            assert reader.seek(offset, whence) == file.seek(offset, whence)
            assert reader.read(4) == file.read(4)
        with pytest.raises(OSError, match="Invalid"):
            reader.seek(-len(CONTENT) - 1, os.SEEK_END)
    access.close()
