"""A stretch that holds a text is never passed over."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.review.text_blocks import possible, read_blocks, write_blocks


def tables(stretches: list[list[str]]) -> list[list[pa.Table]]:
    """Each stretch in two tables, as a stretch may come."""
    return [[pa.table({"text": pa.array(part, pa.string())}) for part in (texts[:1], texts[1:])] for texts in stretches]


@given(
    stretches=st.lists(st.lists(st.text(max_size=30), max_size=4), min_size=1, max_size=4),
    place=st.integers(0, 3),
    cut=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_what_a_stretch_holds_is_possible_there(
    tmp_path_factory: object, stretches: list[list[str]], place: int, cut: tuple[int, int]
) -> None:
    path = Path(str(tmp_path_factory.mktemp("blocks"))) / "blocks.npy"  # type: ignore[attr-defined]
    write_blocks(path, tables(stretches))
    blocks = read_blocks(path)
    number = place % len(stretches)
    for text in stretches[number]:
        part = text[min(cut) : max(cut)]
        may = possible(blocks, part)
        assert may is None or bool(may[number])
        assert may is not None or len(part.encode()) < 3


def test_what_none_holds_is_not_possible_and_slices_count_as_they_are(tmp_path: Path) -> None:
    sliced = pa.table({"text": pa.array(["left out", "kept here", "also not"])}).slice(1, 1)
    write_blocks(tmp_path / "b.npy", [[sliced], *tables([["other"]])])
    blocks = read_blocks(tmp_path / "b.npy")
    expected = {"kept": [True, False], "left": [False, False], "oth": [False, True]}
    for text, may in expected.items():
        found = possible(blocks, text)
        assert found is not None and list(found) == may
    assert possible(blocks, "ab") is None


def test_a_case_without_events_has_no_stretch(tmp_path: Path) -> None:
    write_blocks(tmp_path / "b.npy", [])
    found = possible(read_blocks(tmp_path / "b.npy"), "any text")
    assert found is not None and len(found) == 0
