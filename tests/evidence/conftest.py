from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from brokenseal.evidence.random_access import forget_unpacked_copies

MakeZip = Callable[[Path, Mapping[str, bytes]], Path]


@pytest.fixture(autouse=True)
def _close_temporary_files() -> Iterator[None]:
    yield
    forget_unpacked_copies()


@pytest.fixture
def make_zip() -> MakeZip:
    def make(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return make
