from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest

from brokenseal.detections import rule_cache
from brokenseal.detections.rule_cache import cache_folder, compiled_rules

RULE = """\
title: Commands
id: 11111111-0000-4000-8000-000000000001
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\cmd.exe'
        CommandLine|re: 'x+'
        SourceIp|cidr: 192.0.2.0/24
    condition: selection
level: high
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BROKENSEAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(RULE, "utf-8")
    return folder


def test_the_second_time_nothing_is_read(cache: Path, rules: Path) -> None:
    first, second = compiled_rules([rules]), compiled_rules([rules])
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.rule_set == first.rule_set
    assert second.windows().formulas == first.windows().formulas


@pytest.mark.parametrize("change", ["content", "file", "folder", "version"])
def test_anything_that_changes_is_read_anew(
    cache: Path, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    compiled_rules([rules])
    folders = [rules]
    if change == "content":
        (rules / "a.yml").write_text(RULE.replace("high", "low"), "utf-8")
    elif change == "file":
        (rules / "b.yml").write_text(RULE.replace("000001", "000002"), "utf-8")
    elif change == "folder":
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "c.yml").write_text(RULE.replace("000001", "000003"), "utf-8")
        folders.append(tmp_path / "more")
    else:
        monkeypatch.setattr(rule_cache, "__version__", "99")
    assert not compiled_rules(folders).from_cache


def test_a_damaged_entry_is_as_good_as_none(cache: Path, rules: Path) -> None:
    whole = compiled_rules([rules]).rule_set
    [entry] = cache.glob("*.bin")
    content = entry.read_bytes()
    for damaged in (b"", content[:40], content[:-1], content[:100] + b"\x00" + content[101:]):
        entry.write_bytes(damaged)
        again = compiled_rules([rules])
        assert (again.from_cache, again.rule_set) == (False, whole)


def test_an_entry_that_would_run_something_is_refused(cache: Path, rules: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "made"),)

    compiled_rules([rules])
    [entry] = cache.glob("*.bin")
    content = pickle.dumps((Hostile(), {}, None))
    entry.write_bytes(hashlib.sha256(content).digest() + content)
    assert not compiled_rules([rules]).from_cache
    assert not (tmp_path / "made").exists()


def test_it_can_be_switched_off(rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKENSEAL_CACHE", "off")
    assert cache_folder() is None
    compiled_rules([rules])
    assert not compiled_rules([rules]).from_cache


def test_a_cache_that_cannot_be_written_only_costs_time(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BROKENSEAL_CACHE", str(tmp_path / "file" / "cache"))
    assert len(compiled_rules([rules]).rule_set.rules) == 1


def test_old_entries_go(cache: Path, rules: Path) -> None:
    for number in range(12):
        (rules / "a.yml").write_text(RULE + f"# {number}\n", "utf-8")
        compiled_rules([rules])
    assert len(list(cache.glob("*.bin"))) == 8
