"""Every page of a simulated break-in, and every link on them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, get_origin, get_type_hints

import pytest

from brokenseal.report import shape

PAGES = (
    "/",
    "/timeline",
    "/findings",
    "/mailboxes",
    "/webshells",
    "/entities",
    "/coverage",
    "/rules",
    "/decisions",
    "/keys",
)


def test_the_overview_says_the_verdict_its_reasons_and_what_was_not_seen(browser: Any) -> None:
    text, document = browser.text("/"), browser.review.document
    assert html.escape(document["summary"]) in text
    assert "Verdict: broken into, and mail was read" in text
    for intrusion in document["intrusions"]:
        assert f"/findings#intrusion-{intrusion['id']}" in text
    named = re.search(r"\((F[0-9]+)\)", document["hosts"][0]["reasons"][0])
    assert named is not None and f'<a href="/findings/{named[1]}">{named[1]}</a>' in text
    for sentence in document["not_seen"]:
        assert html.escape(sentence) in text


def test_findings_are_all_there_once_by_intrusion_and_stage(browser: Any) -> None:
    text = browser.text("/findings")
    shown = re.findall(r'<a class="open" href="/findings/(F[0-9]+)">', text)
    assert sorted(shown) == sorted(browser.review.findings)
    first = browser.review.document["intrusions"][0]
    inside = text[text.index(f'id="intrusion-{first["id"]}"') :]
    assert set(first["findings"]) <= set(re.findall(r'href="/findings/(F[0-9]+)"', inside))


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("level=high", lambda one: one["level"] == "high"),
        ("host=EX01", lambda one: one["host"] == "EX01"),
        ("ip=203.0.113.41", lambda one: one["source_ip"] == "203.0.113.41"),
        ("text=WEB+SERVER", lambda one: "web server" in one["title"].lower()),
        ("decided=false_positive", lambda one: False),
    ],
)
def test_filters_of_the_findings(browser: Any, query: str, fits: Any) -> None:
    shown = re.findall(r'<a class="open" href="/findings/(F[0-9]+)">', browser.text(f"/findings?{query}"))
    assert sorted(shown) == sorted(one["id"] for one in browser.review.document["findings"] if fits(one))


def test_the_evidence_of_a_finding_leads_to_the_event_with_all_its_fields(browser: Any) -> None:
    finding = next(one for one in browser.review.document["findings"] if "forged" in one["title"].lower())
    text = browser.text(f"/findings/{finding['id']}")
    event = re.search(r'href="(/events/[^"]+)"', text)
    assert event is not None
    shown = browser.text(event[1])
    assert "AnchorMailbox" in shown and "ServerInfo~" in shown
    assert finding["evidence"][0]["sha256"] in shown
    assert f'href="/findings/{finding["id"]}"' in shown


def test_mailboxes_have_the_numbers_of_the_ledger(browser: Any) -> None:
    text = browser.text("/mailboxes")
    assert browser.review.document["mailboxes"]
    for row in browser.review.document["mailboxes"]:
        assert row["mailbox"] in text
        if row["bytes_at_least"] is not None:
            assert f"{row['bytes_at_least']:,} bytes" in text
    assert browser.get("/mailboxes/ledger.csv").content.startswith(b"\xef\xbb\xbf")
    assert browser.get("/mailboxes/notify.csv").headers["content-type"].startswith("text/csv")
    assert browser.get("/mailboxes/other.csv").status_code == 404


def test_web_shells_are_told_with_their_state_and_evidence(browser: Any) -> None:
    text = browser.text("/webshells")
    shells = [shell for one in browser.review.document["intrusions"] for shell in one["webshells"]]
    assert shells
    for shell in shells:
        assert shell["url"] in text
        for finding in shell.get("findings", []):
            assert f"/findings/{finding}" in text


def test_an_address_has_everything_about_it(browser: Any) -> None:
    text = browser.text("/entity?type=ip&value=203.0.113.41")
    assert "an intruder&#39;s" in text or "an intruder's" in text
    for finding in browser.review.document["findings"]:
        assert (f'href="/findings/{finding["id"]}"' in text) >= (finding["source_ip"] == "203.0.113.41")
    assert "203.0.113.41" in browser.text("/entities?type=ip&text=203.0.113")
    mailbox = browser.review.document["mailboxes"][0]["mailbox"]
    assert "EWS through the SSRF" in browser.text(f"/entity?type=mailbox&value={mailbox}")
    shell = browser.review.document["intrusions"][0]["webshells"][0]["url"]
    assert "/webshells" in browser.text(f"/entity?type=file&value={shell}")
    assert "says nothing of it" in browser.text("/entity?type=account&value=nobody")


def test_coverage_names_each_log_and_file(browser: Any) -> None:
    text = browser.text("/coverage")
    for log in browser.review.document["hosts"][0]["coverage"]:
        assert f"{log['events']:,}" in text
    some = browser.review.document["evidence"][-1]["file"]
    assert html.escape(some) in browser.text(f"/coverage?file={some[-20:]}")


def test_rules_that_found_something_come_first(browser: Any) -> None:
    text = browser.text("/rules")
    found = {one["rule"] for one in browser.review.document["findings"]}
    assert {rule for rule in found if f"/findings?rule={rule}" in text} == found
    assert text.index("/findings?rule=") < text.index("web_shell") if "web_shell" in text else True
    rule = next(iter(found))
    listed = re.findall(r'<a class="open" href="/findings/(F[0-9]+)">', browser.text(f"/findings?rule={rule}"))
    assert sorted(listed) == sorted(o["id"] for o in browser.review.document["findings"] if o["rule"] == rule)


def test_no_link_leads_nowhere(browser: Any) -> None:
    links: set[str] = set()
    for page in PAGES:
        found = [html.unescape(link) for link in re.findall(r'href="(/[^"#]*)', browser.text(page))]
        # Of many alike some are enough.
        kinds: dict[str, int] = {}
        for link in found:
            kind = re.sub(r"[0-9]+|=[^&]*", "", link.split("?")[0])
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= 6:
                links.add(link)
    assert len(links) > 40
    for link in sorted(links):
        assert browser.get(link).status_code == 200, link


@pytest.mark.parametrize(
    "page", ["/findings/F99999", "/findings/<script>", "/events/1.1.1", "/events/x", "/events/1.99999999999.1",
             "/timeline/export.xml", "/findings/export.exe", "/static/other.js", "/static/..%2fsession.py"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(browser: Any, page: str) -> None:
    answer = browser.get(page)
    assert answer.status_code == 404
    assert "<script>" not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_landmarks_one_heading_and_captions(browser: Any, page: str) -> None:
    text = browser.text(page)
    for needed in ('<html lang="en">', 'class="skip" href="#main"', '<main id="main"', "<nav aria-label", "<footer>"):
        assert needed in text
    assert text.count("<h1") == 1
    assert text.count("<table") == text.count("<caption")
    assert text.count("<th>") == 0


def test_a_new_scan_is_told(browser: Any) -> None:
    assert "scanned again" not in browser.text("/")
    key = browser.review.directory / "results" / "key.json"
    before = key.read_bytes()
    try:
        key.write_bytes(before + b"\n")
        assert "scanned again" in browser.text("/")
    finally:
        key.write_bytes(before)


def test_very_many_findings_are_bounded_and_the_rest_is_counted(
    scanned: Path, with_document: Any, open_case: Callable[[Path], Any]
) -> None:
    def multiply(document: dict[str, Any]) -> None:
        one = document["findings"][0]
        document["findings"] = [{**one, "id": f"F{number}", "host": f"H{number}"} for number in range(1, 704)]

    opened = open_case(with_document(scanned, multiply))
    text = opened.text("/findings")
    assert text.count("<tr data-row") == 500 and "other 203" in text
    assert opened.get("/findings/export.csv").text.count("\r\n") == 704
    assert opened.text("/findings?text=F703 ").count("<tr data-row") == 1


def test_a_document_without_what_its_schema_does_not_ask_for(
    scanned: Path, with_document: Any, open_case: Callable[[Path], Any]
) -> None:
    """Documents of older versions lack members that came later."""

    def bare(document: dict[str, Any]) -> None:
        members: list[tuple[Any, list[dict[str, Any]]]] = [
            (shape.IncidentDocument, [document]),
            (shape.Intrusion, document["intrusions"]),
            (shape.WebShell, [shell for one in document["intrusions"] for shell in one["webshells"]]),
            (shape.Mailbox, document["mailboxes"]),
            (shape.Finding, document["findings"]),
            (shape.EvidenceRecord, document["evidence"]),
            (shape.Reference, [line for one in document["findings"] for line in one["evidence"]]),
        ]
        for kind, records in members:
            for record in records:
                for name, hint in get_type_hints(kind, include_extras=True).items():
                    if get_origin(hint) is NotRequired:
                        record.pop(name, None)
            assert records, kind

    opened = open_case(with_document(scanned, bare))
    for address in (*PAGES, "/findings/F1", "/entity?type=ip&value=203.0.113.41", "/entity?type=mailbox&value=anna"):
        opened.text(address)


def test_what_there_is_not_is_a_page_with_the_way_to_others(browser: Any) -> None:
    for address in ("/findings/F999", "/events/1.1.1", "/nothing", "/mailboxes/other.csv", "/timeline/export.exe"):
        answer = browser.get(address)
        assert answer.status_code == 404
        assert "Not found" in answer.text and 'href="/timeline"' in answer.text


def test_the_processes_of_a_web_shell_are_listed(browser: Any) -> None:
    document = browser.review.document
    (intrusion,) = [one for one in document["intrusions"] if one["webshells"]]
    started = intrusion["webshells"][0]["processes"]
    assert started
    text = browser.text("/webshells")
    for one in intrusion["processes"]:
        if one["id"] in started:
            assert f"<bdi>{one['id']}</bdi>" in text


def test_times_in_reasons_are_written_as_elsewhere(browser: Any) -> None:
    reasons = [reason for host in browser.review.document["hosts"] for reason in host["reasons"]]
    time = next(found[0] for reason in reasons if (found := re.search(r"[0-9-]{10}T[0-9:.]+Z", reason)))
    written = time.replace("T", " ").removesuffix("Z").removesuffix(".000")
    assert f'<time datetime="{time}">{written}</time>' in browser.text("/")
