from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brokenseal.detections.literal_hits import LiteralHits, hits_in_values
from brokenseal.detections.prefilter import available_engine


def pairs(hits: LiteralHits, texts: list[str]) -> set[tuple[str, int]]:
    names = {number: text for text, number in hits.numbers.items()} | {-1: "every"}
    numbers, rows = hits.find(pa.array(texts, pa.string()))
    return {(names[number], row) for number, row in zip(numbers.tolist(), rows.tolist(), strict=True)}


def test_literals_within_each_other_are_all_told() -> None:
    hits = LiteralHits(["cmd", "cmd.exe", "exe"])
    assert pairs(hits, ["run CMD.EXE now", "nothing", "cmd"]) == {("cmd", 0), ("cmd.exe", 0), ("exe", 0), ("cmd", 2)}


def test_a_letter_that_lowers_to_ascii_hits_everything() -> None:
    assert pairs(LiteralHits(["kelvin"]), ["plain", "\u212aelvin"]) == {("every", 1)}


def test_a_sliced_column_has_its_own_rows() -> None:
    texts = pa.array(["cmd", "x", "cmd"], pa.string()).slice(1)
    numbers, rows = LiteralHits(["cmd"]).find(texts)
    assert (numbers.tolist(), rows.tolist()) == ([0], [1])


def test_no_text_and_no_literals() -> None:
    assert pairs(LiteralHits(["cmd"]), []) == set()
    assert pairs(LiteralHits(["cmd"]), ["", ""]) == set()
    assert pairs(LiteralHits([]), ["cmd"]) == set()


def test_what_was_compiled_once_finds_the_same() -> None:
    first = LiteralHits(["cmd", "powershell"])
    again = LiteralHits(["cmd", "powershell"], serialised=first.serialise())
    assert pairs(again, ["powershell cmd"]) == pairs(first, ["powershell cmd"])
    # Anything else in its place is compiled anew.
    assert pairs(LiteralHits(["cmd"], serialised=b"nonsense"), ["cmd"]) == {("cmd", 0)}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abK\\é🦆", min_size=1, max_size=4).map(str.lower), min_size=1, max_size=6),
    st.lists(st.text("abkABK\\é🦆\u212a\n", max_size=12), max_size=6),
)
def test_every_occurrence_is_found_by_both_engines(literals: list[str], texts: list[str]) -> None:
    found = pairs(LiteralHits(literals), texts)
    if available_engine() == "hyperscan":
        assert pairs(LiteralHits(literals, engine="ahocorasick"), texts) == found
    for row, text in enumerate(texts):
        folded = "".join(c.lower() if c.isascii() else c for c in text)
        assert {literal for literal in literals if literal in folded} <= {name for name, at in found if at == row}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("abK\\é,:", min_size=1, max_size=4).map(str.lower), min_size=1, max_size=6),
    st.lists(
        st.lists(st.sampled_from(["a", "B", "K", "\\", "é", ",", '"', '","', ":", "\n"])).map("".join), max_size=8
    ),
)
def test_in_values_exactly_what_is_there_is_found(literals: list[str], texts: list[str]) -> None:
    """However often a piece is repeated, whatever stands next to it: each row has its own literals and no others."""
    hits = LiteralHits(literals)
    assert hits.unquoted == ("," not in literals)
    assume(hits.unquoted)
    numbers, rows = hits_in_values(hits, pa.array(texts, pa.string()))
    assert (np.diff(numbers) >= 0).all()
    names = {number: text for text, number in hits.numbers.items()}
    found = {(names[number], row) for number, row in zip(numbers.tolist(), rows.tolist(), strict=True)}
    folded = ["".join(c.lower() if c.isascii() else c for c in text) for text in texts]
    assert found == {(literal, row) for row, text in enumerate(folded) for literal in literals if literal in text}


def test_in_values_a_letter_that_lowers_to_ascii_hits_everything_in_its_own_row() -> None:
    texts = pa.array(['{"a":"b","c":"\u212a"}', '{"a":"b","c":"d"}'])
    numbers, rows = hits_in_values(LiteralHits(["kelvin"]), texts)
    assert (numbers.tolist(), rows.tolist()) == ([-1], [0])


def test_literals_with_quotes_are_not_for_values() -> None:
    assert not LiteralHits(["a", 'b"']).unquoted
