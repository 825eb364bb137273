from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brokenseal.errors import EvidenceNotFound, UsageError
from brokenseal.evidence import EvidenceFile, Inventory, collect
from brokenseal.evidence.archive_limits import ArchiveLimits

MakeZip = Callable[[Path, Mapping[str, bytes]], Path]
IIS = "inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"


def _write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def _names(inventory: Inventory) -> list[str]:
    return [file.name for file in inventory.files]


def _read(file: EvidenceFile) -> bytes:
    with file.open() as stream:
        return stream.read()


def test_a_folder_of_drives_and_archives(tmp_path: Path, make_zip: MakeZip) -> None:
    _write(tmp_path, f"EX01/C/{IIS}", "EX01/uploads/auto/D%3A/Exchange/V15/Logging/HttpProxy/Ecp/x.LOG", "notes.txt")
    make_zip(tmp_path / "EX02.zip", {f"C/{IIS}": b"of EX02"})
    inventory = collect([tmp_path])
    assert [(file.name, file.windows_path, file.machine) for file in inventory.files] == [
        (f"EX01/C/{IIS}", f"C:/{IIS}", "EX01"),
        (
            "EX01/uploads/auto/D:/Exchange/V15/Logging/HttpProxy/Ecp/x.LOG",
            "D:/Exchange/V15/Logging/HttpProxy/Ecp/x.LOG",
            "EX01",
        ),
        (f"EX02.zip!/C/{IIS}", f"C:/{IIS}", "EX02.zip!"),
        ("notes.txt", "notes.txt", ""),
    ]
    assert _read(inventory.files[2]) == b"of EX02"
    assert inventory.files[2].size == 7
    assert inventory.refusals == ()
    assert inventory.roots == (tmp_path.resolve(),)


def test_a_single_file_has_its_base_name(tmp_path: Path) -> None:
    _write(tmp_path, "a/b/u_ex1.log")
    (file,) = collect([tmp_path / "a" / "b" / "u_ex1.log"]).files
    assert (file.name, file.machine, file.size) == ("u_ex1.log", "", len("a/b/u_ex1.log"))


def test_the_same_bytes_whatever_the_order_of_inputs_and_their_place(tmp_path: Path) -> None:
    _write(tmp_path / "1", f"EX01/C/{IIS}", f"EX02/C/{IIS}", "loose.log")
    shutil.copytree(tmp_path / "1", tmp_path / "else" / "where")
    inputs = ["EX02", "loose.log", "EX01"]
    first = collect([tmp_path / "1" / name for name in inputs])
    second = collect([tmp_path / "else" / "where" / name for name in reversed(inputs)])
    assert _names(first) == _names(second) == [f"EX01/C/{IIS}", f"EX02/C/{IIS}", "loose.log"]
    assert [file.machine for file in first.files] == ["EX01", "EX02", ""]


def test_what_several_inputs_cover_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "EX01/C/x.log", "EX01/y.log")
    monkeypatch.chdir(tmp_path)
    relative = Path("EX01") / "C" / ".." / "C"
    inventory = collect([tmp_path / "EX01", tmp_path / "EX01" / "C", relative, Path("EX01/y.log"), tmp_path / "EX01"])
    assert _names(inventory) == ["C/x.log", "y.log"]
    assert inventory.refusals == ()


def test_a_hard_link_is_read_once_and_told(tmp_path: Path) -> None:
    _write(tmp_path, "a.log")
    os.link(tmp_path / "a.log", tmp_path / "b.log")
    inventory = collect([tmp_path])
    if sys.platform != "win32":
        assert _names(inventory) == ["a.log"]
        ((name, reason, nothing_lost),) = [(item.name, item.reason, item.nothing_lost) for item in inventory.refusals]
        assert (name, reason, nothing_lost) == ("b.log", "is the same file as a.log, which is read", True)


def test_equal_copies_are_different_files(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b"same")
        os.utime(tmp_path / name, ns=(0, 0))
    assert _names(collect([tmp_path])) == ["a.log", "b.log"]


def test_hosts_by_the_deepest_path(tmp_path: Path, make_zip: MakeZip) -> None:
    _write(tmp_path, "EX01/x.log", "EX01/from-EX02/x.log", "EX010/x.log", "y.log")
    make_zip(tmp_path / "EX03.zip", {"x.log": b"x"})
    hosts = {
        "EX01": tmp_path / "EX01",
        "EX02": tmp_path / "EX01" / "from-EX02",
        "EX03": tmp_path / "EX03.zip",
        "EX04": tmp_path / "y.log",
    }
    assert {file.name: file.host_given for file in collect([tmp_path], hosts).files} == {
        "EX01/x.log": "EX01",
        "EX01/from-EX02/x.log": "EX02",
        "EX010/x.log": None,
        "EX03.zip!/x.log": "EX03",
        "y.log": "EX04",
    }
    assert {file.host_given for file in collect([tmp_path / "EX01"], {"ALL": tmp_path}).files} == {"ALL"}


