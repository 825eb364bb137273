from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.errors import EvidenceError
from brokenseal.evidence import collect
from brokenseal.evidence.content import PIECE_BYTES
from brokenseal.evidence.inventory import EvidenceFile

# Not periodic, so that a place that is off by anything shows.
CONTENT = b"".join(b"%d\n" % (number * 7919) for number in range(150_000))


def _plain(folder: Path) -> Path:
    (folder / "a.log").write_bytes(CONTENT)
    return folder / "a.log"


def _gzip(folder: Path) -> Path:
    (folder / "a.log.gz").write_bytes(gzip.compress(CONTENT, 1))
    return folder / "a.log.gz"


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", CONTENT)
    return folder / "a.zip"


def _nested(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(_zip(folder), "a.zip")
    (folder / "a.zip").unlink()
    return folder / "b.zip"


def _stored(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.log", CONTENT)
    return folder / "a.zip"


WAYS = [_plain, _gzip, _zip, _nested, _stored]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.__name__.strip("_"))
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EvidenceFile:
    (found,) = collect([request.param(tmp_path_factory.mktemp("forward"))]).files
    return found


PLACES = st.lists(st.tuples(st.integers(0, len(CONTENT) + 10), st.integers(1, 3 * PIECE_BYTES)), max_size=12)


@given(places=PLACES)
def test_each_place_gives_what_stands_there(file: EvidenceFile, places: list[tuple[int, int]]) -> None:
    with file.places() as opened:
        for offset, length in sorted(places):
            assert opened.read_at(offset, length) == CONTENT[offset : offset + length]


def test_the_same_place_may_be_read_longer(file: EvidenceFile) -> None:
    with file.places() as opened:
        for length in (10, 1000, 400_000, 10):
            assert opened.read_at(1234, length) == CONTENT[1234 : 1234 + length]


def test_compressed_content_is_not_read_backwards(tmp_path: Path) -> None:
    (found,) = collect([_gzip(tmp_path)]).files
    with found.places() as opened:
        opened.read_at(100, 1)
        with pytest.raises(ValueError, match="ascending"):
            opened.read_at(99, 1)


@pytest.mark.parametrize("make", [_gzip, _zip])
def test_what_lies_before_damage_is_read(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    (found,) = collect([path]).files
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(raw)
    with found.places() as opened:
        assert opened.read_at(1000, 50) == CONTENT[1000:1050]
        with pytest.raises(EvidenceError, match=r"damaged|checksum|declares"):
            opened.read_at(len(CONTENT) + 100, 50)


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    path = _plain(tmp_path)
    (found,) = collect([path]).files
    path.unlink()
    with pytest.raises(EvidenceError, match="no longer there"):
        found.places()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    path = _plain(tmp_path)
    (found,) = collect([path]).files
    path.rename(tmp_path / "elsewhere.log")
    path.symlink_to(tmp_path / "elsewhere.log")
    with pytest.raises(EvidenceError, match="link"):
        found.places()
