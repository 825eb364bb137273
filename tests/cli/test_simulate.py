from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from brokenseal.cli import main
from brokenseal.cli.simulate import simulate as command
from brokenseal.simulate import SCENARIOS, simulate


def test_it_writes_the_evidence_and_says_how_to_scan_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "exercise"
    options = ["--seed", "7", "--users", "2", "--days", "2", "--start", "2021-02-27", "--servers", "1"]
    assert main(["simulate", str(output), "--scenario", "quiet", *options]) == 0
    out, err = capsys.readouterr()
    assert f"brokenseal scan {output / 'evidence'}" in out
    assert err == ""
    truth = json.loads((output / "truth.json").read_text(encoding="utf-8"))
    assert (truth["scenario"], truth["seed"], truth["days"], truth["start"]) == ("quiet", 7, 2, "2021-02-27")
    assert any((output / "evidence").rglob("*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing option '--scenario'."),
        (["--scenario", "loud"], "unknown scenario 'loud'; there are: quiet, "),
        (["--scenario", "quiet", "--start", "March"], "--start: 'March' is not a date. Give it as 2021-01-01."),
        (["--scenario", "quiet", "--days", "0"], "greater than or equal to 1"),
    ],
)
def test_a_wrong_request_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    output = tmp_path / "exercise"
    assert main(["simulate", str(output), *options]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    assert main(["simulate", str(tmp_path), "--scenario", "quiet", "--days", "1"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_help_names_every_scenario_and_the_defaults_are_the_simulators(capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", "--help"])
    out = capsys.readouterr().out.replace("-\n                   ", "-")
    assert [name for name in SCENARIOS if name not in out] == []
    defaults = inspect.signature(simulate).parameters
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in ("output", "scenario"):
            assert parameter.default == str(defaults[name].default) or parameter.default == defaults[name].default, name
