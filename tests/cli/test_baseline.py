"""``brokenseal baseline``: a baseline made from one server, and others held against it and against each other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from brokenseal.cli import main

V15 = "C/Program Files/Microsoft/Exchange Server/V15"
BUILD = "15.1.2176.9"


def server(folder: Path, **changes: str | None) -> Path:
    pages: dict[str, str | None] = {"logon": "one", "logoff": "two", "signout": "three", **changes}
    for name, text in pages.items():
        if text is not None:
            path = folder / V15 / "FrontEnd/HttpProxy/owa/auth" / f"{name}.aspx"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (folder / "C/inetpub/wwwroot").mkdir(parents=True)
    (folder / "C/inetpub/wwwroot/iisstart.htm").write_text("start")
    return folder


def test_a_baseline_has_hash_build_and_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, output = server(tmp_path / "clean"), tmp_path / "clean.csv"
    assert main(["baseline", "make", str(clean), "--build", BUILD, "-o", str(output)]) == 0
    lines = output.read_text().splitlines()
    digest = hashlib.sha256(b"two").hexdigest().upper()
    assert f"{digest},{BUILD},\\FrontEnd\\HttpProxy\\owa\\auth\\logoff.aspx" in lines
    assert len(lines) == 3
    assert "left out: 1 outside" in capsys.readouterr().err
    assert main(["baseline", "make", str(clean), "--build", BUILD]) == 0
    assert capsys.readouterr().out == output.read_text()


def test_what_differs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = tmp_path / "clean.csv"
    main(["baseline", "make", str(server(tmp_path / "clean")), "--build", BUILD, "-o", str(baseline)])
    other = server(tmp_path / "other", logon="changed", logoff=None, help="extra")
    arguments = ["baseline", "diff", str(other), "--against", str(baseline)]
    capsys.readouterr()
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "1 files are the same" in out
    assert "changed: C:\\Program Files" in out
    assert "the web server would run it: C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd" in out
    assert "missing: \\frontend\\httpproxy\\owa\\auth\\logoff.aspx" in out
    assert main([*arguments, "--exit-code"]) == 1
    assert main(["baseline", "diff", str(tmp_path / "clean"), "--against", str(baseline), "--exit-code"]) == 0


def test_servers_are_compared_with_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("EX01", "EX02"):
        server(tmp_path / name)
    server(tmp_path / "EX03", help="extra")
    assert main(["baseline", "diff", *(str(tmp_path / name) for name in ("EX01", "EX02", "EX03"))]) == 0
    out = capsys.readouterr().out
    assert "3 servers compared with each other: 1 pages" in out
    assert "help.aspx (unknown (EX03)" in out


def test_what_is_wrong_with_the_request_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = server(tmp_path / "clean")
    assert main(["baseline", "make", str(clean), "--build", "newest"]) == 2
    assert "is no build" in capsys.readouterr().err
    assert main(["baseline", "diff", str(clean), "--against", str(tmp_path / "absent.csv")]) == 2
    (tmp_path / "two.csv").write_text(f"{'A' * 64},15.1.1.1,\\x.aspx\n{'A' * 64},15.1.1.2,\\x.aspx\nnonsense\n")
    assert main(["baseline", "diff", str(clean), "--against", str(tmp_path / "two.csv")]) == 2
    err = capsys.readouterr().err
    assert "15.1.1.1, 15.1.1.2" in err
    assert "line 3" in err
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "a.txt").write_text("a")
    assert main(["baseline", "diff", str(tmp_path / "nothing")]) == 2


def test_the_output_never_lies_in_the_evidence(tmp_path: Path) -> None:
    clean = server(tmp_path / "clean")
    assert main(["baseline", "make", str(clean), "--build", BUILD, "-o", str(clean / "b.csv")]) == 2
    assert not (clean / "b.csv").exists()
