from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from brokenseal.evidence.archive_formats import GZIP, ZIP, may_be_archive, readable_format, refused_format


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.log"), io.BytesIO())
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.log", b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (_tar(), "a tar archive"),
        (gzip.compress(_tar()), "a compressed tar archive"),
        (gzip.compress(_zip()), "a zip archive inside gzip"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "a rar archive"),
        (b"EVF\x09\x0d\x0a\xff\x00", "mount it first"),
    ],
    ids=["tar", "tar in gzip", "zip in gzip", "7z", "rar", "EnCase"],
)
def test_formats_not_read_are_told_with_what_to_do(content: bytes, sentence: str) -> None:
    reason = refused_format(content[:1024])
    assert reason is not None
    assert sentence in reason
    assert "first and give the folder" in reason


def test_content_decides_not_the_name() -> None:
    assert readable_format(_zip()) == ZIP
    assert readable_format(gzip.compress(b"x")) == GZIP
    assert readable_format(b"#Software: Microsoft Internet Information Services 10.0\r\n") is None
    assert refused_format(gzip.compress(b"2021-03-03 06:00:00 GET /\r\n" * 100)) is None
    assert refused_format(b"") is None


@pytest.mark.parametrize(
    "name", ["x.zip", "EX01.ZIP", "u_ex210303.log.gz", "collection", ".zip", "logs.7z", "disk.E01"]
)
def test_looked_into(name: str) -> None:
    assert may_be_archive(name)


@pytest.mark.parametrize("name", ["u_ex210303.log", "report.docx", "library.dll"])
def test_not_looked_into(name: str) -> None:
    assert not may_be_archive(name)
