"""Listings are read by the product's parsers: every row is an event, and tells of the files what the truth says."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from brokenseal.parsers.base import Parser
from brokenseal.parsers.dir_listing import DirListing
from brokenseal.parsers.file_listing_csv import FileListingCsv
from brokenseal.parsers.mftecmd_csv import MftecmdCsv
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_file import read_log
from brokenseal.simulate.folder_listings import child_items, directory, master_file_table
from brokenseal.simulate.web_files import WebFile

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulated, Simulation

_PARSERS: dict[str, type[Parser]] = {"MFT.csv": MftecmdCsv, "dir.txt": DirListing, "web-files.csv": FileListingCsv}
_WWW = "C:\\inetpub\\wwwroot"


def _rows(data: bytes, kind: str, rows: int) -> list[dict[str, Any]]:
    """Rows of a listing; all its rows are events, or lie outside the web folders."""
    parser = _PARSERS[kind]
    assert [each for each in _PARSERS.values() if each.recognise_content(data.decode("utf-8-sig"))] == [parser]
    reading = read_log(io.BytesIO(data), parser)
    assert not reading.rejects
    assert reading.rows_in == reading.events.num_rows > 0
    assert reading.rows_in + reading.warnings[OUTSIDE] == rows
    found: list[dict[str, Any]] = reading.events.to_pylist()
    return found


def _listed(made: Simulated, kind: str) -> list[dict[str, Any]]:
    name = f"EX01/EX01-{kind}"
    return _rows((made.evidence / name).read_bytes(), kind, made.truth.listings[name])


@pytest.mark.parametrize(
    ("scenario", "kinds"),
    [
        ("quiet", ["dir.txt"]),
        ("probed", ["web-files.csv"]),
        ("hafnium", ["MFT.csv"]),
        ("host-only", ["MFT.csv"]),
        ("oab-write", ["dir.txt", "web-files.csv"]),
        ("quiet-shell", ["MFT.csv"]),
    ],
)
@pytest.mark.parametrize("days", [1, 5])
def test_every_file_of_the_web_folders_is_listed_with_its_size_and_time(
    simulation: Simulation, scenario: str, kinds: list[str], days: int
) -> None:
    made = simulation(scenario, days=days, users=4)
    root = made.evidence / "EX01"
    assert sorted(made.truth.listings) == [f"EX01/EX01-{kind}" for kind in sorted(kinds)]
    for kind in kinds:
        listed = {row["path"]: row for row in _listed(made, kind)}
        # In whole minutes, whole seconds, and exactly.
        step = {"dir.txt": 60, "web-files.csv": 1, "MFT.csv": 0.001}[kind]
        web = [path for path in (root / "C").rglob("*") if path.is_file() and path.suffix not in (".log", ".evtx")]
        for path in (path for path in web if path.suffix != ".LOG"):
            row = listed[path.relative_to(root).as_posix().replace("C/", "C:/", 1).replace("/", "\\")]
            assert row["size"] == path.stat().st_size
            late = path.stat().st_mtime - row["time"].timestamp()
            assert -0.001 <= late < step + 0.001, row


@pytest.mark.parametrize("scenario", ["hafnium", "host-only"])
def test_the_master_file_table_has_the_deleted_page(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario)
    (shell,) = made.truth.planted_shells
    deleted = [row for row in _listed(made, "MFT.csv") if row["deleted"]]
    assert [row["path"] for row in deleted] == [shell.path]
    (row,) = deleted
    assert row["time"].isoformat(timespec="milliseconds") == shell.planted.replace("Z", "+00:00")
    assert (row["si_before_fn"], row["zero_subseconds"]) == (None, None)
    assert row["size"] > 1_500


def test_the_master_file_table_knows_when_a_timestomped_page_came(simulation: Simulation) -> None:
    made = simulation("quiet-shell")
    (shell,) = made.truth.planted_shells
    rows = {row["path"]: row for row in _listed(made, "MFT.csv")}
    row = rows[shell.path]
    assert (row["deleted"], row["si_before_fn"], row["zero_subseconds"]) == (None, "true", "true")
    assert row["fn_created"][:23] == shell.planted[:23]
    assert row["created"] < shell.planted
    assert set(row["attributes"]) == set("HSA")
    assert [path for path, each in rows.items() if each["si_before_fn"]] == [shell.path]
    # Entries are given in the order in which files come, whatever times they claim.
    assert row["entry"] == max(each["entry"] for each in rows.values())


def test_what_was_written_elsewhere_is_in_the_master_file_table_too(simulation: Simulation) -> None:
    made = simulation("hafnium", users=4)
    text = (made.evidence / "EX01" / "EX01-MFT.csv").read_text("utf-8-sig")
    for file in made.truth.files_written:
        folder, _, name = file.path.replace("C:", ".").rpartition("\\")
        assert f",{folder},{name}," in text


def _file(name: str, at: str, **given: Any) -> WebFile:
    ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    return WebFile(f"{_WWW}\\{name}", b"x" * 1_234_567, ms, ms, **given)


def test_clocks_of_noon_and_midnight_are_read_back() -> None:
    times = ["2021-03-14T00:05:00Z", "2021-03-14T12:05:00Z", "2021-03-14T23:59:00Z"]
    files = [_file(f"{number}.aspx", time) for number, time in enumerate(times)]
    for make, kind in ((directory, "dir.txt"), (child_items, "web-files.csv"), (master_file_table, "MFT.csv")):
        listing = make("EX01", files)
        rows = [row for row in _rows(listing.data, kind, listing.rows) if row["path"].endswith(".aspx")]
        found = [row["time"].isoformat(timespec="seconds").replace("+00:00", "Z") for row in rows]
        assert found == times
        assert {row["size"] for row in rows} == {1_234_567}


def test_deleted_files_are_in_the_master_file_table_alone() -> None:
    files = [_file("a.aspx", "2021-03-14T00:05:00Z"), _file("b.aspx", "2021-03-14T00:05:00Z", present=False)]
    assert [b"b.aspx" in make("EX01", files).data for make in (directory, child_items, master_file_table)] == [
        False,
        False,
        True,
    ]
