from __future__ import annotations

import gzip
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brokenseal.evidence.archive_limits import DEFAULT_LIMITS, ArchiveLimits
from brokenseal.evidence.found import Found, Refused, look_into
from brokenseal.evidence.opening import open_content

MakeZip = Callable[[Path, Mapping[str, bytes]], Path]


def _look(path: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> tuple[dict[str, Found], dict[str, str]]:
    items = list(look_into(str(path), (path.name,), path.stat(), limits))
    found = {"!/".join(item.segments): item for item in items if isinstance(item, Found)}
    refused = {"!/".join(item.segments): item.reason for item in items if isinstance(item, Refused)}
    assert len(found) + len(refused) == len(items)
    return found, refused


def _content(item: Found) -> bytes:
    with open_content(item.source, "x") as stream:
        return stream.read()


def _zip_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


def test_a_zip_nested_once_is_opened_and_twice_is_refused(tmp_path: Path, make_zip: MakeZip) -> None:
    deepest = _zip_bytes(make_zip(tmp_path / "d.zip", {"x.log": b"deepest"}))
    inner = _zip_bytes(make_zip(tmp_path / "i.zip", {"x.log": b"inner", "deepest.zip": deepest}))
    outer = make_zip(tmp_path / "outer.zip", {"x.log": b"outer", "a/inner.zip": inner})
    found, refused = _look(outer)
    assert {name: _content(item) for name, item in found.items()} == {
        "outer.zip!/x.log": b"outer",
        "outer.zip!/a/inner.zip!/x.log": b"inner",
    }
    assert list(refused) == ["outer.zip!/a/inner.zip!/deepest.zip"]
    assert "unpack" in refused["outer.zip!/a/inner.zip!/deepest.zip"]


def test_gzip_keeps_its_name_inside_and_outside_of_an_archive(tmp_path: Path, make_zip: MakeZip) -> None:
    (tmp_path / "u_ex1.log.gz").write_bytes(gzip.compress(b"GET /"))
    ((name, item),) = _look(tmp_path / "u_ex1.log.gz")[0].items()
    assert (name, item.size, _content(item)) == ("u_ex1.log.gz", -1, b"GET /")
    ((name, item),) = _look(make_zip(tmp_path / "a.zip", {"x.log.gz": gzip.compress(b"POST /")}))[0].items()
    assert (name, item.size, _content(item)) == ("a.zip!/x.log.gz", -1, b"POST /")


def test_a_name_alone_makes_no_archive(tmp_path: Path) -> None:
    for name in ("x.zip", "x.log.gz", "x.7z"):
        (tmp_path / name).write_bytes(b"#Software: Microsoft Exchange Server\r\n")
        ((_, item),) = _look(tmp_path / name)[0].items()
        assert _content(item) == b"#Software: Microsoft Exchange Server\r\n"
    (tmp_path / "empty.zip").write_bytes(b"")
    assert _look(tmp_path / "empty.zip")[0]["empty.zip"].size == 0


def test_other_archives_are_refused_wherever_they_lie(tmp_path: Path, make_zip: MakeZip) -> None:
    sevenzip = b"7z\xbc\xaf\x27\x1c" + bytes(50)
    (tmp_path / "logs.7z").write_bytes(sevenzip)
    assert "unpack it first" in _look(tmp_path / "logs.7z")[1]["logs.7z"]
    found, refused = _look(make_zip(tmp_path / "a.zip", {"logs.7z": sevenzip, "x.log": b"x"}))
    assert list(found) == ["a.zip!/x.log"]
    assert "unpack it first" in refused["a.zip!/logs.7z"]


def test_an_empty_archive_is_told_but_loses_nothing(tmp_path: Path, make_zip: MakeZip) -> None:
    path = make_zip(tmp_path / "a.zip", {})
    (item,) = look_into(str(path), ("a.zip",), path.stat(), DEFAULT_LIMITS)
    assert isinstance(item, Refused)
    assert item.nothing_lost


def test_a_damaged_archive_is_one_refusal(tmp_path: Path, make_zip: MakeZip) -> None:
    path = make_zip(tmp_path / "a.zip", {"x.log": b"x" * 1000})
    path.write_bytes(path.read_bytes()[:60])
    found, refused = _look(path)
    assert not found
    assert "damaged zip" in refused["a.zip"]


def test_one_password_is_one_line(tmp_path: Path, make_zip: MakeZip) -> None:
    path = make_zip(tmp_path / "a.zip", {"x.log": b"x", "y.log": b"y"})
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    with zipfile.ZipFile(path) as archive:
        assert all(info.flag_bits & 1 for info in archive.infolist())
    assert _look(path) == (
        {},
        {
            "a.zip": "each of its 2 members is encrypted: unpack the archive with its password first and give the "
            "folder it was unpacked to"
        },
    )


def test_members_that_grow_too_much_together_refuse_the_archive(tmp_path: Path, make_zip: MakeZip) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{number}.log": bytes(60_000) for number in range(10)})
    found, refused = _look(path, ArchiveLimits(ratio=100, ratio_floor_bytes=100_000))
    assert not found
    assert "bomb" in refused["a.zip"]
    assert "bomb" in _look(path, ArchiveLimits(archive_bytes=500_000))[1]["a.zip"]
    assert len(_look(path, ArchiveLimits(archive_bytes=600_000))[0]) == 10


def test_growth_through_nesting_counts_against_the_outer_archive(tmp_path: Path, make_zip: MakeZip) -> None:
    inner = _zip_bytes(make_zip(tmp_path / "i.zip", {f"{number}.log": bytes(90_000) for number in range(10)}))
    path = make_zip(tmp_path / "a.zip", {f"{number}.zip": inner for number in range(10)})
    limits = ArchiveLimits(ratio=600, ratio_floor_bytes=100_000)
    found, refused = _look(path, limits)
    assert sum(item.size for item in found.values()) <= 600 * path.stat().st_size
    assert refused
    assert all("bomb" in reason for reason in refused.values())


def test_a_nested_archive_over_its_limit_is_refused(tmp_path: Path, make_zip: MakeZip) -> None:
    inner = _zip_bytes(make_zip(tmp_path / "i.zip", {"x.log": os.urandom(5000)}))
    path = make_zip(tmp_path / "a.zip", {"i.zip": inner})
    assert "more than 4000 bytes" in _look(path, ArchiveLimits(nested_archive_bytes=4000))[1]["a.zip!/i.zip"]


def test_fingerprints_change_with_the_archive_and_with_the_member(tmp_path: Path, make_zip: MakeZip) -> None:
    path = make_zip(tmp_path / "a.zip", {"x.log": b"x", "y.log": b"y"})
    first = {name: item.fingerprint for name, item in _look(path)[0].items()}
    assert len(set(first.values())) == 2
    assert {name: item.fingerprint for name, item in _look(path)[0].items()} == first
    os.utime(path, ns=(0, 1))
    second = {name: item.fingerprint for name, item in _look(path)[0].items()}
    assert not set(first.values()) & set(second.values())


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"x")
    (tmp_path / "x.log").chmod(0)
    assert "permission denied" in _look(tmp_path / "x.log")[1]["x.log"]


def test_a_file_that_access_denies_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.log").write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert "permission denied" in _look(tmp_path / "x.log")[1]["x.log"]
