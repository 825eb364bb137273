from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from brokenseal.simulate import SCENARIOS
from brokenseal.simulate.clock import DAY, iso
from brokenseal.simulate.evidence_tree import EWS, IIS_FRONT_END, EvidenceTree
from brokenseal.simulate.organisation import found

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_row_has_the_cells_of_its_header_and_truth_counts_them(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, servers=2)
    counted = {}
    for path in made.files():
        names, rows = made.table(path)
        assert {len(cells) for cells in rows} == {len(names)}, path
        counted[path.relative_to(made.evidence).as_posix()] = len(rows)
    for path in made.event_files():
        server = path.relative_to(made.evidence).parts[0]
        counted[path.relative_to(made.evidence).as_posix()] = len(made.events(part=path.name, server=server))
    assert counted == made.truth.files


def test_rows_are_in_order_of_time_and_on_the_day_of_their_file(simulation: Simulation) -> None:
    made = simulation("hafnium")
    for path in made.files():
        names, rows = made.table(path)
        times = [" ".join(cells[:2]) if names[0] == "date" else cells[0] for cells in rows]
        assert times == sorted(times), path
        digits = re.search(r"(\d{6})(?:00)?(?:-1)?\.log$", path.name, re.IGNORECASE)
        assert digits
        assert {time[2:10].replace("-", "") for time in times} == {digits[1]}, path


def test_line_ends_are_crlf_everywhere(simulation: Simulation) -> None:
    for path in simulation("hafnium").files():
        content = path.read_bytes()
        assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")


def test_both_shapes_of_the_httpproxy_header_occur(simulation: Simulation) -> None:
    shapes = set()
    for path in simulation("quiet").files("HttpProxy/Owa"):
        lines = path.read_bytes().split(b"\r\n")
        shapes.add((lines[0][:3] == b"\xef\xbb\xbf", lines[5].startswith(b"DateTime,RequestId,")))
    assert shapes == {(False, False), (True, True)}


def test_httpproxy_has_74_columns_or_more_with_the_ones_the_campaign_needs(simulation: Simulation) -> None:
    made = simulation("quiet")
    names, _ = made.table(made.files("HttpProxy/Ecp")[0])
    assert len(names) == len(set(names)) >= 74
    assert {"AnchorMailbox", "RoutingHint", "BackEndCookie", "ResponseBytes", "GenericInfo"} <= set(names)


def test_iis_writes_its_fifteen_default_fields(simulation: Simulation) -> None:
    made = simulation("quiet")
    names, _ = made.table(made.files("W3SVC2")[0])
    assert len(names) == 15
    assert "sc-bytes" not in names


def test_rows_of_missing_sources_and_of_other_times_are_not_written(tmp_path: Path) -> None:
    organisation = found(1, 1, 1, None)
    server = organisation.servers[0]
    tree = EvidenceTree(tmp_path, organisation, start=0, end=2 * DAY, sources={"iis"}, not_before={"iis": DAY + 5_000})
    for ms in (0, DAY, DAY + 4_999, DAY + 5_000, 2 * DAY - 1, 2 * DAY):
        tree.add(server, IIS_FRONT_END, ms, f"row of {iso(ms)}")
        tree.add(server, EWS, ms, "row")
    for day in range(3):
        tree.flush(day)
    assert tree.counts == {"EX01/C/inetpub/logs/LogFiles/W3SVC1/u_ex700102.log": 2}
    assert [path.name for path in tmp_path.rglob("*.*")] == ["u_ex700102.log"]


def test_rows_added_out_of_order_are_sorted_and_ties_keep_their_order(tmp_path: Path) -> None:
    organisation = found(1, 1, 1, None)
    tree = EvidenceTree(tmp_path, organisation, start=0, end=DAY)
    for ms, row in ((20, "c"), (10, "a"), (10, "b")):
        tree.add(organisation.servers[0], IIS_FRONT_END, ms, row)
    tree.flush(0)
    (path,) = tmp_path.rglob("*.log")
    assert path.read_bytes().split(b"\r\n")[-4:] == [b"a", b"b", b"c", b""]
