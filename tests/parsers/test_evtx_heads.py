"""Records whose texts were cut give the same table as the same records read whole, whatever their names and values hold."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.parsers import Evtx, Parsed, evtx_columns, evtx_heads
from brokenseal.parsers.evtx_chunks import Chunk
from brokenseal.parsers.evtx_cut import Cut
from brokenseal.parsers.evtx_decoder import answer_of
from brokenseal.parsers.evtx_reading import Piece, Surveyed
from brokenseal.parsers.evtx_records import Records
from brokenseal.parsers.evtx_tables import Tables
from brokenseal.parsers.evtx_worker import Results, _results

WRITTEN = 132_592_212_000_000_000
#: In the order in which the decoder writes them.
SYSTEM: dict[str, Any] = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
    "EventID": 4624,
    "Level": 0,
    "TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T06:00:00.123456Z"}},
    "EventRecordID": 17,
    "Correlation": {"#attributes": {"ActivityID": "422121E1-13CE-4174-A77F-6C2A8ECDFE7E"}},
    "Execution": {"#attributes": {"ProcessID": 772, "ThreadID": 832}},
    "Channel": "Security",
    "Computer": "EX01.example.test",
    "Security": None,
}


def written(value: Any) -> str:
    """JSON as the decoder writes it: names are not escaped."""
    if isinstance(value, dict):
        return "{" + ",".join(f'"{name}":{written(item)}' for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def event(system: dict[str, Any] | None = None, *, without: tuple[str, ...] = (), **members: Any) -> str:
    own = {name: value for name, value in (SYSTEM | (system or {})).items() if name not in without}
    return written({"Event": {"#attributes": {"xmlns": "x"}, "System": own, **(members or {"EventData": {"A": "1"}})}})


def cut(texts: list[str]) -> Results:
    found = _results([{"event_record_id": number, "data": text} for number, text in enumerate(texts, start=1)])
    assert isinstance(found, Results)
    return found


def made(texts: list[str], *, whole: bool, tables: Tables | None = None) -> Parsed:
    count = len(texts)
    records = Records(
        np.arange(512, 512 + 100 * count, 100),
        np.full(count, 100),
        np.arange(1, count + 1, dtype=np.uint64),
        np.full(count, WRITTEN, np.uint64),
    )
    one = Surveyed(Chunk(0, 4096, b"\xab" * 65536), records, np.arange(1, count + 1), np.zeros(0, np.int64))
    if whole:
        raw = [text.encode() for text in texts]
        piece = Piece(one, 0, np.array([*map(len, raw)], np.int32), Cut.none(count), b"".join(raw))
    else:
        answer = answer_of(cut(texts))
        piece = Piece(one, 0, answer.lengths, answer.cut, answer.text)
    return (tables or Tables(Evtx.schema())).parsed([piece], Counter())


def same(texts: list[str]) -> Parsed:
    whole, parts = made(texts, whole=True), made(texts, whole=False)
    assert parts.table.to_pylist() == whole.table.to_pylist()
    assert parts.rejects == whole.rejects
    assert parts.warnings == whole.warnings
    return parts


def read_whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were put together again, as they come."""
    seen: list[str] = []

    def watched(records: pa.Array) -> Any:
        seen.extend(text for text in records.to_pylist() if evtx_heads._TIME not in text)
        return evtx_columns.taken(records)

    monkeypatch.setattr(evtx_heads, "taken", watched)
    return seen


def test_ordinary_records_are_not_put_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        event({"EventRecordID": number, "Execution": {"#attributes": {"ProcessID": number, "ThreadID": 7}}})
        for number in (1, 22, 333, 10**17)
    ]
    texts += [
        event(without=("Correlation",)),
        event({"Correlation": None}),
        event(without=("Correlation", "Execution")),
    ]
    texts += [event(EventData=None), event(EventData={"Data": {"#text": ["a", "b"]}, "Binary": "00"})]
    texts += [event({"EventID": {"#attributes": {"Qualifiers": 0}, "#text": 7}}, EventData={"B": "Microsoft® „x“"})]
    seen = read_whole(monkeypatch)
    rows = made(texts, whole=False).table.to_pylist()
    assert seen == []
    assert [row["EventRecordID"] for row in rows[:4]] == [1, 22, 333, 10**17]
    assert {row["host"] for row in rows} == {"EX01.example.test"}
    assert {row["time"].isoformat() for row in rows} == {"2021-03-03T06:00:00.123000+00:00"}
    assert rows[-1]["EventID"] == 7
    same(texts)


