"""Public samples of real servers, where they lie beside the repository (they are not part of it)."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest

from brokenseal.parsers import identify
from brokenseal.parsers.whole_file import Reading, read_log

EVIDENCE = Path(__file__).resolve().parents[3] / "shared" / "evidence"


def need(*parts: str) -> Path:
    path = EVIDENCE.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no sample {'/'.join(parts)} beside the repository")
    return path


def read(data: bytes, name: str) -> Reading:
    parser = identify(data[: 64 << 10], name)
    assert parser is not None
    return read_log(io.BytesIO(data), parser)


def rows(path: Path) -> int:
    return sum(1 for line in path.read_bytes().splitlines() if line.strip() and not line.startswith(b"#"))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("iis-plaso", "iis10.log"),
        ("iis-plaso", "iis10_cookies.log"),
        ("iis-plaso", "iis10_edge_cases.log"),
        ("iis-plaso", "iis6.log"),
        ("iis-plaso", "iis7_owa.log"),
        ("iis-plaso", "iis7_sqli.log"),
        ("iis-plaso", "iis_without_date.log"),
        ("iis-tx", "u_ex130609.log"),
        ("iis-formats", "ex960101.log"),
        ("iis-formats", "ex031118.log"),
        ("iis-formats", "u_ex100815.log"),
        ("iis-formats", "u_ex160110.log"),
    ],
)
def test_every_row_of_a_w3c_sample_is_an_event(folder: str, name: str) -> None:
    path = need(folder, name)
    reading = read(path.read_bytes(), name)
    assert not reading.rejects
    assert reading.events.num_rows == rows(path)
    assert reading.events["time"].null_count == 0
    assert not [warning for warning in reading.warnings if "not a number" in warning]


def test_the_edge_cases_keep_users_ports_and_addresses_apart() -> None:
    path = need("iis-plaso", "iis10_edge_cases.log")
    events = read(path.read_bytes(), path.name).events.to_pylist()
    assert len(events) == 15
    assert Counter(event["s-port"] for event in events) == {444: 11, 445: 2, 81: 2}
    assert {event["c-ip"] for event in events} == {"::1", "10.10.10.10"}
    users = Counter(event["cs-username"] for event in events)
    assert users["random\\ranuser1"] == 4
    assert users["random/ranuser1"] == users["ranuser1@random"] == 1
    assert {event["cs-method"] for event in events} == {"POST", "GET", "RPC_IN_DATA", "RPC_OUT_DATA"}
    assert all(event["sc-status"] in (200, 302, 401, 500) for event in events)


def test_the_sample_without_dates_is_dated_by_its_directive() -> None:
    path = need("iis-plaso", "iis_without_date.log")
    times = [time.isoformat() for time in read(path.read_bytes(), path.name).events["time"].to_pylist()]
    assert times[0] == "2013-07-30T00:00:00+00:00"
    assert times[-1] == "2013-07-30T00:00:13+00:00"


def test_other_formats_of_windows_are_refused() -> None:
    native = need("iis-formats", "ex010320.log")
    reading = read(native.read_bytes(), native.name)
    assert (reading.events.num_rows, len(reading.rejects)) == (0, 2)
    firewall = need("iis-formats", "pf040903.log")
    assert identify(firewall.read_bytes(), firewall.name) is None


def test_the_published_examples_of_exchange_logs() -> None:
    text = need("exchange-formats", "microsoft_exchange.md").read_text("utf-8")
    found: Counter[str] = Counter()
    refused: list[str] = []
    for example in re.findall(r"```\n(#Software: Microsoft.*?)```", text, re.DOTALL):
        data = example.encode()
        log_type = re.search("#Log-type: (.*)", example)
        parser = identify(data, "x.txt")
        if parser is None:
            refused.append(log_type[1] if log_type else "?")
            continue
        reading = read_log(io.BytesIO(data), parser)
        assert not reading.rejects
        assert not reading.warnings
        rows_there = [line for line in example.splitlines() if line and not line.startswith("#")]
        assert reading.events.num_rows == len(rows_there)
        hosts = set(reading.events["host"].to_pylist())
        assert len(hosts) == 1
        for line, event in zip(rows_there, reading.events.to_pylist(), strict=True):
            assert event["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == line.split(",")[0]
        found[parser.kind] += reading.events.num_rows
    assert found == {"httpproxy": 11, "ecp_server": 1, "ews": 1, "message_tracking": 2, "cmdlet": 1}
    assert sorted(refused) == ["Agent Log", "ECP Activity Context Log", "SMTP Receive Protocol Log", "audit"]
