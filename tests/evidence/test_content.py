from __future__ import annotations

import io
import os
import pickle
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.errors import EvidenceError
from brokenseal.evidence.content import DecodedStream, FileStream, open_read_only
from brokenseal.evidence.sources import FileSource, GzipSource, ZipMember


def _damaged_after(pieces: list[bytes]) -> Iterator[bytes]:
    yield from pieces
    raise EvidenceError("damaged", file="x.gz", offset=sum(map(len, pieces)))


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.integers(1, 30))
def test_everything_before_damage_is_delivered_and_then_it_is_raised(pieces: list[bytes], size: int) -> None:
    with DecodedStream("x.gz", _damaged_after(pieces), io.BytesIO()) as stream:
        delivered = b""
        with pytest.raises(EvidenceError) as raised:
            while True:
                delivered += stream.read(size)
        assert delivered == b"".join(pieces)
        assert raised.value.offset == stream.tell() == len(delivered)
        with pytest.raises(EvidenceError):
            stream.read(1)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.integers(1, 30))
def test_reads_are_full_except_at_the_end(pieces: list[bytes], size: int) -> None:
    content = b"".join(pieces)
    with DecodedStream("x", iter(pieces), io.BytesIO()) as stream:
        reads = list(iter(lambda: stream.read(size), b""))
    assert reads == [content[at : at + size] for at in range(0, len(content), size)]


def test_lines_peek_and_readinto(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"first\r\nsecond\nlast")
    with FileStream(str(tmp_path / "x.log"), "x.log") as stream:
        assert stream.peek().startswith(b"first")
        assert stream.readline() == b"first\r\n"
        buffer = bytearray(6)
        assert stream.readinto(buffer) == 6
        assert bytes(buffer) == b"second"
        assert list(stream) == [b"\n", b"last"]
        assert stream.read(1) == b""
        assert stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


def test_a_closed_stream_is_not_read() -> None:
    stream = DecodedStream("x", iter([b"x"]), io.BytesIO())
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)


def test_the_descriptor_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"x")
    descriptor = open_read_only(str(tmp_path / "x.log"), "x.log")
    try:
        with pytest.raises(OSError, match=r"."):
            os.write(descriptor, b"y")
    finally:
        os.close(descriptor)


def test_a_missing_file_is_an_evidence_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no longer there") as raised:
        FileStream(str(tmp_path / "gone.log"), "gone.log")
    assert raised.value.file == "gone.log"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and links")
def test_a_pipe_or_link_put_in_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(EvidenceError, match="not a regular file"):
        FileStream(str(tmp_path / "pipe.log"), "pipe.log")
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "link.log").symlink_to(tmp_path / "secret")
    with pytest.raises(EvidenceError, match="link"):
        FileStream(str(tmp_path / "link.log"), "link.log")


def test_an_error_of_the_disk_becomes_an_evidence_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.log").write_bytes(b"x")
    with FileStream(str(tmp_path / "x.log"), "x.log") as stream:

        class Failing:
            def read(self, _size: int) -> bytes:
                raise OSError(5, "Input/output error")

            def close(self) -> None:
                pass

        stream._file.close()
        monkeypatch.setattr(stream, "_file", Failing())
        with pytest.raises(EvidenceError, match="Input/output error") as raised:
            stream.read(10)
    assert raised.value.offset == 0


def test_sources_can_be_sent_to_another_process() -> None:
    source = GzipSource(ZipMember(FileSource("/e/a\udcff.zip"), 0, 10, 20, 0, 8))
    assert pickle.loads(pickle.dumps(source)) == source
