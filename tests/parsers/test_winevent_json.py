"""Windows events as JSON: every record is an event or a reject, whatever the file is made of."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers import WineventJson, identify
from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.json_records import CUT_OFF, NOT_AN_OBJECT, TOO_LONG
from brokenseal.parsers.whole_file import Reading, read_log
from brokenseal.parsers.winevent_clock import PUT_RIGHT, TAKEN_AS_UTC
from brokenseal.parsers.winevent_json import MENDED, NO_TIME, UNKNOWN_SHAPE

SHARED = Path(__file__).resolve().parents[3] / "shared"
CASES = Path(__file__).parent / "cases" / "winevent_json"
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Record = dict[str, Any]


def read(text: str | bytes, block_bytes: int | None = None) -> Reading:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return read_log(io.BytesIO(data), WineventJson, block_bytes=block_bytes)


def flat(number: int = 4624, **fields: object) -> Record:
    made = {"EventID": number, "Channel": "Security", "Hostname": "EX01", "TimeCreated": "2021-03-03T05:06:07.000Z"}
    return made | fields


def events(reading: Reading) -> list[Record]:
    found: list[Record] = reading.events.to_pylist()
    return found


def data_of(reading: Reading) -> list[Record | None]:
    return [None if text is None else json.loads(text) for text in reading.events["Data"].to_pylist()]


@pytest.mark.parametrize(
    "record",
    [
        {"winlog": {"channel": "Security", "event_id": 1}, "@timestamp": "2021-03-03T05:06:07Z"},
        {"_source": {"winlog": {"channel": "Security", "event_id": 1}}},
        {"event_id": 1, "log_name": "Security", "event_data": {}},
        {"EventTime": "2021-03-03 05:06:07", "SourceName": "X", "EventID": 1},
        {"System": {"EventID": {"Value": 1}, "Channel": "Security"}, "EventData": {}},
        {"Event": {"System": {"EventID": 1}}},
        {"EventId": 1, "Channel": "Security", "Payload": "{}"},
        {"TimeGenerated": "2021-03-03T05:06:07Z", "Computer": "EX01", "EventID": 1},
        {"Id": 1, "LogName": "Security", "ProviderName": "X", "TimeCreated": "/Date(0)/"},
        flat(),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_shape_is_known_by_its_content(record: Record, indent: int | None) -> None:
    text = json.dumps(record, indent=indent)
    assert identify(text.encode(), "x.txt") is WineventJson
    assert identify(f"[{text}]".encode(), "x.txt") is WineventJson
    assert identify(("\ufeff" + text).encode("utf-16-le"), "x.txt") is WineventJson


def test_an_object_longer_than_the_first_lines_is_known_by_its_keys() -> None:
    long = flat(Message="x" * 100_000)
    assert identify(json.dumps(long).encode()[: 64 << 10], "x.txt") is WineventJson
    many = {"Event": {"System": {"Provider": {}, "EventID": 1}, "EventData": {f"f{n}": n for n in range(100)}}}
    assert identify(json.dumps(many, indent=2).encode(), "x.txt") is WineventJson


@pytest.mark.parametrize(
    "text",
    [
        '{"time":"2021-03-03T05:06:07Z","action":"deny","src":"198.51.100.7"}\n',
        '{"timestamp":1,"event_type":"alert","alert":{"signature":"x"}}\n' * 3 + json.dumps(flat()),
        '{"EventID":1}\n',
        "{}",
        "{",
        "[]",
        "[1, 2, 3]",
        '{"a": "EventID Channel TimeCreated"}',
        '"EventID"',
        "x" + json.dumps(flat()),
        "",
    ],
)
def test_other_json_is_not_taken(text: str) -> None:
    assert identify(text.encode(), "x.json") is None


def test_a_file_of_events_with_other_lines_between_is_taken() -> None:
    text = '{"action":"deny"}\n' + (json.dumps(flat()) + "\n") * 2
    assert identify(text.encode(), "x.json") is WineventJson
    reading = read(text)
    assert [each.reason for each in reading.rejects] == [UNKNOWN_SHAPE]
    assert reading.events["line"].to_pylist() == [2, 3]


def test_a_line_still_being_written_says_so() -> None:
    text = json.dumps(flat()) + "\n" + json.dumps(flat())[:-5]
    (reject,) = read(text).rejects
    assert (reject.line, reject.reason) == (2, f"{NOT_AN_OBJECT}; the file ends in this line")
    assert read(json.dumps(flat())).events.num_rows == 1


def test_line_and_offset_of_pretty_printed_objects_are_those_of_their_first_line() -> None:
    first, second = json.dumps(flat(1), indent=2), json.dumps(flat(2), indent=2)
    reading = read(f"Record 1\n{first}\nRecord 2\n{second}\n")
    assert [(event["line"], event["offset"]) for event in events(reading)] == [
        (2, len("Record 1\n")),
        (first.count("\n") + 4, len(f"Record 1\n{first}\nRecord 2\n")),
    ]


def test_a_damaged_object_swallows_nothing() -> None:
    whole = json.dumps(flat(7), indent=2)
    damaged = whole.rsplit("\n", 2)[0]
    reading = read(f"{damaged}\n{whole}\n{json.dumps(flat(8))}\n{damaged}\nRecord 9\n{whole}")
    assert reading.events["EventID"].to_pylist() == [7, 8, 7]
    assert [each.reason for each in reading.rejects] == [CUT_OFF, CUT_OFF]


def test_an_object_longer_than_a_line_may_be_is_rejected_and_the_next_is_read() -> None:
    fields = {f"f{number}": "x" * 1000 for number in range(MAX_LINE // 1000)}
    text = json.dumps(flat(1, **fields), indent=1) + "\n" + json.dumps(flat(2), indent=1) + "\n"
    for block_bytes in (None, 300_000):
        reading = read(text, block_bytes)
        assert reading.events["EventID"].to_pylist() == [2]
        assert [(each.line, each.reason) for each in reading.rejects] == [(1, TOO_LONG)]


def test_a_line_too_long_inside_an_object_ends_it() -> None:
    text = json.dumps(flat(1, a="b", Message="x" * MAX_LINE), indent=1) + "\n" + json.dumps(flat(2), indent=1) + "\n"
    reading = read(text)
    assert reading.events["EventID"].to_pylist() == [2]
    assert [each.reason for each in reading.rejects] == [CUT_OFF, "line is too long"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\udc00\ud800", "\ufffd\ufffd"),
        ("tab\there", "tab\there"),
        ("\x01", "\x01"),
    ],
)
def test_characters_that_cannot_be_cost_no_event(text: str, value: str) -> None:
    reading = read(json.dumps(flat(x="?")).replace("?", text))
    assert data_of(reading) == [{"x": value}]
    assert reading.warnings[MENDED] == 1


def test_bytes_that_are_no_utf8_and_nul_bytes_stay_visible() -> None:
    line = json.dumps(flat(x="?")).encode()
    reading = read(line.replace(b"?", b"a\xffb") + b"\n" + line.replace(b"?", b"a\0b"))
    assert data_of(reading) == [{"x": "a\\xffb"}, {"x": "a␀b"}]
    assert reading.warnings["bytes that are not UTF-8 (kept as \\xNN)"] == 1
    assert reading.warnings["NUL bytes in the line"] == 1


@pytest.mark.parametrize(
    "value",
    ["1e999", "-1e999", "NaN", "Infinity", "123456789012345678901234567890", "1.10", "[]", "{}", "[[[1]]]", "null"],
)
def test_odd_numbers_and_nesting_cost_no_event(value: str) -> None:
    reading = read(json.dumps(flat(x="?")).replace('"?"', value))
    assert (reading.events.num_rows, len(reading.rejects)) == (1, 0)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_costs_its_own_line_at_most(opening: str) -> None:
    closing = "]" if opening == "[" else "1}"
    depth = (MAX_LINE - 200) // (len(opening) + 1)
    deep = json.dumps(flat(x="?")).replace('"?"', opening * depth + closing[:-1] + closing[-1] * depth)
    reading = read(f"{json.dumps(flat(1))}\n{deep}\n{json.dumps(flat(3))}\n")
    assert {1, 3} <= set(reading.events["line"].to_pylist())
    assert reading.rows_in == reading.events.num_rows + len(reading.rejects) == 3


def test_a_key_twice_counts_as_the_first() -> None:
    reading = read('{"EventID":1,"EventID":2,"Channel":"Security","TimeCreated":"2021-03-03T05:06:07Z","x":1,"x":2}')
    assert reading.events["EventID"].to_pylist() == [1]


@pytest.mark.parametrize(
    "time", ["yesterday", "", "2021-02-31T00:00:00Z", "0000-01-01T00:00:00Z", "infinity", "99999-01-01"]
)
def test_a_time_that_cannot_be_read_is_a_reject(time: str) -> None:
    reading = read(json.dumps(flat(TimeCreated=time)) + "\n")
    assert [each.reason for each in reading.rejects] == [NO_TIME]


def test_elements_of_an_array_in_one_line_have_their_own_place() -> None:
    parts = [json.dumps(flat(number, x="ü"), ensure_ascii=False) for number in (1, 2)]
    for encoding, mark in (("utf-8", ""), ("utf-16-le", "\ufeff")):
        text = f"[{parts[0]} , {parts[1]}]"
        reading = read((mark + text).encode(encoding))
        assert [event["line"] for event in events(reading)] == [1, 1]
        assert events(reading)[1]["offset"] - events(reading)[0]["offset"] == len(f"{parts[0]} , ".encode(encoding))


def test_the_local_clock_of_a_machine_is_put_right_by_its_sysmon_events_alone() -> None:
    sysmon = {"SourceName": "Microsoft-Windows-Sysmon", "Channel": "Microsoft-Windows-Sysmon/Operational"}
    rows = [
        flat(1, TimeCreated="2021-03-03 01:00:00"),
        flat(2, TimeCreated="2021-03-03 01:00:01", UtcTime="2021-03-03 06:00:00.500", **sysmon),
        flat(3, TimeCreated="2021-03-03 01:00:02"),
        flat(4, TimeCreated="2021-03-03 01:00:03", Hostname="EX02"),
        flat(5, TimeCreated="2021-03-03 01:00:04", UtcTime="2021-03-03 06:00:04.000"),
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for block_bytes in (None, 5):
        reading = read(text, block_bytes)
        hours = [event["time"].hour for event in events(reading)]
        assert hours == [1, 6, 6, 1, 6], (
            "only events of the provider Sysmon tell; those of their machine after them follow"
        )
        assert reading.warnings == {TAKEN_AS_UTC: 2, PUT_RIGHT: 3}


def corpus() -> list[bytes]:
    lines: set[bytes] = set()
    for path in CASES.glob("*/input.*"):
        if "utf16" not in path.parent.name:
            lines.update(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n"))
    return sorted(lines)


def near_valid() -> st.SearchStrategy[bytes]:
    lines = st.sampled_from(corpus())
    odd = st.sampled_from([b'"', b",", b"{", b"}", b"[", b"]", b"\\", b"\0", b"\xff", b"\r", b" ", b":", b"\\ud800"])
    damaged = st.builds(lambda line, at, piece: line[:at] + piece + line[at:], lines, st.integers(0, 400), odd)
    indented = st.builds(lambda line, depth: b" " * depth + line, lines, st.integers(0, 4))
    frame = st.sampled_from([b"{", b"}", b"  {", b"  },", b"[", b"]", b"Record 1", b"", b"  ", b",", b"}, {"])
    body = st.lists(
        st.tuples(st.one_of(lines, damaged, indented, frame), st.sampled_from([b"\n", b"\r\n"])), max_size=12
    )
    return st.builds(lambda rows, last: b"".join(a + b for a, b in rows) + last, body, st.one_of(st.just(b""), damaged))


def accounts(reading: Reading) -> Counter[int]:
    lines = Counter(reading.events["line"].to_pylist())
    lines.update(each.line for each in reading.rejects)
    return lines


@QUICK
@given(near_valid(), st.integers(1, 700))
def test_what_comes_of_a_file_does_not_hang_on_the_block_size(data: bytes, block_bytes: int) -> None:
    whole, pieces = read(data), read(data, block_bytes)
    assert pieces.events.to_pylist() == whole.events.to_pylist()
    assert pieces.rejects == whole.rejects
    assert pieces.warnings == whole.warnings
    assert pieces.tally == whole.tally
    assert whole.rows_in == pieces.rows_in == whole.events.num_rows + len(whole.rejects)
    assert whole.events["time"].null_count == 0


@QUICK
@given(
    st.lists(
        st.one_of(st.sampled_from(corpus()), st.binary(max_size=60)).map(lambda line: line.replace(b"\n", b"")),
        max_size=12,
    )
)
def test_every_line_that_is_no_frame_is_accounted_for_if_no_object_spans_lines(lines: list[bytes]) -> None:
    frames = {b"", b"[", b"]", b",", b"{"}
    kept = [
        b"x" + line if line.strip(b" \t\r\0\xef\xbb\xbf") in frames or line.startswith(b"Record") else line
        for line in lines
    ]
    reading = read(b"".join(line + b"\n" for line in (b"#", *kept)))
    seen = accounts(reading)
    assert set(seen) == set(range(1, len(kept) + 2))


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
        max_leaves=12,
    ),
    st.sampled_from(sorted(path.name for path in CASES.iterdir())),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_any_value_in_any_place_of_a_record_costs_that_record_at_most(
    value: object, case: str, line: int, place: int
) -> None:
    (path,) = (CASES / case).glob("input.*")
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    records = [json.loads(each) for each in lines if each.startswith("{") and each.endswith("}") and _loads(each)]
    if not records:
        return
    record = records[line % len(records)]
    holder, at = _places(record)[place % len(_places(record))]
    holder[at] = value
    text = json.dumps(record) + "\n" + json.dumps(flat(4242)) + "\n"
    reading = read(text)
    assert reading.events["EventID"].to_pylist()[-1] == 4242
    assert reading.rows_in == reading.events.num_rows + len(reading.rejects) == 2


def _loads(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    found = [(value, key) for key in keys]
    for key in keys:
        found += _places(value[key])
    return found


def test_the_otrf_data_set_is_read_whole() -> None:
    folder = SHARED / "evidence" / "otrf-proxylogon"
    archives = sorted(folder.glob("*.zip"))
    if not archives:
        pytest.skip("no OTRF data set beside the repository")
    with ZipFile(archives[0]) as archive:
        data = archive.read(next(name for name in archive.namelist() if name.endswith(".json")))
    wanted = [json.loads(line) for line in data.splitlines()]
    assert identify(data[: 64 << 10], "x.json") is WineventJson
    reading = read(data)
    assert (reading.events.num_rows, len(reading.rejects)) == (10_487, 0)
    found = events(reading)
    assert [(event["Channel"], event["EventID"]) for event in found] == [
        (row["Channel"], row["EventID"]) for row in wanted
    ]
    assert reading.warnings == {PUT_RIGHT: 10_487}
    sysmon = [(event, row) for event, row in zip(found, wanted, strict=True) if "UtcTime" in row]
    assert len(sysmon) == 4_679
    for event, row in sysmon:
        lag = event["time"].timestamp() - _seconds(row["UtcTime"])
        assert -1 < lag < 60, "written down soon after it happened, in UTC"
        assert json.loads(event["Data"])["UtcTime"] == row["UtcTime"]


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text + "+00:00").timestamp()


def test_sigmahqs_regression_events_are_read_as_they_are() -> None:
    folder = SHARED / "sigmahq" / "regression_data"
    paths = sorted(folder.rglob("*.json"))
    if not paths:
        pytest.skip("no SigmaHQ regression data beside the repository")
    logged = []
    for number, path in enumerate(paths):
        data = path.read_bytes()
        if number % 20 == 0:
            assert identify(data[: 64 << 10], path.name) is WineventJson, path
        logged += _objects(data.decode())
    reading = read(b"\n".join(path.read_bytes() for path in paths))
    assert (reading.events.num_rows, reading.rejects, reading.warnings) == (len(logged), (), {})
    for event, own, each in zip(events(reading), data_of(reading), logged, strict=True):
        system, fields = each["Event"]["System"], each["Event"].get("EventData") or {}
        assert (event["EventRecordID"], event["Channel"]) == (system["EventRecordID"], system["Channel"])
        if "Data" not in fields and "UserData" not in each["Event"]:
            assert (own or {}) == {name: value for name, value in fields.items() if name != "#attributes"}


def _objects(text: str) -> list[Record]:
    decoder, at, found = json.JSONDecoder(), 0, []
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found
