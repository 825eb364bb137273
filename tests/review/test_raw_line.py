from __future__ import annotations

import gzip
import html
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal.incident.scan import scan
from brokenseal.review import raw_line

HEAD = (
    b"#Software: Microsoft Internet Information Services 10.0\r\n"
    b"#Fields: date time cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status\r\n"
)
#: The first is found by a rule, the others are not.
LINES = [
    b"2021-03-03 06:00:00 POST /ecp/y.js q=<script>alert(1)</script> 443 203.0.113.7 x 200",
    b"2021-03-03 06:00:01 GET /owa/ q=\xff\x1b[2J<b>bold</b> 443 198.51.100.7 x 200",
    b"2021-03-03 06:00:02 GET /owa/ q=" + b"A" * 30_000 + b" 443 198.51.100.7 x 200",
]
KEPT, READ, GONE = "Kept in the result of the scan.", "its hash was not checked", "is not as it was"


@pytest.fixture(scope="module", params=["plain", "gz"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of evidence, and the case that it was scanned into."""
    folder = tmp_path_factory.mktemp("raw") / "EX01"
    logs = folder / "C" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    logs.mkdir(parents=True)
    content = HEAD + b"".join(line + b"\r\n" for line in LINES)
    if request.param == "gz":
        (logs / "u_ex210303.log.gz").write_bytes(gzip.compress(content, mtime=0))
    else:
        (logs / "u_ex210303.log").write_bytes(content)
    case = folder.parent / "case"
    scan([folder], case=case, jobs=1)
    return folder, case


def addresses(browser: Any) -> list[str]:
    return list(dict.fromkeys(re.findall(r'href="(/events/[0-9.]+)"', browser.text("/timeline"))))


def raw_text(page: str) -> list[str]:
    pieces = re.findall(r'<pre class="raw-line">(.*?)</pre>', page, re.DOTALL)
    return [html.unescape(re.sub("</?bdi>", "", piece)) for piece in pieces]


def test_a_line_that_the_result_keeps_is_shown_from_it(
    made: tuple[Path, Path], open_case: Callable[[Path], Any], tmp_path: Path
) -> None:
    case = tmp_path / "case"
    shutil.copytree(made[1], case)
    browser = open_case(case)
    for page in (browser.text("/findings/F1"), browser.text(addresses(browser)[0])):
        assert raw_text(page) == [LINES[0].decode()]
        assert KEPT in page
        assert "<script>alert" not in page


def test_any_other_line_is_read_from_the_evidence(made: tuple[Path, Path], open_case: Callable[[Path], Any]) -> None:
    browser = open_case(made[1])
    _, second, third = addresses(browser)
    page = browser.text(second)
    assert raw_text(page) == [LINES[1].replace(b"\xff", b"\\xff").replace(b"\x1b", b"\\x1b").decode()]
    assert READ in page
    page = browser.text(third)
    assert raw_text(page) == [LINES[2][:20_000].decode()]
    assert f"the first 20,000 characters of {len(LINES[2]):,} bytes" in page


def test_a_result_without_raw_text_is_filled_from_the_evidence(
    made: tuple[Path, Path], open_case: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_line, "raw_lines", lambda document: {})
    page = open_case(made[1]).text("/findings/F1")
    assert raw_text(page) == [LINES[0].decode()]
    assert READ in page


def test_evidence_that_is_gone_or_changed_is_not_shown(
    made: tuple[Path, Path], open_case: Callable[[Path], Any], tmp_path: Path
) -> None:
    folder, case = made
    browser = open_case(case)
    kept, other, _ = addresses(browser)
    log = next(path for path in folder.rglob("*") if path.is_file())
    before = log.read_bytes(), log.stat()
    try:
        log.write_bytes(HEAD)
        changed = browser.text(other)
        log.unlink()
        gone = browser.text(other)
        still_kept = browser.text(kept)
    finally:
        log.write_bytes(before[0])
        os.utime(log, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    for page in (changed, gone):
        assert raw_text(page) == []
        assert GONE in page
    assert raw_text(still_kept) == [LINES[0].decode()]
    assert raw_text(browser.text(other))


def test_a_line_far_into_a_compressed_file_is_not_read_for_a_page(
    made: tuple[Path, Path], open_case: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_case(made[1])
    _, _, third = addresses(browser)
    monkeypatch.setattr(raw_line, "_FARTHEST", 10)
    page = browser.text(third)
    compressed = next(path for path in made[0].rglob("*.log*")).suffix == ".gz"
    assert ("too far into a compressed file" in page) is compressed
    assert bool(raw_text(page)) is not compressed


def test_a_record_of_an_event_log_is_shown_as_decoded(scanned: Path, open_case: Callable[[Path], Any]) -> None:
    browser = open_case(scanned)
    document = browser.review.document
    whole = {(line["file"], line["line"]) for line in document["cited"]["lines"] if not line["cut"]}
    finding = next(
        one
        for one in document["findings"]
        if "record" in one["evidence"][0] and (one["evidence"][0]["file"], one["evidence"][0]["line"]) in whole
    )
    page = browser.text(f"/findings/{finding['id']}")
    assert "Record as decoded" in page
    fields = [json.loads(text) for text in raw_text(page) if text.endswith("}")]
    assert finding["evidence"][0]["record"] in {one["EventRecordID"] for one in fields}
