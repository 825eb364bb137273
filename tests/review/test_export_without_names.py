"""Exports of the review without names: nobody named in the logs is left, and each has the report's pseudonym."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal.report.redaction import Redaction
from brokenseal.review.for_report import decided_in

BOTH = "redact=users,subjects"
HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status\n"
)
TRACKING = (
    "#Software: Microsoft Exchange Server\n#Version: 15.01.2176.009\n#Log-type: Message Tracking Log\n"
    "#Date: 2021-03-03T00:00:00.000Z\n"
    "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address\n"
    "2021-03-03T10:00:00.000Z,,,,EX01,,,STOREDRIVER,DELIVER,1,<a@corp.example>,n1,anna.berg@corp.example,,1000,1,,,"
    "Merger with Contoso,bela.nagy@partner.example\n"
)


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def lines_of(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("query", ["ip=203.0.113.41", "level=high", "text=berg"])
def test_the_same_events_without_the_names_of_the_case(browser: Any, query: str) -> None:
    """People of the simulated server are ``given.family`` of corp.example: none of them may be left in any spelling."""
    named = lines_of(browser.get(f"/timeline/export.jsonl?{query}"))
    without = lines_of(browser.get(f"/timeline/export.jsonl?{query}&{BOTH}"))
    assert [(one["file"], one["line"], one["time"]) for one in without] == [
        (one["file"], one["line"], one["time"]) for one in named
    ]
    listed = browser.review.timeline.ask("SELECT value FROM timeline.entity WHERE type != 'ip'")
    people = {str(one["value"]).lower() for one in listed}
    people = {name for name in people if re.search(r"[a-z]\.[a-z]", name.split("@")[0]) and "health" not in name}
    locals_ = {name.rpartition("\\")[2].partition("@")[0] for name in people}
    assert len(locals_) > 3
    text = json.dumps(without).lower()
    assert [name for name in locals_ if name in text] == []
    table = rows_of(browser.get(f"/timeline/export.csv?{query}&{BOTH}"))
    assert [(row["account"], row["mailbox"]) for row in table] == [
        (one["account"] or "", one["mailbox"] or "") for one in without
    ]


def test_a_mailbox_has_the_pseudonym_of_the_report(browser: Any) -> None:
    document = browser.review.document
    mailbox = document["mailboxes"][0]["mailbox"]
    report = Redaction(document, {"users"}).document()["mailboxes"][0]["mailbox"]
    assert report != mailbox
    found = lines_of(browser.get(f"/timeline/export.jsonl?who={mailbox}&redact=users"))
    assert report in {one["mailbox"] for one in found} | {one["account"] for one in found}


def test_who_is_no_intruder_and_in_no_finding_has_a_pseudonym_too(
    logs_case: Callable[[dict[str, str]], Path], open_case: Any
) -> None:
    lines = [
        f"2021-03-03 03:00:0{n} EX01 GET /owa/x{n} {who} 192.0.2.1 443 - 200\n"
        for n, who in enumerate(["CORP\\anna.berg", "test", "bo", "anna.berg@corp.example", "CORP\\EX01$", "-"])
    ]
    opened = open_case(logs_case({"u_ex210303.log": HEAD + "".join(lines)}))
    found = lines_of(opened.get(f"/timeline/export.jsonl?{BOTH}"))
    assert [one["account"] for one in found[4:]] == ["CORP\\EX01$", None]
    for one, name in zip(found, ["anna", "test", " bo", "anna"], strict=False):
        assert one["account"] and name not in one["account"] and name not in one["text"], one
    assert all(f"/owa/x{n}" in one["text"] for n, one in enumerate(found))
    again = lines_of(opened.get(f"/timeline/export.jsonl?text=x3&{BOTH}"))
    assert again == found[3:4]


def test_subjects_are_left_out_with_their_events_text(logs_case: Callable[..., Path], open_case: Any) -> None:
    opened = open_case(logs_case({"MSGTRK2021030310-1.LOG": TRACKING}, subjects=True))
    (named,) = lines_of(opened.get("/timeline/export.jsonl?redact=users"))
    assert "Merger with Contoso" in named["text"]
    assert "berg" not in json.dumps(named) and "nagy" not in json.dumps(named)
    (both,) = lines_of(opened.get(f"/timeline/export.jsonl?{BOTH}"))
    assert "Merger" not in json.dumps(both)
    assert both["account"].startswith(("address", "mailbox", "user"))
    key = re.search(r'id="e([0-9.]+)"', opened.text("/timeline"))
    assert key is not None
    opened.decide("event", key[1], "comment", "ask bela.nagy@partner.example")
    exported = opened.get(f"/decisions/export.json?{BOTH}").text
    assert "Merger" not in exported and "nagy" not in exported
    decided = decided_in(opened.review.directory, opened.review.document)
    assert decided is not None
    assert "Merger" not in str(decided.redacted(Redaction(opened.review.document, {"subjects"})).entries[0]["about"])


def test_the_lists_of_mailboxes_go_without_names(browser: Any) -> None:
    names = {one["mailbox"] for one in browser.review.document["mailboxes"] if one["mailbox"]}
    for form in ("ledger", "notify"):
        assert any(name in browser.get(f"/mailboxes/{form}.csv").text for name in names)
        answer = browser.get(f"/mailboxes/{form}.csv?{BOTH}")
        assert "mailbox 1" in answer.text
        assert not any(name in answer.text for name in names)


@pytest.mark.parametrize("page", ["/timeline/export.csv", "/mailboxes/ledger.csv", "/decisions/export.json"])
def test_what_cannot_be_left_out_is_refused_and_not_ignored(browser: Any, page: str) -> None:
    """Somebody who mistypes must not hand over names."""
    answer = browser.get(f"{page}?redact=user")
    assert answer.status_code == 400
    assert "users, of subjects" in answer.text


def test_reviewers_are_without_names_in_the_export_of_decisions(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "carla.ruiz")
    browser.decide("finding", browser.review.document["findings"][0]["id"], "comment", "seen with carla.ruiz")
    assert "carla" in browser.get("/decisions/export.json").text
    without = browser.get(f"/decisions/export.json?{BOTH}")
    assert "carla" not in without.text and "reviewer 1" in without.text
