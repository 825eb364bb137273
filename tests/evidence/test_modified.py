"""The time of a zip's member: in UTC where the archive has it, else local time and said so."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from brokenseal.evidence.modified import Modified, modified_in_zip

DOS = (2021, 3, 3, 11, 5, 6)
DOS_MS = int(datetime(*DOS, tzinfo=UTC).timestamp() * 1000)


def test_without_extra_fields_it_is_local_time() -> None:
    assert modified_in_zip(b"", DOS) == Modified(DOS_MS, zone_known=False)


def test_unix_time_is_utc() -> None:
    extra = struct.pack("<HHBi", 0x5455, 5, 3, 1_614_765_906)
    assert modified_in_zip(extra, DOS) == Modified(1_614_765_906_000, zone_known=True)


def test_ntfs_time_is_utc_also_after_other_fields() -> None:
    ticks = (1_614_765_906_123 + 11_644_473_600_000) * 10_000
    ntfs = struct.pack("<HHIHHQQQ", 0x000A, 32, 0, 1, 24, ticks, ticks, ticks)
    other = struct.pack("<HH3s", 0x7075, 3, b"abc")
    assert modified_in_zip(other + ntfs, DOS) == Modified(1_614_765_906_123, zone_known=True)


def test_a_unix_field_without_that_time_says_nothing() -> None:
    assert not modified_in_zip(struct.pack("<HHBi", 0x5455, 5, 2, 1_614_765_906), DOS).zone_known


@given(st.binary(max_size=64), st.tuples(*[st.integers(0, 4000)] * 6))
def test_any_bytes_give_a_time(extra: bytes, dos: tuple[int, ...]) -> None:
    assert isinstance(modified_in_zip(extra, dos).ms, int)
