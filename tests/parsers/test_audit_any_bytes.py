"""Whatever the bytes are: no parser of audit records or directories fails, and nothing hangs on the block size."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Parser
from brokenseal.parsers.ldif import Ldif
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.mailbox_audit_xml import MailboxAuditXml
from brokenseal.parsers.mailbox_list_csv import MailboxListCsv
from brokenseal.parsers.unified_audit_csv import UnifiedAuditCsv
from brokenseal.parsers.unified_audit_json import UnifiedAuditJson
from brokenseal.parsers.whole_file import read_log

CASES = Path(__file__).parent / "audit_cases"
ALL: list[type[Parser]] = [Ldif, MailboxAuditCsv, MailboxAuditXml, MailboxListCsv, UnifiedAuditCsv, UnifiedAuditJson]
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARKS = [
    b'"',
    b",",
    b";",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"<Event ",
    b"/>",
    b"&",
    b"\0",
    b"\r",
    b"\n ",
    b"\n\n",
    b"\xff",
    b"\xef\xbb\xbf",
]


def pieces_of(kind: str) -> list[bytes]:
    """Lines of the kind's golden inputs, long ones cut at their tags and objects as well."""
    found: set[bytes] = set()
    for path in CASES.glob(f"{kind}/*/input.*"):
        if "utf16" not in path.parent.name:
            found.update(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n"))
    return sorted(found)


def near_valid(kind: str) -> st.SearchStrategy[bytes]:
    lines = st.sampled_from(pieces_of(kind))
    odd = st.sampled_from(MARKS)
    damaged = st.builds(lambda line, at, piece: line[:at] + piece + line[at:], lines, st.integers(0, 500), odd)
    cut = st.builds(lambda line, at: line[:at], lines, st.integers(0, 500))
    body = st.lists(st.tuples(st.one_of(lines, lines, damaged, cut), st.sampled_from([b"\n", b"\r\n"])), max_size=12)
    return st.builds(lambda rows, last: b"".join(a + b for a, b in rows) + last, body, st.one_of(st.just(b""), cut))


def check(parser: type[Parser], data: bytes, block_bytes: int) -> None:
    whole = read_log(io.BytesIO(data), parser)
    pieces = read_log(io.BytesIO(data), parser, block_bytes=block_bytes)
    assert pieces.events.to_pylist() == whole.events.to_pylist()
    assert pieces.rejects == whole.rejects
    assert pieces.warnings == whole.warnings
    assert pieces.tally == whole.tally
    assert whole.tally.size == len(data)
    assert whole.rows_in == pieces.rows_in == whole.events.num_rows + len(whole.rejects)
    assert whole.events["time"].null_count == 0
    for name in ("Folders", "MessageIds", "Subjects", "Parameters", "Addresses", "X500"):
        if name in whole.events.column_names:
            for text in whole.events[name].drop_null().to_pylist():
                json.loads(text, strict=False)


@pytest.mark.parametrize("parser", ALL, ids=lambda parser: parser.kind)
def test_near_valid_files(parser: type[Parser]) -> None:
    @QUICK
    @given(near_valid(parser.kind), st.integers(1, 900))
    def run(data: bytes, block_bytes: int) -> None:
        check(parser, data, block_bytes)

    run()


@pytest.mark.parametrize("parser", ALL, ids=lambda parser: parser.kind)
def test_arbitrary_bytes(parser: type[Parser]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(
        st.one_of(st.binary(max_size=600), st.lists(st.sampled_from(MARKS), max_size=60).map(b"".join)),
        st.integers(1, 300),
    )
    def run(data: bytes, block_bytes: int) -> None:
        check(parser, data, block_bytes)

    run()


@pytest.mark.parametrize("parser", ALL, ids=lambda parser: parser.kind)
def test_damage_in_the_golden_files(parser: type[Parser]) -> None:
    originals = [path.read_bytes() for path in sorted(CASES.glob(f"{parser.kind}/*/input.*"))]

    @QUICK
    @given(
        st.sampled_from(originals),
        st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=20),
        st.integers(300, 4000),
    )
    def run(original: bytes, changes: list[tuple[int, int]], block_bytes: int) -> None:
        data = bytearray(original)
        for at, value in changes:
            data[at % len(data)] = value
        check(parser, bytes(data), block_bytes)

    run()
