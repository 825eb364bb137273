"""From the JSON of records to events and rejects: times, places, reasons."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from brokenseal.parsers import Evtx, Parsed
from brokenseal.parsers.evtx_chunks import Chunk
from brokenseal.parsers.evtx_cut import Cut
from brokenseal.parsers.evtx_reading import Piece, Surveyed
from brokenseal.parsers.evtx_records import Loss, Records
from brokenseal.parsers.evtx_tables import Tables

#: 2021-03-03T05:00:00Z as FILETIME.
WRITTEN = 132_592_212_000_000_000
NO_TIME = 0


def event(number: int, time: str | None = "2021-03-03T06:00:00.000Z") -> str:
    system: dict[str, Any] = {"EventRecordID": number, "EventID": 1}
    if time:
        system["TimeCreated"] = {"#attributes": {"SystemTime": time}}
    return json.dumps({"Event": {"System": system}})


def piece(
    *texts: str, failed: tuple[int, ...] = (), number: int = 0, line: int = 1, written: int = WRITTEN, **more: Any
) -> Piece:
    """A chunk whose records (numbers from 1, 100 bytes each) became *texts*; those in *failed* are errors."""
    count = len(texts)
    records = Records(
        np.arange(512, 512 + 100 * count, 100),
        np.full(count, 100),
        np.arange(1, count + 1, dtype=np.uint64),
        np.full(count, written, np.uint64),
        **more,
    )
    one = Surveyed(
        Chunk(number, 4096 + 65536 * number, b"\xab" * 65536),
        records,
        np.arange(line, line + count),
        np.arange(line + count, line + count + len(records.losses)),
    )
    raw = [text.encode() for text in texts]
    lengths = [-len(text) if index in failed else len(text) for index, text in enumerate(raw)]
    return Piece(one, 0, np.array(lengths, np.int32), Cut.none(count), b"".join(raw))


def parsed(*pieces: Piece, tables: Tables | None = None) -> Parsed:
    made = (tables or Tables(Evtx.schema())).parsed(pieces, Counter({"given": 1}))
    assert made.table.schema.equals(Evtx.schema())
    assert made.rows_in == made.table.num_rows + len(made.rejects)
    assert made.warnings.pop("given") == 1
    return made


def test_events_keep_their_places() -> None:
    made = parsed(piece(event(1), event(2)), piece(event(3), number=2, line=3))
    assert made.table["EventRecordID"].to_pylist() == [1, 2, 3]
    assert made.table["line"].to_pylist() == [1, 2, 3]
    assert made.table["offset"].to_pylist() == [4608, 4708, 135680]
    assert made.table["source_id"].null_count == 3
    assert not made.warnings


def test_errors_are_rejects_between_the_events() -> None:
    made = parsed(piece(event(1), "Failed to parse record number 2: token 0xff", event(3), "other", failed=(1, 3)))
    assert made.table["line"].to_pylist() == [1, 3]
    assert [(each.line, each.offset, each.reason) for each in made.rejects] == [
        (2, 4708, "a record cannot be decoded"),
        (4, 4908, "a record cannot be decoded"),
    ]
    assert made.rejects[0].text == "record 2: token 0xff; it begins " + " ".join(["abababab"] * 8)
    made = parsed(piece("a", "b", failed=(0, 1)))
    assert (made.table.num_rows, len(made.rejects)) == (0, 2)


def test_refused_records_say_why() -> None:
    made = parsed(piece("token", failed=(0,), refused={512: "its template is not in its chunk"}))
    assert made.rejects[0].text.startswith("record 1: its template is not in its chunk; ")


def test_an_event_without_a_time_has_that_of_its_record() -> None:
    made = parsed(piece(event(1, None), event(2)))
    assert [time.hour for time in made.table["time"].to_pylist()] == [5, 6]
    assert made.warnings == {"an event without a time has that of its record": 1}


def test_without_any_time_a_record_is_a_reject() -> None:
    for written in (NO_TIME, 2**64 - 1):
        made = parsed(piece(event(1, None), event(2), event(3, "never"), written=written))
        assert made.table["EventRecordID"].to_pylist() == [2]
        assert [(each.line, each.reason) for each in made.rejects] == [
            (1, "a record has no readable time"),
            (3, "a record has no readable time"),
        ]
        assert not made.warnings


def test_what_is_no_json_costs_itself() -> None:
    made = parsed(piece(event(1), '{"Event":', event(3)))
    assert made.table["EventRecordID"].to_pylist() == [1, 3]
    assert [(each.line, each.text[:25]) for each in made.rejects] == [(2, "record 2: what it gives i")]
    made = parsed(piece("{", "no"))
    assert (made.table.num_rows, len(made.rejects)) == (0, 2)


def test_damaged_names_cost_no_record() -> None:
    odd = event(2).replace('{"Event": {', '{"Event": {"EventData": {"a\x01\nb": "c"}, ')
    made = parsed(piece(event(1), odd, event(3)))
    assert made.table["EventRecordID"].to_pylist() == [1, 2, 3]
    assert json.loads(made.table["Data"][1].as_py()) == {"a\x01\nb": "c"}
    assert not made.rejects


def test_events_from_damaged_places_are_counted() -> None:
    made = parsed(piece(event(1), event(2), "x", failed=(2,), doubtful=frozenset({612, 712})))
    assert made.warnings == {"a record from a damaged place was read: its values may be damaged": 1}


def test_losses_name_their_chunk_and_record() -> None:
    losses = (Loss(612, "has lost a record", "nothing is left of it", 2), Loss(900, "is damaged", "00000000"))
    made = parsed(piece(event(1), number=3, losses=losses))
    assert [(each.line, each.offset, each.reason, each.text) for each in made.rejects] == [
        (2, 4096 + 3 * 65536 + 612, "chunk 3 has lost a record", "record 2: nothing is left of it"),
        (3, 4096 + 3 * 65536 + 900, "chunk 3 is damaged", "00000000"),
    ]


def test_so_many_chunks_are_named_that_reasons_stay_few() -> None:
    tables = Tables(Evtx.schema())
    reasons: Counter[str] = Counter()
    for number in range(200):
        made = parsed(
            piece(number=number, losses=(Loss(0, "is damaged", ""), Loss(9, "is damaged", ""))), tables=tables
        )
        reasons.update(each.reason for each in made.rejects)
    assert len(reasons) < 50
    assert reasons["chunk 0 is damaged"] == 2
    assert reasons["a further chunk is damaged"] == 400 - 2 * (len(reasons) - 1)


def test_losses_come_once_however_a_chunk_is_split() -> None:
    whole = piece(event(1), event(2), losses=(Loss(900, "is damaged", ""),))
    first = Piece(whole.of, 0, whole.lengths[:1], whole.cut.part(slice(1)), whole.text[: int(whole.lengths[0])])
    second = Piece(whole.of, 1, whole.lengths[1:], whole.cut.part(slice(1, None)), whole.text[int(whole.lengths[0]) :])
    tables = Tables(Evtx.schema())
    parts = [parsed(first, tables=tables), parsed(second, tables=tables)]
    assert [len(part.rejects) for part in parts] == [1, 0]
    assert [part.table["EventRecordID"].to_pylist() for part in parts] == [[1], [2]]
    assert parts[1].table["offset"].to_pylist() == [4708]


def test_nothing() -> None:
    made = parsed()
    assert (made.table.num_rows, made.rejects, made.rows_in) == (0, [], 0)
