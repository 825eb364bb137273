from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_limits import DEFAULT_LIMITS, ArchiveLimits
from brokenseal.evidence.random_access import FileAccess
from brokenseal.evidence.sources import FileSource
from brokenseal.evidence.zip_directory import ZipListing, list_zip

CENTRAL = b"PK\x01\x02"


def _list(path: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> ZipListing:
    access = FileAccess(str(path), path.name)
    try:
        return list_zip(FileSource(str(path)), access, path.name, limits)
    finally:
        access.close()


def _zip_of_one(path: Path, mode: int = stat.S_IFREG | 0o600) -> Path:
    info = zipfile.ZipInfo("x.log")
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, b"content")
    return path


def _zip_named(path: Path, name: str) -> Path:
    # Patched in afterwards: zipfile itself corrects some names while writing.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n" * len(name), b"content")
    path.write_bytes(path.read_bytes().replace(b"n" * len(name), name.encode()))
    return path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../x.log", "climbs out"),
        ("a/../../x.log", "climbs out"),
        ("..\\..\\x.log", "climbs out"),
        ("C:/../x.log", "climbs out"),
        ("/etc/x.log", "absolute"),
        ("\\\\server\\share\\x.log", "absolute"),
        ("C:x.log", "relative to a drive"),
        ("C:..\\x.log", "relative to a drive"),
        ("./.", "no name"),
        ("a\0b.log", "zero byte"),
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str, sentence: str) -> None:
    listing = _list(_zip_named(tmp_path / "x.zip", name))
    assert not listing.members
    ((_, reason),) = listing.refused
    assert sentence in reason


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("C:/inetpub/x.log", "C:/inetpub/x.log"),
        # Compress-Archive of Windows PowerShell 5 writes backslashes.
        ("inetpub\\logs\\x.log", "inetpub/logs/x.log"),
        ("./a//b/x.log", "a/b/x.log"),
        ("..x/y..log", "..x/y..log"),
    ],
)
def test_safe_names_are_listed_with_plain_separators(tmp_path: Path, name: str, path: str) -> None:
    listing = _list(_zip_named(tmp_path / "x.zip", name))
    assert [listed.path for listed in listing.members] == [path]
    assert not listing.refused


@pytest.mark.parametrize(("mode", "sentence"), [(stat.S_IFLNK | 0o777, "link"), (stat.S_IFIFO | 0o600, "regular file")])
def test_links_and_special_files_are_refused(tmp_path: Path, mode: int, sentence: str) -> None:
    ((_, reason),) = _list(_zip_of_one(tmp_path / "x.zip", mode)).refused
    assert sentence in reason


def _patch_central(path: Path, offset: int, layout: str, value: int) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(layout, data, data.index(CENTRAL) + offset, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("flags", "method", "sentence"), [(1, 0, "password"), (0, 9, "Deflate64"), (0, 14, "method 14")]
)
def test_what_cannot_be_unpacked_is_refused(tmp_path: Path, flags: int, method: int, sentence: str) -> None:
    path = _zip_of_one(tmp_path / "x.zip")
    _patch_central(path, 8, "<H", flags)
    _patch_central(path, 10, "<H", method)
    ((_, reason),) = _list(path).refused
    assert sentence in reason


def test_a_member_that_declares_too_much_growth_is_refused_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.log", bytes(3_000_000))
        archive.writestr("small.log", bytes(90_000))
        archive.writestr("big.log", b"2021-03-03" * 20_000, zipfile.ZIP_STORED)
    limits = ArchiveLimits(ratio=50, ratio_floor_bytes=100_000)
    listing = _list(path, limits)
    assert [listed.path for listed in listing.members] == ["small.log", "big.log"]
    assert [name for name, _ in listing.refused] == ["bomb.log"]
    assert [name for name, _ in _list(path, ArchiveLimits(member_bytes=150_000)).refused] == ["bomb.log", "big.log"]


def test_members_that_share_bytes_are_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", b"a" * 100)
        archive.writestr("b.log", b"b" * 100)
        archive.getinfo("b.log").header_offset = archive.getinfo("a.log").header_offset
    with pytest.raises(EvidenceError, match="share the same bytes"):
        _list(path)


def test_a_table_of_contents_over_the_limit_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.log", b"")
    assert len(_list(path).members) == 30
    with pytest.raises(EvidenceError, match="table of contents of more than 1000 bytes"):
        _list(path, ArchiveLimits(directory_bytes=1000))


def test_the_limit_also_holds_for_a_zip64_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.log", b"")
    data = path.read_bytes()
    assert b"PK\x06\x06" in data
    # The old record declares an empty table; the zip64 one counts.
    end = data.rindex(b"PK\x05\x06")
    path.write_bytes(data[: end + 12] + bytes(4) + data[end + 16 :])
    with pytest.raises(EvidenceError, match="table of contents of more than 1000 bytes"):
        _list(path, ArchiveLimits(directory_bytes=1000))


@pytest.mark.parametrize("keep", [0.0, 0.2, 0.7, 0.99])
def test_a_zip_cut_short_is_damaged(tmp_path: Path, keep: float) -> None:
    path = _zip_of_one(tmp_path / "x.zip")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(EvidenceError, match="damaged zip"):
        _list(path)


def test_no_damage_to_the_table_escapes_as_another_error(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", b"a")
        archive.writestr("b.log", b"b")
    data = path.read_bytes()
    for at in range(data.index(CENTRAL), len(data)):
        for value in (0x00, 0x7F, 0xFF):
            path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
            try:
                _list(path)
            except EvidenceError as error:
                assert error.file == "x.zip"