@pytest.mark.parametrize(
    "text",
    [
        event({"EventRecordID": 10**18}),
        event({"EventRecordID": -1}),
        event({"EventRecordID": "12"}),
        event({"Correlation": "text"}),
        event({"Level": "high"}),
        event({"TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T06:00:00Z"}}}),
        event({"TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T06:00:00.123456Z", "More": 1}}}),
        event({"Execution": {"#attributes": {"ProcessID": 1}, "Channel": "other"}}),
        event({"Extra": 1, "Channel": "moved behind"}, without=("Channel",)),
        event(UserData={"X": {"a": 1}}),
        event(UserData={"X": {"a": 1}}, EventData={"b": 2}),
        event(EventData={"b": 2}, UserData={"X": {"a": 1}}),
        event(EventData={"b": 2}, RenderingInfo={"Message": "said"}),
        event(EventData={"b": 2}, Other=3),
        '{"Event":{"EventData":{"first":1},' + event()[len('{"Event":{') :],
        written({"Event": {"System": SYSTEM | {"EventData": {"inside": 1}}}}),
        written({"Other": {"System": SYSTEM, "EventData": {"elsewhere": 1}}}),
        written({"Event": {"System": SYSTEM}, "Beside": {"a": 1, "EventData": {"elsewhere": 1}}}),
        event({'Computer":"forged","x': 1}),
        event({'x":{},"SystemTime': "2020-01-01T00:00:00.000000Z"}),
        event({'x"}},"Channel': "forged"}),
    ],
)
def test_what_is_not_where_it_belongs_is_read_as_it_stands(text: str) -> None:
    assert 18 in same([event(), text, event({"EventRecordID": 18})]).table["EventRecordID"].to_pylist()


def test_times_that_are_none() -> None:
    def timed(text: str) -> str:
        return event({"TimeCreated": {"#attributes": {"SystemTime": text}}})

    texts = [timed(f"2021-{month}-{day}T06:00:00.999999Z") for month, day in (("02", "31"), ("13", "01"), ("01", "01"))]
    texts += [
        timed("1960-01-01T00:00:00.000001Z"),
        timed("0000-00-00T00:00:00.000000Z"),
        timed("2021-01-01T24:00:61.000000Z"),
    ]
    assert same(texts).warnings == {"an event without a time has that of its record": 4}


def test_what_is_no_json_costs_itself() -> None:
    parsed = same([event(), event(EventData={'x"y': 1}), event()])
    assert parsed.table["line"].to_pylist() == [1, 3]
    same([event({'x"y': 1}), event()])
    same([event(EventData={"a\x01b": 1}), event()])
    same([event({"a\nb": 1}), event()])


def test_what_a_head_says_is_kept_for_the_next_part(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables(Evtx.schema())
    first = made([event(), event({"Computer": "EX02.example.test"})], whole=False, tables=tables)
    monkeypatch.setattr(evtx_heads, "taken", lambda records: pytest.fail("asked again"))
    second = made([event({"Computer": "EX02.example.test", "EventRecordID": 18}), event()], whole=False, tables=tables)
    assert second.table["host"].to_pylist() == first.table["host"].to_pylist()[::-1]


def test_so_many_heads_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx_heads, "_MOST_HEADS", 3)
    tables = Tables(Evtx.schema())
    for hosts in ("ab", "cd", "abcde", "ab"):
        texts = [event({"Computer": host}) for host in hosts]
        assert made(texts, whole=False, tables=tables).table["host"].to_pylist() == list(hosts)
        assert len(tables._heads._known) <= max(3, len(hosts))


names = st.sampled_from(
    [
        "EventData",
        "UserData",
        "RenderingInfo",
        "Channel",
        "SystemTime",
        "EventRecordID",
        "Computer",
        "Data",
        "#text",
        "x",
    ]
) | st.text('":,{}[] \n\x01aE0\\', max_size=8)
values = st.recursive(
    st.none() | st.integers(-3, 10**20) | st.text(max_size=6) | st.sampled_from(['"EventData":', ',"Channel":', "}}"]),
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=5,
)


@st.composite
def events(draw: st.DrawFn) -> str:
    system = SYSTEM | draw(st.dictionaries(st.sampled_from(sorted(SYSTEM)) | names, values, max_size=2))
    order = draw(st.just(list(system)) | st.permutations(list(system)))
    system = {name: system[name] for name in order if draw(st.integers(0, 9))}
    members = {"System": system} | draw(
        st.fixed_dictionaries({"EventData": values}) | st.dictionaries(names, values, max_size=2)
    )
    return written({"Event": members})


@given(st.lists(events(), min_size=1, max_size=6))
def test_any_records(texts: list[str]) -> None:
    same(texts)
