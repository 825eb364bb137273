"""After redaction no name of the simulated organisation is left in report or exports, and all agree on pseudonyms."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from brokenseal.cli import main
from brokenseal.report.exports import TARGETS
from brokenseal.review.decisions import Decisions

Make = Callable[..., tuple[Path, dict[str, Any]]]
SCENARIOS = ("hafnium", "stolen-session", "cloud-session")


def people(truth: dict[str, Any]) -> set[str]:
    """Addresses, accounts and display names of all whom the truth names; of those outside the organisation the address."""
    named = {
        entry["mailbox"] for kind in ("mailboxes", "exports", "mail_access", "normal_use") for entry in truth[kind]
    }
    outside = {entry["recipient"] for entry in truth["mail_sent"]} | {entry["to"] for entry in truth["forwarding"]}
    own = {address.partition("@")[0] for address in named}
    return named | outside | own | {local.replace(".", " ") for local in own}


@pytest.fixture(scope="module", params=SCENARIOS)
def case(
    request: pytest.FixtureRequest, simulated: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, set[str]]:
    """A case that was scanned with subjects and reviewed by somebody who names people."""
    evidence, truth = simulated(request.param, days=8, users=6)
    directory = tmp_path_factory.mktemp("redacted") / "case"
    assert main(["scan", str(evidence), "--case", str(directory), "--subjects", "-q"]) in (0, 1, 3)
    names = people(truth)
    assert len(names) >= 6
    note = f"Asked {sorted(names)[0]} and zoe.zander@partner.example; see C:\\Users\\ysolde\\mail.pst"
    rule = json.loads((directory / "results" / "incident.json").read_bytes())["findings"][0]["rule"]
    Decisions(directory).add("comment", "finding", (rule, "EX01", ""), label=f"F1 {sorted(names)[0]}", value=note)
    return directory, names | {"zoe.zander", "ysolde"}


def texts(data: bytes) -> str:
    """All text of a file: what it says, and what its escapes stand for."""
    if data.startswith(b"PAR1"):
        return json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str, ensure_ascii=False).casefold()
    text = data.decode("utf-8-sig")
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    return (text + plain + text.replace("%40", "@").replace("&#64;", "@")).casefold()


def left_in(data: bytes, names: set[str]) -> list[str]:
    told = texts(data)
    return sorted(name for name in names if name.casefold() in told)


def test_no_name_is_left_in_the_report(case: tuple[Path, set[str]], tmp_path: Path) -> None:
    directory, names = case
    assert main(["report", str(directory), "--redact", "users,subjects", "-o", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_bytes()
    assert left_in(page, names) == []
    reviewer = Decisions(directory).every()[0].made_by
    assert f">{reviewer}<".encode() not in page
    assert b"reviewer 1" in page


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_no_name_is_left_in_an_export(case: tuple[Path, set[str]], target: str, tmp_path: Path) -> None:
    directory, names = case
    (tmp_path / "out").mkdir()
    assert (
        main(["export", str(directory), "--to", target, "--redact", "users,subjects", "-o", str(tmp_path / "out")]) == 0
    )
    written = list((tmp_path / "out").iterdir())
    assert len(written) == len(TARGETS[target].tables)
    for file in written:
        assert left_in(file.read_bytes(), names) == []


def test_no_name_is_left_in_the_ledger(case: tuple[Path, set[str]], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    directory, names = case
    for form in ("csv", "json", "text"):
        assert main(["ledger", str(directory), "-f", form, "--redact", "users,subjects"]) == 0
        assert left_in(capsysbinary.readouterr().out, names) == []


def test_report_and_exports_give_the_same_pseudonyms(
    case: tuple[Path, set[str]], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    directory, _ = case
    document = json.loads((directory / "results" / "incident.json").read_bytes())
    rows = {}
    for name, redact in (("plain", []), ("redacted", ["--redact", "users"]), ("both", ["--redact", "users,subjects"])):
        assert main(["export", str(directory), "--to", "jsonl", "--table", "mailboxes", *redact]) == 0
        rows[name] = [json.loads(line)["mailbox"] for line in capsysbinary.readouterr().out.splitlines()]
    assert rows["plain"] == [one["mailbox"] for one in document["mailboxes"]]
    assert rows["both"] == rows["redacted"]
    pairs = set(zip(rows["plain"], rows["redacted"], strict=True))
    assert len(pairs) == len(set(rows["plain"])) == len(set(rows["redacted"]))
    assert main(["report", str(directory), "--redact", "users", "-o", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    anchored = re.findall(r'<tr id="mailbox-\d+"><th scope="row"><bdi>([^<]+)</bdi>', page)
    assert anchored == rows["redacted"][: len(anchored)]
    assert anchored


def test_without_the_option_names_are_there(
    case: tuple[Path, set[str]], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    directory, names = case
    assert main(["export", str(directory), "--to", "jsonl", "--table", "mailboxes"]) == 0
    assert left_in(capsysbinary.readouterr().out, names)
