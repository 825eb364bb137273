"""Without --subjects nothing tells of a single message: not the document, the ledger, the report, an export or a page."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from brokenseal.cli import main
from brokenseal.report.exports import TARGETS
from brokenseal.review.application import application
from brokenseal.review.case_review import CaseReview
from brokenseal.review.session import Session

Make = Callable[..., tuple[Path, dict[str, Any]]]
SCENARIOS = ("stolen-session", "cloud-session", "forwarded-mail")
PORT = 8731
#: Shorter numbers are common ones: sizes of files, places in them.
DIGITS = 6
TRACKING = "MSGTRK*.LOG"
AUDIT = ("unified-audit.csv", "unified-audit.jsonl", "mailbox-audit.csv", "mailbox-audit.xml")


class Secrets:
    """What the logs of messages alone say of single ones: ids, subjects, sizes, correspondents outside."""

    def __init__(self, evidence: Path) -> None:
        tracked = [path.read_text("utf-8-sig") for path in evidence.rglob(TRACKING)]
        audits = [path.read_text("utf-8-sig").replace('""', '"') for path in evidence.rglob("*") if path.name in AUDIT]
        rows = [row for text in tracked for row in csv.DictReader(_lines(text), _fields(text))]
        told = "\n".join(audits)
        ids = {row["message-id"] for row in rows} | set(re.findall(r"<[^<>@\s]+@[^<>\s]+>", told))
        self.ids = {name.strip("<>") for name in ids if "@" in name}
        named = re.findall(r'"(?:Subject|ItemSubject)":"([^"]+)"', told)
        self.subjects = {row["message-subject"] for row in rows} | set(named)
        self.subjects = {text for text in self.subjects if len(text) > 6}
        sizes = {row["total-bytes"] for row in rows} | set(re.findall(r'"SizeInBytes":([0-9]+)', told))
        # What other logs have as well, as the size of an answer or to whom a setting sends mail, tells nothing of a message.
        others = "\n".join(
            path.read_text("utf-8", "replace")
            for path in evidence.rglob("*")
            if path.suffix.lower() == ".log" and not path.match(TRACKING)
        )
        self.sizes = {size for size in sizes if len(size) >= DIGITS} - set(re.findall(r"\b[0-9]+\b", others))
        people = {row[name] for row in rows for name in ("sender-address", "recipient-address")}
        self.people = {name for each in people for name in each.split(";") if not name.endswith("@corp.example")}
        self.people = {name for name in self.people if name and name not in others}
        assert min(map(len, (self.ids, self.subjects, self.sizes, self.people))) > 3

    def told_in(self, data: bytes) -> list[str]:
        text = _text(data)
        numbers = re.findall(rf"(?<![0-9.])(?:[0-9]{{{DIGITS},}}|[0-9]{{1,3}}(?:,[0-9]{{3}})+)(?![0-9])", text)
        found = {number.replace(",", "") for number in numbers} & self.sizes
        return sorted(found | {name for name in (*self.ids, *self.subjects, *self.people) if name in text})


def _fields(text: str) -> list[str]:
    found = re.search(r"^#Fields: *(.+)$", text, re.MULTILINE)
    assert found is not None
    return found[1].split(",")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"[0-9]{4}-", line)]


def _text(data: bytes) -> str:
    if data.startswith(b"PAR1"):
        return json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str, ensure_ascii=False)
    text = data.decode("utf-8-sig")
    return text + unescape(text) + re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


@pytest.fixture(scope="module", params=SCENARIOS)
def case(
    request: pytest.FixtureRequest, simulated: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Secrets, Path]:
    evidence, _ = simulated(request.param, seed=3, users=5)
    directory = tmp_path_factory.mktemp("private") / "case"
    assert main(["scan", str(evidence), "--case", str(directory), "-q"]) in (0, 1, 3)
    return directory, Secrets(evidence), evidence


def test_the_test_finds_what_subjects_shows(case: tuple[Path, Secrets, Path], tmp_path: Path) -> None:
    _, secrets, evidence = case
    assert main(["scan", str(evidence), "--case", str(tmp_path / "case"), "--subjects", "-q"]) in (0, 1, 3)
    told = secrets.told_in((tmp_path / "case" / "results" / "incident.json").read_bytes())
    assert any("@" in each for each in told) and any(each.isdecimal() for each in told)


def test_the_document_and_the_ledger(case: tuple[Path, Secrets, Path], capsys: pytest.CaptureFixture[str]) -> None:
    directory, secrets, _ = case
    assert secrets.told_in((directory / "results" / "incident.json").read_bytes()) == []
    for options in (["-v"], ["-f", "csv"], ["-f", "json"], ["--notify"]):
        capsys.readouterr()
        assert main(["ledger", str(directory), *options]) == 0
        out = capsys.readouterr().out
        assert len(out) > 200
        assert secrets.told_in(out.encode()) == [], options


def test_the_report_and_the_exports(case: tuple[Path, Secrets, Path], tmp_path: Path) -> None:
    directory, secrets, _ = case
    assert main(["report", str(directory), "-o", str(tmp_path / "report.html")]) == 0
    for target in TARGETS:
        (tmp_path / target).mkdir()
        assert main(["export", str(directory), "--to", target, "-o", str(tmp_path / target)]) == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > len(TARGETS)
    assert {path.name: told for path in written if (told := secrets.told_in(path.read_bytes()))} == {}


def pages(client: TestClient, review: CaseReview) -> Iterator[tuple[str, bytes]]:
    """The pages that can tell of a message: the ledger, names, and of each log of messages its events, one by one too."""
    fixed = ["/", "/findings", "/mailboxes", "/mailboxes/ledger.csv", "/entities?type=account"]
    fixed += ["/entities?type=mailbox", "/timeline/export.csv", "/timeline/export.jsonl"]
    fixed += [f"/findings/{name}" for name in review.findings]
    for kind in ("message_tracking", "mail_audit"):
        fixed.append(f"/timeline?kind={kind}&size=500")
        listed = client.get(f"/timeline?kind={kind}&size=50").text
        fixed += sorted(set(re.findall(r'href="(/events/[^"#?]+)"', listed)))[:20]
    for address in fixed:
        answer = client.get(address)
        assert answer.status_code == 200, address
        yield address, answer.content


def test_the_pages_of_the_review(case: tuple[Path, Secrets, Path]) -> None:
    directory, secrets, _ = case
    session = Session(PORT)
    with CaseReview(directory, threads=2) as review:
        origin = f"http://127.0.0.1:{PORT}"
        client = TestClient(application(review, session), base_url=origin)
        client.get(session.address.removeprefix(origin))
        shown = dict(pages(client, review))
    assert sum("/events/" in address for address in shown) >= 20
    assert {address: told for address, page in shown.items() if (told := secrets.told_in(page))} == {}
