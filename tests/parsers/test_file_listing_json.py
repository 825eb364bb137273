"""Listings in JSON: what is one, and that each object is judged by itself."""

from __future__ import annotations

import io
import json

import pytest

from brokenseal.parsers.file_listing_json import FileListingJson
from brokenseal.parsers.whole_file import read_log


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ({"OSPath": "C:\\x", "MTime": "2021-03-03T05:00:00Z"}, True),
        ({"FullPath": "C:\\x", "Mtime": "2021-03-03T05:00:00Z"}, True),
        ({"ParentPath": ".\\x", "FileName": "y", "LastModified0x10": "2021-03-03T05:00:00Z"}, True),
        ({"OSPath": "C:\\x"}, False),
        ({"EventID": 1, "Channel": "Security", "OSPath": "C:\\x", "Modified": "x"}, False),
        ({"Name": "x", "Modified": "x"}, False),
    ],
)
def test_what_is_a_listing(row: dict[str, object], known: bool) -> None:
    assert FileListingJson.recognise_content(json.dumps(row) + "\n") is known


def test_an_array_over_lines_and_pretty_printed_objects_are_read() -> None:
    rows = [{"OSPath": f"C:\\inetpub\\{n}.aspx", "Size": n, "MTime": "2021-03-03T05:00:00Z"} for n in range(3)]
    for text in (json.dumps(rows, indent=2), "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"):
        reading = read_log(io.BytesIO(text.encode()), FileListingJson)
        assert reading.events["size"].to_pylist() == [0, 1, 2]
        assert not reading.rejects


def test_the_upload_of_a_collector_gives_the_hash() -> None:
    row = {
        "OSPath": "C:\\inetpub\\a.aspx",
        "MTime": "2021-03-03T05:00:00Z",
        "Upload": {"sha256": "AB" * 32, "md5": "0f" * 16},
    }
    events = read_log(io.BytesIO(json.dumps(row).encode()), FileListingJson).events
    assert events["sha256"].to_pylist() == ["ab" * 32]
    assert events["md5"].to_pylist() == ["0f" * 16]
