from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.errors import EvidenceNotFound
from brokenseal.evidence.roots import resolve_roots


def _labels(base: Path, inputs: list[str]) -> list[str]:
    for item in inputs:
        path = base / item
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.mkdir(parents=True, exist_ok=True)
    return [root.label for root in resolve_roots([base / item for item in inputs])]


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [
        (["EX01"], [""]),
        (["EX01/u_ex1.log"], ["u_ex1.log"]),
        (["EX01", "EX02"], ["EX01", "EX02"]),
        (["EX01/C", "EX01/D", "EX02/C"], ["EX01/C", "EX01/D", "EX02/C"]),
        (["EX01/C", "EX01/D"], ["C", "D"]),
        (["a/u_ex1.log", "b/u_ex1.log", "EX01"], ["EX01", "a/u_ex1.log", "b/u_ex1.log"]),
        # What another input covers goes, and with it the need for a label.
        (["EX01", "EX01/C", "EX01/C/x.log"], [""]),
        (["EX01", "EX010"], ["EX01", "EX010"]),
    ],
)
def test_labels_keep_inputs_apart(tmp_path: Path, inputs: list[str], labels: list[str]) -> None:
    assert _labels(tmp_path, inputs) == labels
    # Neither the order of the inputs nor the place of the whole shows.
    assert _labels(tmp_path / "some" / "where" / "else", inputs[::-1]) == labels


def test_an_input_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(EvidenceNotFound, match="no such file or folder"):
        resolve_roots([tmp_path, tmp_path / "nothing"])


def test_an_input_that_is_a_link_is_followed_and_named_as_given(tmp_path: Path) -> None:
    (tmp_path / "disk" / "p2").mkdir(parents=True)
    (tmp_path / "EX02").mkdir()
    try:
        (tmp_path / "EX01").symlink_to(tmp_path / "disk" / "p2", target_is_directory=True)
    except OSError:
        pytest.skip("links are not permitted here")
    roots = resolve_roots([tmp_path / "EX01", tmp_path / "EX02"])
    assert {root.label: Path(root.path).name for root in roots} == {"EX01": "p2", "EX02": "EX02"}
