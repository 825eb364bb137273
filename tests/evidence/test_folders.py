from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from brokenseal.evidence.folders import RegularFile, is_inside, is_link, special_file_sentence, walk
from brokenseal.evidence.found import Refused

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def _walk(root: Path) -> tuple[list[str], dict[str, Refused]]:
    items = list(walk(str(root), (str(root),)))
    refused = {item.segments[0]: item for item in items if isinstance(item, Refused)}
    return [item.relative for item in items if isinstance(item, RegularFile)], refused


def test_files_come_folder_by_folder_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b/2.log", "b/1.log", "a/z/1.log", "c.log", "a/1.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _walk(tmp_path) == (["c.log", "a/1.log", "a/z/1.log", "b/1.log", "b/2.log"], {})


@posix_only
def test_links_are_refused_by_where_they_lead(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "x.log").touch()
    (tmp_path / "root-secret").touch()
    (root / "file").symlink_to("x.log")
    (root / "folder" / "up").symlink_to("..")
    (root / "leaves").symlink_to("../root-secret")
    (root / "absolute").symlink_to("/etc")
    (root / "in-two-steps").symlink_to("leaves")
    (root / "nothing").symlink_to("gone.log")
    (root / "loop").symlink_to("pool")
    (root / "pool").symlink_to("loop")
    files, refused = _walk(root)
    assert files == ["x.log"]
    assert {name for name, item in refused.items() if item.nothing_lost} == {"file", "folder/up"}
    assert {name for name, item in refused.items() if "leaves the evidence" in item.reason} == {
        "leaves",
        "absolute",
        "in-two-steps",
    }
    assert "not there" in refused["nothing"].reason
    assert "back to itself" in refused["loop"].reason
    assert "back to itself" in refused["pool"].reason


@posix_only
def test_the_target_of_a_link_that_leaves_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "leaves").symlink_to("/net/server/share")

    def _touched(*_: object, **__: object) -> str:
        raise AssertionError("looked at a link's target outside of the evidence")

    monkeypatch.setattr(os.path, "realpath", _touched)
    assert "leaves the evidence" in _walk(tmp_path)[1]["leaves"].reason


@posix_only
def test_pipes_sockets_and_devices_are_refused_without_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.log")
        files, refused = _walk(tmp_path)
    assert not files
    assert "pipe" in refused["pipe.log"].reason
    assert "socket" in refused["socket.log"].reason
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        status = cast(os.stat_result, SimpleNamespace(st_mode=kind))
        assert special_file_sentence(status) == "is a device; it is not opened"


def test_a_folder_that_cannot_be_listed_is_refused_and_the_rest_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "x.log").touch()
    scandir = os.scandir

    def _denied(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", _denied)
    files, refused = _walk(tmp_path)
    assert files == ["x.log"]
    assert refused["locked"].reason == "folder cannot be read: permission denied"


@pytest.mark.parametrize(
    ("tag", "link"),
    [
        (0xA0000003, True),  # junction or mounted volume
        (0xA000000C, True),  # symbolic link
        (0x80000013, False),  # file of a volume with data deduplication: its content is its own
    ],
)
def test_windows_reparse_points(tag: int, link: bool) -> None:
    status = SimpleNamespace(st_mode=stat.S_IFDIR, st_file_attributes=0x410, st_reparse_tag=tag)
    assert is_link(cast(os.stat_result, status)) is link


def test_inside_is_by_whole_folder_names() -> None:
    root = os.path.join(os.sep, "e", "EX01")
    assert is_inside(root, root)
    assert is_inside(os.path.join(root, "x"), root)
    assert not is_inside(root + "0", root)
    assert is_inside(root, os.sep)
