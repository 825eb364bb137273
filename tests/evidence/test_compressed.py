from __future__ import annotations

import gzip
import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_limits import DEFAULT_LIMITS, ArchiveLimits
from brokenseal.evidence.compressed import gunzip, inflate
from brokenseal.evidence.content import ContentStream, DecodedStream


def _packed(data: bytes, piece: int = 1000) -> ContentStream:
    return DecodedStream("x.gz", (data[at : at + piece] for at in range(0, len(data), piece)), io.BytesIO())


def _read_until_damage(data: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> tuple[bytes, EvidenceError]:
    content = b""
    with gunzip(_packed(data), "x.gz", limits) as stream, pytest.raises(EvidenceError) as raised:
        while True:
            content += stream.read(777)
    assert raised.value.file == "x.gz"
    assert raised.value.offset == len(content)
    return content, raised.value


LINES = "".join(
    f"2021-03-03 06:0{n % 10}:00 GET /owa/auth/{random.Random(n).random()}\r\n" for n in range(9000)
).encode()


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.integers(1, 500), st.integers(0, 700))
def test_members_follow_each_other_and_zero_bytes_may_pad(contents: list[bytes], piece: int, padding: int) -> None:
    data = (b"\0" * padding).join(gzip.compress(content) for content in contents) + b"\0" * padding
    with gunzip(_packed(data, piece), "x.gz", DEFAULT_LIMITS) as stream:
        assert stream.read() == b"".join(contents)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.9])
def test_a_truncated_file_gives_what_it_holds(part: float) -> None:
    data = gzip.compress(LINES)
    content, error = _read_until_damage(data[: int(len(data) * part)])
    assert "ends before" in error.reason
    assert LINES.startswith(content)
    assert len(content) >= int(len(LINES) * part * 0.9) - 40_000


def test_damage_in_the_middle_gives_everything_before_it() -> None:
    data = bytearray(gzip.compress(LINES))
    at = len(data) // 2
    data[at : at + 4] = b"\xff\xff\xff\xff"
    before = zlib.decompressobj(31).decompress(bytes(data[:at]))
    content, error = _read_until_damage(bytes(data))
    assert content.startswith(before)
    assert "damaged" in error.reason


def test_a_wrong_checksum_is_told_after_the_content() -> None:
    data = bytearray(gzip.compress(LINES))
    data[-6] ^= 0xFF
    content, error = _read_until_damage(bytes(data))
    assert content == LINES
    assert "damaged" in error.reason


def test_other_bytes_after_the_end_are_told() -> None:
    content, error = _read_until_damage(gzip.compress(LINES) + b"\0\0tail")
    assert content == LINES
    assert "not gzip" in error.reason


def test_a_bomb_is_stopped_before_it_passes_the_ratio() -> None:
    limits = ArchiveLimits(ratio=100, ratio_floor_bytes=1_000_000)
    content, error = _read_until_damage(gzip.compress(bytes(50_000_000)), limits)
    assert "bomb" in error.reason
    assert len(content) <= 1_000_000


def test_content_over_the_ceiling_is_stopped_whatever_its_ratio() -> None:
    content, error = _read_until_damage(gzip.compress(LINES, 0), ArchiveLimits(member_bytes=100_000))
    assert "bomb" in error.reason
    assert LINES.startswith(content)
    assert len(content) <= 100_000


def test_logs_as_repetitive_as_real_ones_pass_the_default_limits() -> None:
    # 100 MB of one line: compresses about 250 times, more than any real log.
    line = b"2021-03-03 06:00:00 192.0.2.1 GET /owa/healthcheck.htm - 443 - 127.0.0.1 AMProbe/Local 200 0 0 15\r\n"
    assert DEFAULT_LIMITS.growth_refused(100_000_000, len(zlib.compress(line * 1_000_000)), 10**12) is None


def test_raw_deflate_cut_short_gives_what_it_holds() -> None:
    compressor = zlib.compressobj(wbits=-15)
    data = compressor.compress(LINES) + compressor.flush()
    pieces = inflate(iter([data[:5000], data[5000:20000]]), "x.zip!/x.log")
    content = b""
    with pytest.raises(EvidenceError, match="too early") as raised:
        for piece in pieces:
            content += piece
    assert content
    assert LINES.startswith(content)
    assert raised.value.offset == len(content)
