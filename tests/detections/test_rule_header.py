"""What rules say about themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.detections.rule_files import Document, Problem
from brokenseal.detections.rule_header import RuleHeader, read_header


def header(data: dict[str, object]) -> tuple[RuleHeader, list[Problem]]:
    lines = {
        "level": 5,
        "brokenseal": 9,
        **dict.fromkeys(("outcome", "stage", "mail_access", "webshell", "context"), 10),
    }
    return read_header(Document(data, Path("r.yml"), "folder/r.yml", 3, {**lines, "outcom": 10}))


def test_tags_and_texts() -> None:
    found, problems = header(
        {
            "title": "A title ",
            "id": "1B860593-2A1C-4B6C-9A0F-0123456789AB",
            "level": "High",
            "tags": [
                "attack.t1190",
                "attack.T1505.003",
                "attack.initial-access",
                "cve.2021-26855",
                "cve.2021.27065",
                "x",
            ],
            "falsepositives": ["one", None, 5],
            "references": "https://example.com/",
        }
    )
    assert problems == []
    assert (found.id, found.title, found.level) == ("1b860593-2a1c-4b6c-9a0f-0123456789ab", "A title", "high")
    assert found.techniques == ("T1190", "T1505.003")
    assert found.cves == ("CVE-2021-26855", "CVE-2021-27065")
    assert (found.falsepositives, found.references) == (("one", "5"), ("https://example.com/",))
    assert (found.path, found.line, found.outcome, found.context) == ("folder/r.yml", 3, None, False)


def test_own_block() -> None:
    found, problems = header(
        {
            "title": "t",
            "brokenseal": {
                "outcome": "succeeded",
                "stage": "ssrf-probe",
                "mail_access": "ews-ssrf",
                "webshell": "used",
                "context": True,
                "yields_to": "httpproxy",
            },
        }
    )
    assert problems == []
    assert found.yields_to == "httpproxy"
    assert (found.outcome, found.stage, found.mail_access, found.webshell, found.context) == (
        "succeeded",
        "ssrf-probe",
        "ews-ssrf",
        "used",
        True,
    )


@pytest.mark.parametrize(
    ("block", "line", "words"),
    [
        ({"outcome": "won"}, 10, "outcome: won"),
        ({"stage": 5}, 10, "stage"),
        ({"stage": "Two Words"}, 10, "stage"),
        ({"mail_access": "imap"}, 10, "mail_access"),
        ({"webshell": True}, 10, "webshell"),
        ({"context": "yes"}, 10, "context"),
        ({"outcom": "probed"}, 10, "no key 'outcom'"),
        ([1], 9, "not a mapping"),
    ],
)
def test_wrong_values_are_problems_and_count_as_absent(block: object, line: int, words: str) -> None:
    found, problems = header({"title": "t", "id": "1b860593-2a1c-4b6c-9a0f-0123456789ab", "brokenseal": block})
    assert [(problem.severity, problem.line) for problem in problems] == [("error", line)]
    assert words in problems[0].reason
    assert problems[0].rule_id == found.id
    assert (found.outcome, found.stage, found.mail_access, found.webshell, found.context) == (
        None,
        None,
        None,
        None,
        False,
    )


def test_a_wrong_level_and_a_missing_title() -> None:
    found, problems = header({"level": "urgent"})
    assert sorted(problem.reason.split()[0] for problem in problems) == ["level", "the"]
    assert found.level == "medium"


def test_a_rule_without_a_uuid_gets_the_same_one_every_time() -> None:
    data: dict[str, object] = {"title": "t", "detection": {"s": {"a": 1}}, "logsource": {"product": "x"}}
    first, again, other = (
        header(data)[0].id,
        header(dict(reversed(data.items())))[0].id,
        header({**data, "title": "u"})[0].id,
    )
    assert first == again != other
    named = header({**data, "id": "my-rule-7"})[0].id
    assert named == header({"title": "changed", "id": "my-rule-7"})[0].id
    assert len({first, other, named}) == 3
