from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.incident import windows_events

RULE = """\
title: {title}
id: 3d0f4a1e-0000-4000-8000-00000000000{number}
logsource:
    product: windows
    service: system
detection:
    selection:
        {test}
    condition: selection
level: high
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    tests = ("'ServiceName|contains': 'agent'", "EventRecordID: 7", "'EventRecordID|gte': 38", "Level: 2")
    for number, test in enumerate(tests, start=1):
        (folder / f"{number}.yml").write_text(RULE.format(title=f"rule {number}", number=number, test=test), "utf-8")
    return folder


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Forty events on services; each third is the same, but for its number and time."""
    path = tmp_path / "host" / "events.jsonl"
    path.parent.mkdir()
    with path.open("w", encoding="utf-8") as stream:
        for number in range(1, 41):
            record = {
                "EventTime": f"2021-03-03T10:00:{number:02}.000Z",
                "Hostname": "EX01",
                "Channel": "System",
                "SourceName": "Service Control Manager",
                "EventID": 7045,
                "RecordNumber": number,
                "Level": "2" if number > 30 else "4",
                "ServiceName": ("updater", "Agent", f"own {number}")[number % 3],
            }
            stream.write(json.dumps(record) + "\n")
    return path


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {finding["title"]: finding["count"] for finding in found["findings"]}


def test_each_of_the_events_that_are_alike_is_a_match(events: Path, rules: Path) -> None:
    found = scan([events], rules=[rules]).document
    assert counts(found) == {"rule 1": 14, "rule 2": 1, "rule 3": 3, "rule 4": 10}


@pytest.mark.parametrize("numbered", [True, False], ids=["no two are alike", "many are alike"])
@pytest.mark.parametrize("sizes", [(1, 1, 1 << 20), (3, 4, 1 << 20), (7, 1 << 16, 200), (64, 64, 1)])
def test_the_size_of_batches_does_not_matter(
    events: Path, rules: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int], numbered: bool
) -> None:
    if not numbered:
        for path in (rules / "2.yml", rules / "3.yml"):
            path.unlink()
    whole = scan([events], rules=[rules], jobs=1).document
    for name, size in zip(("BATCH_ROWS", "MOST_ROWS", "MOST_BYTES"), sizes, strict=True):
        monkeypatch.setattr(windows_events, name, size)
    monkeypatch.setattr(windows_events, "_MOST_WAITING", 11)
    for jobs in (1, 3):
        assert scan([events], rules=[rules], jobs=jobs).document == whole
