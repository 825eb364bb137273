from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.simulate.web_files import WebFile, collected_name, exact, write_files

_PATH = "C:\\inetpub\\wwwroot\\a b.aspx"


def test_a_written_file_has_its_bytes_and_its_time(tmp_path: Path) -> None:
    at = 1_614_513_600_123
    assert write_files(tmp_path, "EX01", [WebFile(_PATH, b"x", at - 5, at)]) == 1
    target = tmp_path / "EX01" / "C" / "inetpub" / "wwwroot" / "a b.aspx"
    assert target.read_bytes() == b"x"
    assert target.stat().st_mtime_ns == exact(at, _PATH) * 100
    assert target.stat().st_mtime_ns // 10**6 == at


def test_whole_times_have_no_part_of_a_second(tmp_path: Path) -> None:
    write_files(tmp_path, "EX01", [WebFile(_PATH, b"x", 5, 1_614_513_600_123, whole=True)])
    (target,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert target.stat().st_mtime_ns == 1_614_513_600 * 10**9


@pytest.mark.parametrize("given", [{"present": False}, {"listed_size": 10}])
def test_what_is_gone_or_was_not_collected_is_not_written(tmp_path: Path, given: dict[str, int]) -> None:
    assert write_files(tmp_path, "EX01", [WebFile(_PATH, b"", 1, 1, **given)]) == 0  # type: ignore[arg-type]
    assert list(tmp_path.rglob("*")) == []


def test_files_of_an_attack_are_written_and_not_counted(tmp_path: Path) -> None:
    # Times before 1970 are written as 1970: not every system has them.
    assert write_files(tmp_path, "EX01", [WebFile(_PATH, b"x", -10_000, -10_000, honest=False)]) == 0
    (target,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert target.stat().st_mtime_ns == 0


def test_sizes_are_those_of_the_bytes_or_as_listed() -> None:
    assert WebFile(_PATH, b"four", 1, 1).size == 4
    assert WebFile(_PATH, b"", 1, 1, listed_size=10).size == 10


def test_collected_names_begin_with_the_drive() -> None:
    assert collected_name("D:\\Web\\x.aspx") == "D/Web/x.aspx"
