"""Documents to export: the sample, one without anything in it, and one whose free texts are hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from brokenseal.report.document import validate
from brokenseal.report.exports import TARGETS, Options
from brokenseal.report.shape import IncidentDocument

SAMPLE = Path(__file__).parents[1] / "sample_document.json"

# Texts that somebody else wrote, by the name of their member; the other texts are ids, times, hashes and words of ours.
FREE = {
    "title",
    "summary",
    "detail",
    "text",
    "command_line",
    "image",
    "user",
    "pid",
    "url",
    "path",
    "kind",
    "known_hash",
    "mailbox",
    "display_name",
    "known_as",
    "source_ip",
    "source_ips",
    "users",
    "folders",
    "protocols",
    "tags",
    "reasons",
    "file",
    "note",
    "rule",
    "stage_title",
    "name",
}


def with_texts(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    """A copy of *value* with each free text changed."""
    if isinstance(value, dict):
        return {name: with_texts(item, change, name) for name, item in value.items()}
    if isinstance(value, list):
        return [with_texts(item, change, key) for item in value]
    return change(value) if isinstance(value, str) and key in FREE else value


@pytest.fixture(scope="session")
def sample() -> IncidentDocument:
    document = json.loads(SAMPLE.read_text("utf-8"))
    assert validate(document) == []
    return cast("IncidentDocument", document)


@pytest.fixture
def empty(sample: IncidentDocument) -> IncidentDocument:
    lists = ("hosts", "campaigns", "intrusions", "mailboxes", "findings", "not_seen", "advice", "evidence")
    document = {
        **sample,
        **{name: [] for name in lists},
        "verdict": "no_evidence",
        "summary": "Nothing was found.",
        "outflow": {"clients": [], "hours": []},
        "actors": [],
    }
    assert validate(document) == []
    return cast("IncidentDocument", document)


@pytest.fixture(scope="session")
def exported() -> Callable[..., bytes]:
    """``exported(document, target, table)``: the bytes; ``table`` may be left out where there is one only."""

    def write(document: IncidentDocument, target: str, table: str | None = None, tlp: str = "amber") -> bytes:
        tables = TARGETS[target].tables
        if table is None:
            (table,) = tables
        return tables[table](document, Options(tlp=tlp)).data

    return write


@pytest.fixture(scope="session")
def changed_texts() -> Callable[[Any, Callable[[str], str]], IncidentDocument]:
    return with_texts
