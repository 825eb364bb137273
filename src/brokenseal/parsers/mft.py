"""Master file table of a volume (`$MFT`) as it is: every file there is, and many that are gone.

`line` is the number of the record in the file, from 1. A file with several names (hard links) has a row for each. `deleted`
files keep their record until it is used again; where the folder they lay in is no more the same, the path begins with
`\\[unknown folder]`. The rows of web folders are kept, and of all other folders those that a web server would run. What is
in the file's other streams, or in records that continue another, is not read. The drive is that of the collected file's
own path, where it has one.

References:
    https://github.com/libyal/libfsntfs/blob/main/documentation/New%20Technologies%20File%20System%20(NTFS).asciidoc
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Reject, Settings
from brokenseal.parsers.blocks import Readable, Tally, raw_blocks
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.decoding import Mask, Positions
from brokenseal.parsers.file_listing import FileListingParser, each_distinct, flag, of_bits, with_folders
from brokenseal.parsers.listing_columns import drive_of
from brokenseal.parsers.listing_times import NO_TIME
from brokenseal.parsers.mft_folders import Folders
from brokenseal.parsers.mft_records import BROKEN, GOOD, MAGIC, SIZES, TORN, Records, read_records, record_size
from brokenseal.parsers.times import FIRST_MS, LAST_MS, as_chunked, within_years
from brokenseal.parsers.web_paths import OUTSIDE, scripts
from brokenseal.parsers.winevent_table import event_table

TORN_RECORD = "record is torn: its sectors were not written together"
NO_RECORD = "no record of a file table stands here"
CUT_OFF = "file ends in this record"
NO_NAME = "record has no name (its file is gone, or the name stands in a record that continues it)"

BLOCK_BYTES = 4 << 20
_UNITS = 10_000_000
#: Milliseconds from 1601, which NTFS counts from, to 1970.
_EPOCH_MS = 11_644_473_600_000
_NUMBERS = ("entry", "parent", "parent_sequence", "fn_created", "fn_modified", "created", "modified", "changed")
_MORE = ("accessed", "attributes", "size")
_SPOOL = pa.schema(
    [pa.field(name, pa.int64()) for name in (*_NUMBERS, *_MORE)]
    + [pa.field(name, pa.bool_()) for name in ("in_use", "folder")]
    + [pa.field("name", pa.string())]
)


class Mft(FileListingParser):
    __doc__ = __doc__
    kind = "mft"
    binary = True

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._record_bytes = 0

    @classmethod
    def recognise_bytes(cls, head: bytes) -> bool:
        size = record_size(head)
        following = head[size : size + 4]
        return (
            head.startswith(MAGIC)
            and head[4:6] in (b"\x30\0", b"\x2a\0")
            and following in (MAGIC, b"BAAD", b"\0\0\0\0", b"")
            and "$MFT".encode("utf-16-le") in head[:size]
        )

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return False

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(?:^|[\\/])\$MFT$", name, re.IGNORECASE))

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The whole file twice: once its records, which wait in a file without a name, then their paths.

        ``tally.lines`` is the number of records.
        """
        folders = Folders()
        with tempfile.TemporaryFile() as spool:
            with pa.ipc.new_stream(spool, _SPOOL, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
                for records, rejects, raw_bytes in self._records(stream, tally, block_bytes or BLOCK_BYTES):
                    parsed = Parsed(self.schema().empty_table(), rejects, rows_in=len(rejects))
                    folders.feed(records)
                    nameless = _nameless(records)
                    if nameless:
                        parsed.warnings[NO_NAME] += nameless
                    writer.write_table(_spooled(records))
                    yield Batch(parsed, raw_bytes)
            folders.finish(tally.lines)
            spool.seek(0)
            for waiting in pa.ipc.open_stream(spool):
                yield Batch(self._parsed(pa.table(waiting), folders), 0)

    def _records(self, stream: Readable, tally: Tally, block_bytes: int) -> Iterator[tuple[Records, list[Reject], int]]:
        """Records in the file's order, what is none, and how many bytes they were."""
        carry = b""
        number = 0
        for raw in raw_blocks(stream, tally, block_bytes=block_bytes):
            data = carry + raw
            size = self._record_bytes = self._record_bytes or (record_size(data) if len(data) >= 32 else 0)
            whole = len(data) // size * size if size else 0
            carry = data[whole:]
            if not whole:
                continue
            records = read_records(data[:whole], size, number)
            yield records, _rejects(records, size), whole
            number += whole // size
        rejects = [Reject(number + 1, number * self._record_bytes, CUT_OFF, "")] if carry else []
        tally.lines = number + len(rejects)
        yield read_records(b"", SIZES[0], 0), rejects, len(carry)

    def _parsed(self, rows: pa.Table, folders: Folders) -> Parsed:
        parsed = Parsed(self.schema().empty_table())

        def number(name: str) -> Positions:
            return np.asarray(rows.column(name))

        places = folders.places(number("parent"), number("parent_sequence"))
        entries, folder = number("entry"), np.asarray(rows.column("folder"))
        keep = folders.kept(places) | scripts(rows.column("name"))
        keep |= folder & folders.kept_entries(entries)
        if not keep.all():
            parsed.warnings[OUTSIDE] += int(np.count_nonzero(~keep))
        moment, known = _milliseconds(np.where(number("modified") > 0, number("modified"), number("fn_modified")))
        timeless = np.flatnonzero(keep & ~known)
        parsed.rejects += [
            Reject(int(entry) + 1, int(entry) * self._record_bytes, NO_TIME, "") for entry in entries[timeless]
        ]
        good = np.flatnonzero(keep & known)
        if len(good):
            made = _columns(rows.take(pa.array(good)), self._record_bytes)
            path = pc.binary_join_element_wise(
                folders.paths(places[good]), rows.column("name").take(pa.array(good)), "\\"
            )
            made["path"] = as_chunked(pc.binary_join_element_wise(drive_of(self.name) or "", path, ""))
            made["time"] = within_years(pa.chunked_array([pa.array(moment[good])]))
            parsed.table = event_table(self.schema(), made)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed


def _rejects(records: Records, size: int) -> list[Reject]:
    reasons = {TORN: TORN_RECORD, BROKEN: NO_RECORD}
    odd = np.flatnonzero((records.state == TORN) | (records.state == BROKEN))
    return [
        Reject(int(records.entries[at]) + 1, int(records.entries[at]) * size, reasons[int(records.state[at])], "")
        for at in odd
    ]


def _nameless(records: Records) -> int:
    named = np.zeros(len(records.state), dtype=np.bool_)
    named[records.names.rows] = True
    return int(np.count_nonzero((records.state == GOOD) & (~named | records.extends)))


def _spooled(records: Records) -> pa.Table:
    """A row for each name, but those in records that continue another."""
    names = records.names
    own = np.flatnonzero(~records.extends[names.rows])
    rows = names.rows[own]
    columns = {
        "entry": records.entries[rows],
        "parent": names.parents[own],
        "parent_sequence": names.parent_sequences[own],
        "fn_created": names.created[own],
        "fn_modified": names.modified[own],
        "created": records.created[rows],
        "modified": records.modified[rows],
        "changed": records.changed[rows],
        "accessed": records.accessed[rows],
        "attributes": records.attributes[rows],
        "size": records.size[rows],
        "in_use": records.in_use[rows],
        "folder": records.folder[rows],
        "name": names.names.take(pa.array(own)),
    }
    return pa.Table.from_arrays([pa.array(columns[field.name], field.type) for field in _SPOOL], schema=_SPOOL)


def _columns(rows: pa.Table, record_bytes: int) -> dict[str, pa.ChunkedArray]:
    numbers = {name: np.asarray(rows.column(name)) for name in (*_NUMBERS, *_MORE)}
    folder = as_chunked(rows.column("folder"))
    letters = each_distinct(rows.column("attributes").cast(pa.string()), lambda text: of_bits(int(text)))
    sized = numbers["size"]
    made = {
        "line": numbers["entry"] + 1,
        "offset": numbers["entry"] * record_bytes,
        "entry": numbers["entry"],
        "size": pa.array(sized, mask=sized < 0),
    }
    columns = {name: as_chunked(pa.array(values)) for name, values in made.items()}
    told = pa.array((numbers["attributes"] > 0) | (numbers["created"] > 0))
    columns["attributes"] = with_folders(as_chunked(pc.if_else(told, letters, NULL_TEXT)), folder)
    columns["deleted"] = flag(pc.invert(rows.column("in_use")))
    for name in ("created", "changed", "accessed", "fn_created", "fn_modified"):
        columns[name] = _texts(numbers[name])
    created, modified = numbers["created"], numbers["modified"]
    columns["si_before_fn"] = flag(pa.array((created > 0) & (created < numbers["fn_created"])))
    whole = ((created > 0) & (created % _UNITS == 0)) | ((modified > 0) & (modified % _UNITS == 0))
    columns["zero_subseconds"] = flag(pa.array(whole))
    return columns


def _milliseconds(times: Positions) -> tuple[Positions, Mask]:
    """Milliseconds since 1970, and which are times (of the years 1601 to 9999)."""
    moments = times // 10_000 - _EPOCH_MS
    return moments, (times > 0) & (moments >= FIRST_MS) & (moments <= LAST_MS)


def _texts(times: Positions) -> pa.ChunkedArray:
    """Times as RFC 3339 with all seven digits of a second; null where there is none."""
    moments, known = _milliseconds(times)
    seconds = within_years(pa.chunked_array([pa.array(np.where(known, moments - moments % 1000, 0))]))
    shown = pc.strftime(seconds.cast(pa.timestamp("s", "UTC")), format="%Y-%m-%dT%H:%M:%S")
    fraction = pc.utf8_lpad(pa.array(times % _UNITS).cast(pa.string()), 7, "0")
    whole = pc.binary_join_element_wise(shown, ".", fraction, "Z", "")
    return as_chunked(pc.if_else(pa.array(known), whole, NULL_TEXT))
