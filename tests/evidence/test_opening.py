from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from brokenseal.errors import EvidenceError
from brokenseal.evidence import random_access
from brokenseal.evidence.archive_limits import DEFAULT_LIMITS
from brokenseal.evidence.opening import open_archive, open_content
from brokenseal.evidence.random_access import FileAccess
from brokenseal.evidence.sources import FileSource, GzipSource, ZipMember
from brokenseal.evidence.zip_directory import list_zip

LINES = "".join(f"2021-03-03 06:00:00 GET /owa/auth/{random.Random(n).random()}\r\n" for n in range(20_000)).encode()
NAME = "x.zip!/x.log"


def _members(path: Path) -> dict[str, ZipMember]:
    source = FileSource(str(path))
    access = FileAccess(source.path, path.name)
    try:
        return {listed.path: listed.member for listed in list_zip(source, access, path.name, DEFAULT_LIMITS).members}
    finally:
        access.close()


def _zip(path: Path, content: bytes, compression: int) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.log", content)
    return path


def _read_until_damage(member: ZipMember) -> tuple[bytes, EvidenceError]:
    content = b""
    with open_content(member, NAME) as stream, pytest.raises(EvidenceError) as raised:
        while True:
            content += stream.read(10_000)
    assert raised.value.file == NAME
    assert raised.value.offset == len(content)
    return content, raised.value


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_and_gzip_members_are_read_uncompressed(tmp_path: Path, compression: int) -> None:
    member = _members(_zip(tmp_path / "x.zip", LINES, compression))["x.log"]
    with open_content(member, NAME) as stream:
        assert stream.read() == LINES
    member = _members(_zip(tmp_path / "y.zip", gzip.compress(LINES), compression))["x.log"]
    with open_content(GzipSource(member), NAME) as stream:
        assert stream.read() == LINES


def _with_declared(path: Path, size: int, crc: int) -> Path:
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<L", data, 14, crc)
    struct.pack_into("<L", data, 22, size)
    struct.pack_into("<L", data, central + 16, crc)
    struct.pack_into("<L", data, central + 24, size)
    path.write_bytes(data)
    return path


def test_a_header_that_declares_too_little_stops_the_reading_and_hides_nothing(tmp_path: Path) -> None:
    # The checksum fits the first part, so a reader that trusts the header would call it complete.
    path = _zip(tmp_path / "x.zip", LINES, zipfile.ZIP_DEFLATED)
    member = _members(_with_declared(path, 1000, zlib.crc32(LINES[:1000])))["x.log"]
    content, error = _read_until_damage(member)
    assert content == LINES[:1000]
    assert "holds more than the 1000 bytes" in error.reason


def test_a_header_that_declares_too_much_is_told(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", LINES, zipfile.ZIP_DEFLATED)
    content, error = _read_until_damage(_members(_with_declared(path, len(LINES) + 5, zlib.crc32(LINES)))["x.log"])
    assert content == LINES
    assert "ends before" in error.reason


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_gives_what_comes_before_the_damage(tmp_path: Path, compression: int) -> None:
    path = _zip(tmp_path / "x.zip", LINES, compression)
    data = bytearray(path.read_bytes())
    data[200_000:200_004] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    content, _ = _read_until_damage(_members(path)["x.log"])
    assert content[:190_000] == LINES[:190_000]


def test_an_archive_that_shrank_after_listing_gives_what_is_left(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", LINES, zipfile.ZIP_STORED)
    member = _members(path)["x.log"]
    path.write_bytes(path.read_bytes()[:50_000])
    content, error = _read_until_damage(member)
    assert LINES.startswith(content)
    assert len(content) > 49_000
    assert "ends before" in error.reason


def test_a_member_that_is_not_where_the_table_says(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", LINES, zipfile.ZIP_STORED)
    member = _members(path)["x.log"]
    path.write_bytes(b"X" * 100_000)
    with pytest.raises(EvidenceError, match="not where its table of contents says"):
        open_content(member, NAME)


def _nested(path: Path, compression: int, inner: dict[str, bytes]) -> ZipMember:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inner.items():
            archive.writestr(name, content)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("before.log", b"x" * 99)
        archive.writestr("inner.zip", buffer.getvalue())
    return _members(path)["inner.zip"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_members_of_a_nested_archive_can_be_read_side_by_side(
    tmp_path: Path, compression: int, in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_access, "NESTED_IN_MEMORY_BYTES", in_memory)
    outer = _nested(tmp_path / "outer.zip", compression, {"a.log": LINES, "b.log": LINES[::-1]})
    access = open_archive(outer, "outer.zip!/inner.zip")
    try:
        a, b = (listed.member for listed in list_zip(outer, access, "inner.zip", DEFAULT_LIMITS).members)
    finally:
        access.close()
    with open_content(a, "a") as first, open_content(b, "b") as second:
        content_a, content_b = b"", b""
        # Dropped while being read: the copy has to outlive its place among the kept ones.
        random_access.forget_unpacked_copies()
        while piece := first.read(100_000):
            content_a += piece
            content_b += second.read(100_000)
    assert (content_a, content_b) == (LINES, LINES[::-1])


def test_a_nested_archive_that_changed_is_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "outer.zip"
    first = open_archive(_nested(path, zipfile.ZIP_DEFLATED, {"a.log": b"1"}), "n")
    second = open_archive(_nested(path, zipfile.ZIP_DEFLATED, {"a.log": b"1", "b.log": b"2" * 50}), "n")
    try:
        assert second.size > first.size
    finally:
        first.close()
        second.close()


def test_a_damaged_nested_archive_leaves_no_temporary_file_open(tmp_path: Path) -> None:
    path = tmp_path / "outer.zip"
    outer = _nested(path, zipfile.ZIP_DEFLATED, {"a.log": LINES})
    data = bytearray(path.read_bytes())
    data[5000] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(EvidenceError):
        open_archive(outer, "outer.zip!/inner.zip")
    assert not random_access._copies
