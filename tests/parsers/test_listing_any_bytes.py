"""Whatever the bytes are: no parser of listings fails, nothing is lost unsaid, and nothing hangs on the block size."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Parser
from brokenseal.parsers.dir_listing import DirListing
from brokenseal.parsers.file_listing_csv import FileListingCsv
from brokenseal.parsers.file_listing_json import FileListingJson
from brokenseal.parsers.mft import Mft
from brokenseal.parsers.mftecmd_csv import MftecmdCsv
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_file import read_log

CASES = Path(__file__).parent / "listing_cases"
TEXTS: list[type[Parser]] = [DirListing, FileListingCsv, FileListingJson, MftecmdCsv]
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lines_of(kind: str) -> list[bytes]:
    lines: set[bytes] = set()
    for path in CASES.glob(f"{kind}/*/input.*"):
        if "utf16" not in path.parent.name:
            lines.update(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n"))
    return sorted(lines)


def near_valid(kind: str) -> st.SearchStrategy[bytes]:
    lines = st.sampled_from(lines_of(kind))
    odd = st.sampled_from(
        [b'"', b",", b";", b"\\", b"{", b"}", b"\0", b"\r", b"\xff", b"\xef\xbb\xbf", b" ", b"9999999999"]
    )
    damaged = st.builds(lambda line, at, piece: line[:at] + piece + line[at:], lines, st.integers(0, 400), odd)
    cut = st.builds(lambda line, at: line[:at], lines, st.integers(0, 400))
    body = st.lists(st.tuples(st.one_of(lines, lines, damaged, cut), st.sampled_from([b"\n", b"\r\n"])), max_size=12)
    return st.builds(lambda rows, last: b"".join(a + b for a, b in rows) + last, body, st.one_of(st.just(b""), cut))


def check(parser: type[Parser], data: bytes, block_bytes: int) -> None:
    whole = read_log(io.BytesIO(data), parser)
    pieces = read_log(io.BytesIO(data), parser, block_bytes=block_bytes)
    assert pieces.events.to_pylist() == whole.events.to_pylist()
    assert pieces.rejects == whole.rejects
    assert pieces.warnings == whole.warnings
    assert pieces.tally == whole.tally
    assert whole.rows_in == pieces.rows_in == whole.events.num_rows + len(whole.rejects)
    assert whole.events["time"].null_count == whole.events["path"].null_count == 0


def check_places(parser: type[Parser], data: bytes) -> None:
    """Each row and reject names the byte at which its line begins, and no line is two."""
    reading = read_log(io.BytesIO(data), parser)
    starts = {number: start for number, start in enumerate(_starts(data), start=1)}
    named = list(zip(reading.events["line"].to_pylist(), reading.events["offset"].to_pylist(), strict=True))
    named += [(each.line, each.offset) for each in reading.rejects]
    assert len({line for line, _ in named}) == len(named)
    assert all(starts[line] == offset for line, offset in named)


def _starts(data: bytes) -> list[int]:
    return [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]


@pytest.mark.parametrize("parser", TEXTS, ids=lambda parser: parser.kind)
def test_near_valid_files(parser: type[Parser]) -> None:
    @QUICK
    @given(near_valid(parser.kind), st.integers(1, 700))
    def run(data: bytes, block_bytes: int) -> None:
        check(parser, data, block_bytes)
        if b"\0" not in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            check_places(parser, data)

    run()


@pytest.mark.parametrize("parser", [*TEXTS, Mft], ids=lambda parser: parser.kind)
def test_arbitrary_bytes(parser: type[Parser]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(st.binary(max_size=3000), st.integers(1, 1500))
    def run(data: bytes, block_bytes: int) -> None:
        check(parser, data, block_bytes)

    run()


@pytest.mark.parametrize("parser", TEXTS, ids=lambda parser: parser.kind)
def test_rows_are_kept_dropped_or_rejected_but_never_lost(parser: type[Parser]) -> None:
    """The rows of the golden inputs, each by itself behind its header, are one event, one reject or one dropped row."""
    for path in CASES.glob(f"{parser.kind}/*/input.*"):
        data = path.read_bytes()
        reading = read_log(io.BytesIO(data), parser)
        again = read_log(io.BytesIO(data + b"\r\n" + data), parser)
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")) and not reading.tally.damage:
            assert again.rows_in >= 2 * reading.events.num_rows
            assert again.warnings[OUTSIDE] >= reading.warnings[OUTSIDE]


def test_a_damaged_table_of_files() -> None:
    original = next(CASES.glob("mft/kept_and_damaged/input.*")).read_bytes()

    @QUICK
    @given(
        st.lists(st.tuples(st.integers(0, len(original) - 1), st.integers(0, 255)), max_size=60), st.integers(900, 9000)
    )
    def run(changes: list[tuple[int, int]], block_bytes: int) -> None:
        data = bytearray(original)
        for at, value in changes:
            data[at] = value
        check(Mft, bytes(data), block_bytes)

    run()
