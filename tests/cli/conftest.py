"""A stand-in for the scan, so that the command line is tested without evidence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest


@dataclass
class StandInIncident:
    document: dict[str, object]
    verdict: str = "mail_read"
    unread: tuple[str, ...] = ()


@dataclass
class StandInScan:
    """Takes the place of ``brokenseal.incident.scan``: answers ``incident``, or does ``instead``; keeps its calls."""

    incident: StandInIncident
    instead: Callable[[], Any] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, evidence: Any, **options: Any) -> StandInIncident:
        self.calls.append({"evidence": evidence, **options})
        progress = options["progress"]
        progress.start(100, 1)
        progress.file("a.log")
        progress.advance(100)
        if self.instead is not None:
            self.instead()
        return self.incident


def empty_document() -> dict[str, object]:
    lists = ("hosts", "campaigns", "intrusions", "mailboxes", "findings", "not_seen", "advice")
    return {
        "schema_version": "1.0",
        "generator": {"name": "brokenseal", "version": "0"},
        "verdict": "mail_read",
        "summary": "Broken into, and mail was read.",
        **{name: [] for name in lists},
        "rules": {"loaded": 1, "not_run": []},
        "evidence": [],
    }


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch) -> StandInScan:
    stand_in = StandInScan(StandInIncident(empty_document()))
    module = ModuleType("brokenseal.incident.scan")
    module.scan = stand_in  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brokenseal.incident.scan", module)
    return stand_in