def test_host_paths_that_cannot_be_meant(tmp_path: Path) -> None:
    _write(tmp_path, "EX01/x.log", "EX02/x.log")
    with pytest.raises(EvidenceNotFound, match="host EX01 does not exist"):
        collect([tmp_path], {"EX01": tmp_path / "typo"})
    with pytest.raises(UsageError, match="host EX02 is not in the evidence"):
        collect([tmp_path / "EX01"], {"EX02": tmp_path / "EX02"})
    with pytest.raises(UsageError, match="two hosts"):
        collect([tmp_path], {"EX01": tmp_path / "EX01", "EX02": tmp_path / "EX02" / ".." / "EX01"})


def test_an_input_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceNotFound):
        collect([tmp_path / "nothing"])


def test_names_that_decoding_makes_equal_stay_different_and_on_their_drive(tmp_path: Path) -> None:
    _write(tmp_path, "uploads/auto/C%3A/x%20y.log", "uploads/auto/C%3A/x y.log", "uploads/auto/C%3A/z%20.log")
    files = collect([tmp_path]).files
    assert {(file.name, _read(file).decode()) for file in files} == {
        ("uploads/auto/C%3A/x y.log", "uploads/auto/C%3A/x y.log"),
        ("uploads/auto/C%3A/x%20y.log", "uploads/auto/C%3A/x%20y.log"),
        ("uploads/auto/C:/z .log", "uploads/auto/C%3A/z%20.log"),
    }
    assert {file.windows_path for file in files} == {"C:/x y.log", "C:/x%20y.log", "C:/z .log"}
    assert {file.machine for file in files} == {""}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_names_that_are_no_utf8_are_printable_and_can_be_opened(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"u_ex\xff.log", b"u_ex\\xff.log", b"\x1b[2J.log"):
        with open(folder + b"/" + name, "wb") as written:
            written.write(name)
    files = collect([tmp_path]).files
    assert {_read(file) for file in files} == {b"u_ex\xff.log", b"u_ex\\xff.log", b"\x1b[2J.log"}
    assert len({file.name for file in files}) == len({file.location for file in files}) == 3
    for file in files:
        assert file.name.isprintable()
        (file.name + file.location).encode("utf-8")
        assert _read(pickle.loads(pickle.dumps(file))) == _read(file)


def test_members_of_one_name_are_all_listed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.log", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.log", b"second")
    files = collect([tmp_path]).files
    assert sorted(_read(file) for file in files) == [b"first", b"second"]
    assert len({file.location for file in files}) == len({file.name for file in files}) == 2


def test_limits_are_those_given(tmp_path: Path, make_zip: MakeZip) -> None:
    make_zip(tmp_path / "a.zip", {"x.log": bytes(10_000)})
    inventory = collect([tmp_path], limits=ArchiveLimits(member_bytes=9_999))
    assert not inventory.files
    assert "bomb" in inventory.refusals[0].reason


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_pipe_is_refused_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    for given, name in ((tmp_path, "pipe.log"), (tmp_path / "pipe.log", "pipe.log")):
        inventory = collect([given])
        assert not inventory.files
        assert [refusal.name for refusal in inventory.refusals] == [name]


def test_a_file_made_without_a_source_opens_its_location(tmp_path: Path) -> None:
    _write(tmp_path, "x.log")
    location = str(tmp_path / "x.log")
    assert _read(EvidenceFile("x.log", "x.log", "", None, 5, "5:0", location)) == b"x.log"


def _state(root: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(path): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted([root, *root.rglob("*")])
    }


def test_collecting_and_reading_changes_nothing(tmp_path: Path, make_zip: MakeZip) -> None:
    root = _write(tmp_path / "evidence", f"EX01/C/{IIS}", "loose.log")
    inner = make_zip(tmp_path / "inner.zip", {"y.log": b"y" * 1000}).read_bytes()
    make_zip(root / "EX02.zip", {"x.log": b"x", "inner.zip": inner})
    (root / "z.log.gz").write_bytes(gzip.compress(b"z"))
    before = _state(root)
    inventory = collect([root])
    assert len([_read(file) for file in inventory.files]) == 5
    assert _state(root) == before


def test_fingerprints_tell_changed_files_without_reading(tmp_path: Path) -> None:
    _write(tmp_path, "x.log")
    first = collect([tmp_path]).files[0].fingerprint
    assert collect([tmp_path]).files[0].fingerprint == first
    os.utime(tmp_path / "x.log", ns=(0, 1))
    assert collect([tmp_path]).files[0].fingerprint != first
