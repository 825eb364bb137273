from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brokenseal.cli import main
from brokenseal.errors import ContentError, EvidenceError, EvidenceNotFound

VERDICTS = ("no_evidence", "cannot_tell", "probed", "attempted", "breached", "mail_read")


def raise_(error: BaseException) -> Any:
    def instead() -> None:
        raise error

    return instead


def test_the_report_goes_to_standard_output_alone(scan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "evidence"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Broken into, and mail was read.\n")
    assert "What to do next" in out
    assert err == ""


def test_quiet_prints_the_sentence_alone(scan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "evidence", "-q"]) == 0
    assert capsys.readouterr().out == "Broken into, and mail was read.\n"


def test_json_is_the_document_and_nothing_else(scan: Any, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    scan.incident.document["summary"] = "Ünïcode \x1b \udc80"
    scan.incident.unread = ("a.zip: damaged",)
    assert main(["scan", "evidence", "--json"]) == 3
    out, err = capfdbinary.readouterr()
    assert json.loads(out) == scan.incident.document
    assert b"\x1b" not in out
    assert "Ünïcode".encode() in out
    assert out.endswith(b"}\n")
    assert b"\r\n" not in out
    assert err == b"brokenseal: not read: a.zip: damaged\n".replace(b"\n", os.linesep.encode())


def test_all_options_reach_the_scan(scan: Any) -> None:
    code = main(
        [
            *("scan", "one", "two.zip", "--case", "case", "--host", "EX01=one", "--host", "EX02=x=y"),
            *(
                "--rules",
                "r1",
                "--rules",
                "r2",
                "--yara",
                "y1",
                "--actor-ip",
                "192.0.2.7",
                "--since",
                "2021-03-02",
                "--until",
                "2021-03-05T10:00:00+02:00",
            ),
            *("--iis-timezone", "Europe/Berlin", "-j", "3", "--geoip", "places.mmdb"),
        ]
    )
    assert code == 0
    (call,) = scan.calls
    del call["progress"]
    assert call == {
        "evidence": [Path("one"), Path("two.zip")],
        "case": Path("case"),
        "hosts": {"EX01": [Path("one")], "EX02": [Path("x=y")]},
        "rules": [Path("r1"), Path("r2")],
        "yara": [Path("y1")],
        "actor_ips": ["192.0.2.7"],
        "not_actor_ips": [],
        "actor_agents": [],
        "subjects": False,
        "geoip": Path("places.mmdb"),
        "since": datetime(2021, 3, 2, tzinfo=UTC),
        "until": datetime(2021, 3, 5, 8, tzinfo=UTC),
        "iis_timezone": "Europe/Berlin",
        "jobs": 3,
    }


def test_without_options_the_scan_has_its_defaults(scan: Any) -> None:
    assert main(["scan", "evidence"]) == 0
    (call,) = scan.calls
    assert (call["case"], call["hosts"], call["rules"], call["since"], call["until"]) == (None, {}, [], None, None)
    assert (call["iis_timezone"], call["jobs"]) == ("UTC", None)


@pytest.mark.parametrize("asked", VERDICTS)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_fail_on_is_reached_by_the_verdict_and_every_worse_one(scan: Any, asked: str, verdict: str) -> None:
    scan.incident.verdict = verdict
    expected = 1 if VERDICTS.index(verdict) >= VERDICTS.index(asked) else 0
    assert main(["scan", "evidence", "-q", "--fail-on", asked]) == expected


def test_what_could_not_be_read_is_named_and_gives_3(scan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    scan.incident.unread = ("logs/link: a symbolic link that leaves the folder", "x\x1b[2J.log: damaged\nsecond line")
    assert main(["scan", "evidence", "-q"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "brokenseal: not read: logs/link: a symbolic link that leaves the folder",
        "brokenseal: not read: x\\x1b[2J.log: damaged\\nsecond line",
    ]


def test_many_unread_files_are_bounded_unless_verbose(scan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    scan.incident.unread = tuple(f"{n}.log: damaged" for n in range(60))
    assert main(["scan", "evidence", "-q"]) == 3
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 51
    assert "and 10 more" in err[-1]
    assert main(["scan", "evidence", "-v"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 60


def test_a_reached_verdict_is_not_hidden_by_an_unread_file(scan: Any) -> None:
    scan.incident.unread = ("a.zip: damaged",)
    assert main(["scan", "evidence", "-q", "--fail-on", "breached"]) == 1
    scan.incident.verdict = "probed"
    assert main(["scan", "evidence", "-q", "--fail-on", "breached"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'EVIDENCE'."),
        (["e", "--jsn"], "No such option: --jsn"),
        ([""], "EVIDENCE is empty text."),
        (["e", "--host", "EX01"], "--host: 'EX01' is not NAME=PATH"),
        (["e", "--host", "=path"], "--host: '=path' is not NAME=PATH"),
        (["e", "--host", "EX01="], "--host: 'EX01=' is not NAME=PATH"),
        (["e", "--since", "yesterday"], "--since: 'yesterday' is not a time. Give it as 2021-03-02 or"),
        (["e", "--since", "2021-02-30"], "--since: '2021-02-30' is not a time."),
        (["e", "--until", "2021-03-02T25:00"], "--until: '2021-03-02T25:00' is not a time."),
        (
            ["e", "--since", "2021-03-05", "--until", "2021-03-02"],
            "--since (2021-03-05T00:00:00Z) is not before --until",
        ),
        (
            ["e", "--since", "2021-03-05", "--until", "2021-03-05"],
            "A date alone means 00:00 UTC, when that day starts.",
        ),
        (["e", "--fail-on", "hacked"], "'hacked' is not one of 'no_evidence', 'cannot_tell', 'probed', 'attempted'"),
        (["e", "--color", "blue"], "'blue' is not one of 'auto', 'always', 'never'"),
        (["e", "-j", "0"], "greater than or equal to 1"),
        (["e", "-q", "-v"], "--quiet and --verbose exclude each other."),
        (["e", "--since", "\x1b[31m"], "--since: '\\x1b[31m' is not a time."),
    ],
)
def test_a_wrong_command_is_one_clear_line_and_a_hint(
    scan: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["scan", *arguments]) == 2
    out, err = capsys.readouterr()
    error, hint = err.splitlines()
    assert error.startswith("brokenseal: error: ")
    assert message in error
    assert hint == "Try 'brokenseal scan --help'."
    assert out == ""
    assert scan.calls == []


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (EvidenceNotFound("no\x1bsuch: does not exist"), 2, "error: no\\x1bsuch: does not exist"),
        (ContentError("campaign.yaml:3: wrong"), 2, "error: campaign.yaml:3: wrong"),
        (EvidenceError("damaged", file="a.zip", offset=7), 3, "error: a.zip at byte 7: damaged"),
        (OSError(errno.ENOSPC, "No space left on device"), 70, "error: the system refused to go on: No space left"),
    ],
)
def test_an_error_of_the_scan_is_one_clear_line(
    scan: Any, capsys: pytest.CaptureFixture[str], error: Exception, code: int, message: str
) -> None:
    scan.instead = raise_(error)
    assert main(["scan", "evidence"]) == code
    out, err = capsys.readouterr()
    assert err.startswith(f"brokenseal: {message}")
    assert "Traceback" not in err
    assert out == ""


def test_an_internal_error_tells_its_type_and_place_but_no_evidence(
    scan: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def instead() -> None:
        try:
            raise KeyError("alice@corp.example")
        except KeyError as error:
            raise RuntimeError("log line \x1b of alice@corp.example") from error

    scan.instead = instead
    assert main(["scan", "evidence"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("brokenseal: internal error: RuntimeError at brokenseal/cli/scan.py:")
    assert "brokenseal scan -v" in err
    assert "Please report it" in err
    assert "alice" not in err
    assert "in instead" not in err

    assert main(["scan", "evidence", "-v"]) == 70
    err = capsys.readouterr().err
    assert "in instead" in err
    assert "KeyError:" in err
    assert "alice@corp.example" not in err.replace('raise KeyError("alice@corp.example")', "").replace(
        'raise RuntimeError("log line \\x1b of alice@corp.example")', ""
    )
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([], "Nothing is kept; with --case DIR the next scan goes on where this one stopped."),
        (["--case", "my-case"], "What was read is kept in my-case; the next scan into it goes on from there."),
    ],
)
def test_an_interruption_says_how_to_go_on(
    scan: Any, capsys: pytest.CaptureFixture[str], options: list[str], hint: str
) -> None:
    scan.instead = raise_(KeyboardInterrupt())
    assert main(["scan", "evidence", *options]) == 130
    out, err = capsys.readouterr()
    assert err == f"brokenseal: interrupted. {hint}\n"
    assert out == ""


def test_colour_is_used_when_asked_for_and_else_never_in_a_pipe(
    scan: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    for options in ([], ["--color", "auto"], ["--color", "never"]):
        main(["scan", "evidence", *options])
        assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["scan", "evidence", "--color", "always"])
    assert "\x1b[1;31m" in capsys.readouterr().out
