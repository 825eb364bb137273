"""Whatever the bytes are: no parser fails, every line is accounted for, and the result does not hang on the block size.

Formats whose rows are no lines, as Windows events, have tests of their own that say of records what is said of lines here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Parser, Settings, kinds, parser_for
from brokenseal.parsers.blocks import Tally, read_blocks
from brokenseal.parsers.whole_file import Reading, read_log

CASES = Path(__file__).parent / "cases"
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: The formats in which a line is a row; the others read their files themselves.
LINE_KINDS = tuple(kind for kind in kinds() if parser_for(kind).batches is Parser.batches)
RECORD_KINDS = tuple(kind for kind in kinds() if kind not in LINE_KINDS)
TIME_NAMES = (b"datetime", b"timestamp", b"date-time")


def corpus(kind: str) -> list[bytes]:
    """Lines of the kind's own golden inputs: headers, rows, odd ones."""
    lines: set[bytes] = set()
    for path in CASES.glob(f"{kind}/*/input.*"):
        if "utf16" not in path.parent.name:
            lines.update(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n"))
    return sorted(lines)


def near_valid(kind: str) -> st.SearchStrategy[bytes]:
    """Files made of the kind's lines: some damaged in one place, with mixed line ends, some in UTF-16."""
    lines = st.sampled_from(corpus(kind))
    odd = st.sampled_from([b'"', b",", b" ", b"#", b"\0", b"\r", b"\xff", b"\xef\xbb\xbf", b"'", b";", b"\xe2\x80\xa8"])
    damaged = st.builds(lambda line, at, piece: line[:at] + piece + line[at:], lines, st.integers(0, 300), odd)
    cut = st.builds(lambda line, at: line[:at], lines, st.integers(0, 300))
    ends = st.sampled_from([b"\n", b"\r\n", b"\r\r\n"])
    body = st.lists(st.tuples(st.one_of(lines, lines, damaged, cut), ends), min_size=1, max_size=9)
    plain = st.builds(lambda rows, last: b"".join(a + b for a, b in rows) + last, body, st.one_of(st.just(b""), cut))

    def utf16(data: bytes, encoding: str, tail: bytes) -> bytes:
        return ("\ufeff" + data.decode("utf-8", "replace")).encode(encoding) + tail

    encodings = st.sampled_from(["utf-16-le", "utf-16-be"])
    return st.one_of(
        plain, plain, plain, st.builds(utf16, plain, encodings, st.sampled_from([b"", b"\xd8", b"\0\xd8\n"]))
    )


def order_of(data: bytes) -> Literal["little", "big"] | None:
    return "little" if data[:2] == b"\xff\xfe" else "big" if data[:2] == b"\xfe\xff" else None


def lines_of(data: bytes) -> dict[int, tuple[int, bytes]]:
    """Number → (offset, bytes) of each line, by another way than the product's: unit after unit."""
    order = order_of(data)
    width = 2 if order else 1
    found: dict[int, tuple[int, bytes]] = {}
    start = 0
    for at in range(0, len(data) - width + 1, width):
        unit = data[at : at + width]
        if int.from_bytes(unit, order or "little") == ord("\n"):
            found[len(found) + 1] = (start, data[start:at])
            start = at + width
    if start < len(data):
        found[len(found) + 1] = (start, data[start:])
    return found


def must_be_accounted_for(line: bytes, encoding: str) -> bool:
    """Whether a line is surely a row: not blank, no directive, no header row."""
    text = line.decode(encoding, "replace").encode() if encoding != "utf-8" else line
    text = text.lstrip(b"\0").removesuffix(b"\r")
    while text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    first = text.split(b",")[0].strip(b' \t"').lower()
    return bool(text.strip(b"\r")) and not text.startswith(b"#") and first not in TIME_NAMES


def accounts(reading: Reading) -> list[tuple[int, int]]:
    events = zip(reading.events["line"].to_pylist(), reading.events["offset"].to_pylist(), strict=True)
    return sorted([*events, *((each.line, each.offset) for each in reading.rejects)])


def check(kind: str, data: bytes, block_bytes: int) -> None:
    parser = parser_for(kind)
    whole = read_log(io.BytesIO(data), parser)
    pieces = read_log(io.BytesIO(data), parser, block_bytes=block_bytes)

    assert pieces.events.to_pylist() == whole.events.to_pylist()
    assert pieces.rejects == whole.rejects
    assert pieces.warnings == whole.warnings
    assert pieces.tally == whole.tally
    assert whole.rows_in == pieces.rows_in == whole.events.num_rows + len(whole.rejects)
    assert whole.events["time"].null_count == 0

    lines = lines_of(data)
    assert whole.tally.lines == len(lines)
    seen = accounts(whole)
    assert len({line for line, _ in seen}) == len(seen), "a line became two"
    for line, offset in seen:
        assert lines[line][0] == offset
    rows = {line for line, (_, text) in lines.items() if must_be_accounted_for(text, whole.tally.encoding)}
    assert rows <= {line for line, _ in seen}, "a line was lost"


@pytest.mark.parametrize("kind", LINE_KINDS)
def test_near_valid_files(kind: str) -> None:
    @QUICK
    @given(near_valid(kind), st.integers(1, 300))
    def run(data: bytes, block_bytes: int) -> None:
        check(kind, data, block_bytes)

    run()


@pytest.mark.parametrize("kind", LINE_KINDS)
def test_arbitrary_bytes(kind: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(st.binary(max_size=200), st.integers(1, 50))
    def run(data: bytes, block_bytes: int) -> None:
        if order_of(data) or b"\0" not in data:
            check(kind, data, block_bytes)
        else:  # may look like UTF-16 without its mark, which lines_of cannot know
            reading = read_log(io.BytesIO(data), parser_for(kind), block_bytes=block_bytes)
            assert reading.rows_in == reading.events.num_rows + len(reading.rejects)

    run()


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_arbitrary_bytes_as_records(kind: str) -> None:
    marks = st.sampled_from(
        [b"{", b"}", b"[", b'"', b"\n", b"\r\n", b",", b"\xff\xfe", b"\xef\xbb\xbf", b'{"a":1}', b"\0"]
    )

    @settings(max_examples=25, deadline=None)
    @given(st.one_of(st.binary(max_size=200), st.lists(marks, max_size=40).map(b"".join)), st.integers(1, 50))
    def run(data: bytes, block_bytes: int) -> None:
        whole = read_log(io.BytesIO(data), parser_for(kind))
        pieces = read_log(io.BytesIO(data), parser_for(kind), block_bytes=block_bytes)
        assert pieces.events.to_pylist() == whole.events.to_pylist()
        assert (pieces.rejects, pieces.warnings, pieces.tally) == (whole.rejects, whole.warnings, whole.tally)
        assert whole.rows_in == whole.events.num_rows + len(whole.rejects)
        assert whole.events["time"].null_count == 0
        assert whole.tally.size == len(data)

    run()


@pytest.mark.parametrize("kind", LINE_KINDS)
def test_each_block_adds_up_and_long_lines_are_named(kind: str) -> None:
    @QUICK
    @given(near_valid(kind), st.integers(1, 400), st.integers(8, 120))
    def run(data: bytes, block_bytes: int, max_line: int) -> None:
        reader = parser_for(kind)("log", Settings())
        tally = Tally()
        lines = lines_of(data)
        too_long: list[int] = []
        raw_bytes = 0
        for block in read_blocks(io.BytesIO(data), tally, block_bytes=block_bytes, max_line=max_line):
            parsed = reader.parse(block)
            assert parsed.rows_in == parsed.table.num_rows + len(parsed.rejects)
            too_long += [each.line for each in parsed.rejects if each.reason.startswith("line is too long")]
            raw_bytes += block.raw_bytes
            for each in parsed.rejects:
                assert each.offset == lines[each.line][0]
            for line, offset in zip(*parsed.table.select(["line", "offset"]).to_pydict().values(), strict=True):
                assert offset == lines[line][0]
        assert raw_bytes == len(data)
        unit = 1 if tally.encoding == "utf-8" else 2
        lengths = {line: len(text) // unit * unit for line, (_, text) in lines.items()}
        assert too_long == [line for line, length in lengths.items() if length > max_line]

    run()
