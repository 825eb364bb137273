"""The raw text of cited lines in the document, held against files that are read here, without the program."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.incident import cited_lines
from brokenseal.report.document import dump, validate

Make = Callable[..., tuple[Path, dict[str, Any]]]
Key = tuple[str, str, int, int]

IIS_HEAD = (
    b"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time cs-method cs-uri-stem cs-uri-query "
)
IIS_HEAD += b"s-port c-ip cs(User-Agent) sc-status\r\n"


def hit(second: int, query: bytes = b"-", agent: bytes = b"x") -> bytes:
    """A request that rules on IIS logs find: a post to a static file, answered."""
    return b"2021-03-03 06:00:%02d POST /ecp/y.js %s 443 203.0.113.7 %s 200" % (second, query, agent)


def references(document: Any) -> Iterator[Any]:
    for finding in document["findings"]:
        yield from finding["evidence"]
    for mailbox in document["mailboxes"]:
        yield from mailbox["evidence"]
    for intrusion in document["intrusions"]:
        for shell in intrusion["webshells"]:
            yield from shell["evidence"]
            if shell["planted"]:
                yield shell["planted"]["evidence"]
        for process in intrusion["processes"]:
            if process["findings"]:
                yield from process["evidence"]


def key(line: Any) -> Key:
    return line["file"], line["sha256"], line["line"], line["offset"]


def cited(document: Any) -> dict[Key, Any]:
    lines = document["cited"]["lines"]
    assert [key(line) for line in lines] == sorted({key(line) for line in lines})
    assert validate(document) == []
    return {key(line): line for line in lines}


def scanned(folder: Path, **options: Any) -> Any:
    return scan([folder], jobs=1, **options).document


@pytest.mark.parametrize("scenario", ["hafnium", "oab-write", "quiet-shell", "stolen-session"])
def test_every_line_cited_stands_so_in_its_file(scenario: str, simulated: Make) -> None:
    evidence, _ = simulated(scenario)
    document = scanned(evidence)
    kinds = {one["file"]: one["kind"] for one in document["evidence"]}
    lines = cited(document)
    wanted = {key(one) for one in references(document) if kinds[one["file"]] != "web_file"}
    private = {one for one in wanted if kinds[one[0]] in ("mail_audit", "message_tracking")}
    assert set(lines) == wanted - private
    assert document["cited"]["withheld"] == len(private)
    assert (document["cited"]["left_out"], document["cited"]["missing"]) == (0, 0)
    raw = 0
    for (file, _, number, offset), line in lines.items():
        if file.endswith((".evtx", "$MFT")):
            assert line["form"] == "decoded"
            continue
        content = (evidence / file).read_bytes()
        text = content.splitlines(keepends=False)[number - 1] if b"\r\r" not in content else None
        assert content[offset:].startswith(text or b"")
        assert text is not None
        assert line["text"] == text.decode("utf-8")[:2000]
        assert (line["bytes"], line["cut"], line["form"]) == (len(text), len(text) > 2000, "line")
        raw += 1
    assert raw


def test_a_record_of_an_event_log_is_given_as_decoded(simulated: Make) -> None:
    evidence, _ = simulated("hafnium")
    document = scanned(evidence)
    lines = cited(document)
    seen = 0
    for finding in document["findings"]:
        for one in finding["evidence"]:
            if "record" in one:
                line = lines[key(one)]
                if not line["cut"]:
                    fields = json.loads(line["text"])
                    assert (fields["EventRecordID"], fields["time"]) == (one["record"], one["time"])
                    assert isinstance(fields["Data"], dict)
                    seen += fields["Data"].get("CommandLine", "").startswith(one.get("detail", "?")[:50])
    assert seen


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, list[bytes]]:
    """A folder with an IIS log, and its lines that a rule finds."""
    lines = [
        hit(0, b"a=" + "é".encode()),
        hit(1, b"q=\xff\xfe\xe2\x82"),
        hit(2, b"q=\x1b[2J\x1b]0;x\x07"),
        hit(3, "q=\u202egpj.exe\u200b\u2066".encode()),
        hit(4, b"q=" + b"A" * (1 << 20)),
        hit(5, b"<script>alert(1)</script>"),
        hit(6, b"q=\\xff"),
    ]
    folder = tmp_path / "EX01" / "C" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    folder.mkdir(parents=True)
    (folder / "u_ex210303.log").write_bytes(IIS_HEAD + b"".join(line + b"\r\n" for line in lines))
    return tmp_path / "EX01", lines


def expected(line: bytes) -> tuple[str, int, bool]:
    return line.decode("utf-8", "backslashreplace")[:2000], len(line), len(line) > 2000


def texts(document: Any) -> list[tuple[str, int, bool]]:
    return [(line["text"], line["bytes"], line["cut"]) for line in cited(document).values()]


def test_hostile_lines_are_kept_as_they_are(hostile: tuple[Path, list[bytes]]) -> None:
    folder, lines = hostile
    document = scanned(folder)
    assert texts(document) == [expected(line) for line in lines]
    assert "\u202e" not in dump(document).decode("utf-8")
    assert "\x1b" not in dump(document).decode("utf-8")


@pytest.mark.parametrize("packed", ["gz", "zip", "zip in a zip"])
def test_compressed_logs(hostile: tuple[Path, list[bytes]], packed: str, tmp_path: Path) -> None:
    folder, lines = hostile
    log = next(folder.rglob("*.log"))
    if packed == "gz":
        log.with_name(log.name + ".gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
        given = folder
    else:
        given = tmp_path / "given.zip"
        inner = tmp_path / "inner.zip"
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(log, "inetpub/logs/LogFiles/W3SVC1/u_ex210303.log")
        with zipfile.ZipFile(given, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(inner, "inner.zip")
        given = inner if packed == "zip" else given
    assert texts(scanned(given)) == [expected(line) for line in lines]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16"])
def test_utf_16_and_a_record_of_several_lines(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    command = 'cmd /c "whoami"\r\nsecond line é'
    events = [
        {
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "SourceName": "Microsoft-Windows-Sysmon",
            "Hostname": "EX01",
            "EventTime": f"2021-03-03T06:00:{second:02}.000Z",
            "Image": "C:\\Windows\\System32\\cmd.exe",
            "ParentImage": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
            "ParentCommandLine": 'w3wp.exe -ap "MSExchangeOWAAppPool"',
            "CommandLine": command,
        }
        for second in range(3)
    ]
    text = json.dumps(events, indent=2, ensure_ascii=False)
    objects = [json.dumps(event, indent=2, ensure_ascii=False).replace("\n", "\n  ") for event in events]
    (tmp_path / "e" / "events.json").write_bytes(text.encode(encoding))
    lines = cited(scanned(tmp_path / "e"))
    assert len(lines) == len(events)
    codec = "utf-8" if encoding == "utf-8-sig" else "utf-16-le"
    content = (tmp_path / "e" / "events.json").read_bytes()
    for (_, _, number, offset), line in lines.items():
        assert line["form"] == "record"
        assert line["text"] == f"  {objects[(number - 2) // (len(events[0]) + 2)]}"
        assert content[offset : offset + line["bytes"]].decode(codec) == line["text"]


def test_a_long_list_is_bounded_each_claim_first(
    hostile: tuple[Path, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lines = hostile
    whole = scanned(folder)
    claims = [finding["evidence"] for finding in whole["findings"]]
    firsts = {key(claim[0]) for claim in claims if claim}
    monkeypatch.setattr(cited_lines, "MOST_LINES", len(firsts))
    document = scanned(folder)
    assert set(cited(document)) == firsts
    assert document["cited"]["left_out"] == len(lines) - len(firsts)
    monkeypatch.setattr(cited_lines, "MOST_LINES", 100)
    monkeypatch.setattr(cited_lines, "MOST_BYTES", 400)
    document = scanned(folder)
    assert 0 < sum(len(text) for text, *_ in texts(document)) <= 400
    assert len(cited(document)) + document["cited"]["left_out"] == len(lines)


def test_when_the_file_is_gone_before_the_lines_are_read_they_are_counted(
    hostile: tuple[Path, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lines = hostile
    real = cited_lines.cited_lines

    def gone(*given: Any, **options: Any) -> Any:
        next(folder.rglob("*.log")).unlink()
        return real(*given, **options)

    monkeypatch.setattr(cited_lines, "cited_lines", gone)
    document = scanned(folder)
    assert document["cited"] == {"lines": [], "left_out": 0, "missing": len(lines), "withheld": 0}
    assert document["findings"]


class TestACaseInParts:
    @pytest.fixture
    def other(self, tmp_path: Path) -> Path:
        folder = tmp_path / "EX02" / "C" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
        folder.mkdir(parents=True)
        (folder / "u_ex210304.log").write_bytes(IIS_HEAD + hit(9) + b"\r\n")
        return tmp_path / "EX02"

    def test_lines_of_evidence_that_is_still_there_are_read_again(
        self, hostile: tuple[Path, list[bytes]], other: Path, tmp_path: Path
    ) -> None:
        folder, lines = hostile
        scanned(folder, case=tmp_path / "case")
        shutil.rmtree(tmp_path / "case" / "results")
        document = scanned(other, case=tmp_path / "case")
        assert len(texts(document)) == len(lines) + 1
        assert document["cited"]["missing"] == 0

    def test_lines_of_evidence_that_is_gone_come_from_the_result_before(
        self, hostile: tuple[Path, list[bytes]], other: Path, tmp_path: Path
    ) -> None:
        folder, lines = hostile
        scanned(folder, case=tmp_path / "case")
        folder.rename(tmp_path / "moved")
        document = scanned(other, case=tmp_path / "case")
        assert sorted(texts(document)) == sorted(expected(line) for line in [*lines, hit(9)])

    def test_without_a_result_before_they_are_missing(
        self, hostile: tuple[Path, list[bytes]], other: Path, tmp_path: Path
    ) -> None:
        folder, lines = hostile
        scanned(folder, case=tmp_path / "case")
        folder.rename(tmp_path / "moved")
        shutil.rmtree(tmp_path / "case" / "results")
        document = scanned(other, case=tmp_path / "case")
        assert texts(document) == [expected(hit(9))]
        assert document["cited"]["missing"] == len(lines)

    def test_a_copy_of_the_same_content_will_do(self, hostile: tuple[Path, list[bytes]], tmp_path: Path) -> None:
        folder, lines = hostile
        scanned(folder, case=tmp_path / "case")
        folder.rename(tmp_path / "moved")
        shutil.rmtree(tmp_path / "case" / "results")
        document = scanned(tmp_path / "moved", case=tmp_path / "case")
        assert texts(document) == [expected(line) for line in lines]

    def test_a_file_that_was_changed_is_not_taken_for_what_it_was(
        self, hostile: tuple[Path, list[bytes]], other: Path, tmp_path: Path
    ) -> None:
        folder, lines = hostile
        scanned(folder, case=tmp_path / "case")
        shutil.rmtree(tmp_path / "case" / "results")
        log = next(folder.rglob("*.log"))
        log.write_bytes(log.read_bytes().replace(b"POST", b"BLAH"))
        document = scanned(other, case=tmp_path / "case")
        assert document["cited"]["missing"] == len(lines)
        assert not any("BLAH" in text for text, *_ in texts(document))


def test_with_and_without_a_case_and_whatever_the_threads_the_bytes_are_the_same(
    hostile: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    folder, _ = hostile
    first = dump(scanned(folder))
    assert dump(scan([folder], jobs=4).document) == first
    for _ in range(2):
        assert dump(scanned(folder, case=tmp_path / "case")) == first


def test_lines_that_can_hold_subjects_are_there_only_when_these_were_asked_for(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    record = {
        "CreationTime": "2021-03-03T03:00:00",
        "Id": "00000001-0000-4000-8000-000000000000",
        "Operation": "MailItemsAccessed",
        "RecordType": 50,
        "Workload": "Exchange",
        "UserId": "anna.berg@corp.example",
        "MailboxOwnerUPN": "anna.berg@corp.example",
        "ClientIPAddress": "203.0.113.7",
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        "Folders": [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<secret@corp.example>"}]}],
    }
    (tmp_path / "e" / "audit.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    document = scanned(tmp_path / "e", actor_ips=["203.0.113.7"])
    assert document["cited"] == {"lines": [], "left_out": 0, "missing": 0, "withheld": 1}
    assert "<secret@corp" not in dump(document).decode("utf-8")
    document = scanned(tmp_path / "e", actor_ips=["203.0.113.7"], subjects=True)
    assert [line["text"] for line in document["cited"]["lines"]] == [json.dumps(record)]


def test_a_record_outside_of_any_time_zone_keeps_its_milliseconds() -> None:
    row = {
        "time": datetime.fromisoformat("2021-03-03T06:00:00.123+00:00"),
        "line": 3,
        "Data": '{"a": 1.10}',
        "Level": None,
    }
    assert cited_lines._fields_text(row) == '{"time": "2021-03-03T06:00:00.123Z", "Data": {"a": 1.10}}'
