from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from brokenseal import __version__
from brokenseal.cli import main

HEAVY = ("duckdb", "pyarrow", "numpy", "sigma", "rich", "jsonschema", "yaml", "pydantic", "hyperscan", "jinja2")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    commands = [line.split()[0] for line in out.split("Commands:\n")[1].splitlines()]
    assert commands == ["scan", "ledger", "report", "review", "export", "verify", "simulate", "rules", "baseline"]
    assert err == ""
    assert main(["rules", "--help"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.split("Commands:\n")[1].splitlines()] == ["list", "show", "check"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["scan", "--help"], ["report", "--help"], ["rules", "check", "--help"], ["scan", "--jsn"]]
)
def test_help_and_usage_errors_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from brokenseal.cli import main; main(sys.argv[2:]); "
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], file=sys.stderr)"
    )
    done = run("-c", code, ",".join(HEAVY), *arguments)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_shows_no_python_types(capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", "--help"])
    out = capsys.readouterr().out
    assert out.startswith("Usage: brokenseal scan [OPTIONS] EVIDENCE...\n")
    assert "Path" not in out
    assert re.search(r"no_evidence,\s+cannot_tell,\s+probed,\s", out)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"brokenseal {__version__}\n"


def test_no_command_shows_the_help_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: brokenseal ")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["scna"], ["brokenseal: error: No such command 'scna'. Did you mean 'scan'?", "Try 'brokenseal --help'."]),
        (["rules"], ["brokenseal: error: Missing command.", "Try 'brokenseal rules --help'."]),
        (["x\x1b[2J"], ["brokenseal: error: No such command 'x\\x1b[2J'.", "Try 'brokenseal --help'."]),
    ],
)
def test_a_wrong_command_is_one_line_and_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: list[str], lines: list[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines() == lines


def test_python_m_brokenseal_works_and_gives_its_exit_code() -> None:
    done = run("-m", "brokenseal", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"brokenseal {__version__}\n", "")
    assert run("-m", "brokenseal", "scan").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a shell pipe of POSIX")
def test_a_reader_that_stops_reading_gets_no_traceback(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest; from types import ModuleType\n"
        "document = conftest.empty_document(); document['not_seen'] = ['Sentence.'] * 100_000\n"
        "module = ModuleType('brokenseal.incident.scan')\n"
        "module.scan = conftest.StandInScan(conftest.StandInIncident(document))\n"
        "sys.modules[module.__name__] = module\n"
        "from brokenseal.cli import main\n"
        "print(main(['scan', 'evidence', *sys.argv[2:]]), file=sys.stderr)"
    )
    for options in (["--json"], ["-v"]):
        command = [sys.executable, "-c", code, str(Path(__file__).parent), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as scan:
            assert scan.stdout is not None
            assert scan.stderr is not None
            scan.stdout.readline()
            scan.stdout.close()
            assert scan.stderr.read() == b"0\n"
        assert scan.returncode == 0
