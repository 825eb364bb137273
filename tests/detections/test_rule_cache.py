from __future__ import annotations

import hashlib
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from brokenseal.detections import rule_cache
from brokenseal.detections.kept_types import read_criterion
from brokenseal.detections.rule_cache import _keep, cache_folder, compiled_rules
from brokenseal.events.case import write_atomically

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


class Calling:
    """Becomes what *function* gives for *arguments* when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.called = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.called


def put(entry: Path, content: object) -> None:
    pickled = pickle.dumps(content)
    entry.write_bytes(hashlib.sha256(pickled).digest() + pickled)


def test_an_entry_that_would_run_something_is_refused(cache: Path, rules: Path, tmp_path: Path) -> None:
    whole = compiled_rules([rules]).rule_set
    [entry] = cache.glob("*.bin")
    made = str(tmp_path / "made")
    for function, *arguments in (
        (os.mkdir, made),
        (os.system, f"mkdir {made}"),
        (eval, f"__import__('os').mkdir({made!r})"),
        (getattr, "", "format"),
        # A function of our own is no type either.
        (write_atomically, tmp_path / "made", b""),
        (_keep, tmp_path / "made", None),
    ):
        put(entry, (Calling(function, *arguments), {}, None))
        again = compiled_rules([rules])
        assert (again.from_cache, again.rule_set) == (False, whole), function
        assert not (tmp_path / "made").exists()


def test_an_entry_that_holds_something_else_is_refused(cache: Path, rules: Path) -> None:
    whole = compiled_rules([rules]).rule_set
    [entry] = cache.glob("*.bin")
    for content in (None, (), (1, 2, 3), [whole], (whole,), (whole, {("other", "kind"): None}, None), (whole, 5, None)):
        put(entry, content)
        again = compiled_rules([rules])
        assert (again.from_cache, again.rule_set) == (False, whole), content


def test_a_search_that_another_library_made_is_made_anew(cache: Path, rules: Path) -> None:
    first = compiled_rules([rules])
    [entry] = cache.glob("*.bin")
    plain, criteria, others, (formulas, looked_at, _) = pickle.loads(entry.read_bytes()[32:])
    put(entry, (plain, criteria, others, (formulas, looked_at, b"no search")))
    again = compiled_rules([rules])
    assert again.from_cache
    assert again.windows().hits.numbers == first.windows().hits.numbers


def test_each_choice_of_folders_has_its_own_entry(cache: Path, rules: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "c.yml").write_text(RULE.replace("000001", "000003"), "utf-8")
    choices = ([rules], [more], [rules, more], [rules / "a.yml"])
    first = [compiled_rules(choice) for choice in choices]
    again = [compiled_rules(choice) for choice in choices]
    assert [found.from_cache for found in first] == [False] * 4
    assert [found.from_cache for found in again] == [True] * 4
    assert [found.rule_set for found in again] == [found.rule_set for found in first]
    assert [len(found.rule_set.rules) for found in again] == [1, 1, 2, 1]


def test_the_same_rules_elsewhere_are_not_taken_for_these(cache: Path, rules: Path, tmp_path: Path) -> None:
    """Findings name the rule's file, so that a copy's entry would name the wrong one."""
    compiled_rules([rules])
    copy = tmp_path / "copy" / "rules"
    copy.mkdir(parents=True)
    (copy / "a.yml").write_text(RULE, "utf-8")
    found = compiled_rules([copy])
    assert (found.from_cache, found.rule_set.rules[0].file) == (False, str(copy / "a.yml"))


def test_problems_and_correlations_are_kept_too(cache: Path, rules: Path) -> None:
    (rules / "wrong.yml").write_text("title: x\n", "utf-8")
    (rules / "many.yml").write_text(
        "title: many\nid: 11111111-0000-4000-8000-000000000009\ncorrelation: {type: event_count, "
        "rules: [11111111-0000-4000-8000-000000000001], group-by: [User], timespan: 5m, condition: {gte: 3}}\n",
        "utf-8",
    )
    first, second = compiled_rules([rules]), compiled_rules([rules])
    assert second.from_cache
    assert second.rule_set == first.rule_set
    assert (len(first.rule_set.problems), len(first.rule_set.correlations)) == (1, 1)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder is another one there")
def test_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROKENSEAL_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    for told, expected in (
        (str(tmp_path / "xdg"), tmp_path / "xdg" / "brokenseal"),
        ("", tmp_path / ".cache" / "brokenseal"),
        ("relative", tmp_path / ".cache" / "brokenseal"),
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", told)
        assert cache_folder() == expected


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


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules written now are a year old."""
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + 365 * 86400 * 10**9)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the rules' content was asked for."""
    asked: list[str] = []
    key = rule_cache._key

    def noted(paths: Sequence[tuple[str, str]]) -> str:
        asked.append("content")
        return key(paths)

    monkeypatch.setattr(rule_cache, "_key", noted)
    return asked


def test_old_files_that_look_the_same_are_not_read_again(
    cache: Path, rules: Path, later: None, read: list[str]
) -> None:
    first, again = compiled_rules([rules]), compiled_rules([rules])
    assert (len(read), again.from_cache, again.rule_set) == (1, True, first.rule_set)


def test_young_files_are_read_although_they_look_the_same(cache: Path, rules: Path, read: list[str]) -> None:
    for _ in range(2):
        compiled_rules([rules])
    assert len(read) == 2


@pytest.mark.usefixtures("later")
def test_a_change_of_the_same_size_at_the_same_time_is_seen(cache: Path, rules: Path) -> None:
    """As when an older copy comes back with its times: the file is another one, or its place on the disk has changed."""
    compiled_rules([rules])
    path = rules / "a.yml"
    seen = path.stat()
    changed = RULE.replace("cmd.exe", "pwd.exe")
    assert len(changed) == len(RULE)
    path.write_text(changed, "utf-8")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + (sys.platform == "win32")))
    found = compiled_rules([rules])
    assert not found.from_cache
    assert "pwd.exe" in str(found.rule_set.rules[0].criterion)


@pytest.mark.usefixtures("later")
def test_a_note_without_its_entry_or_without_a_key_is_as_good_as_none(cache: Path, rules: Path) -> None:
    whole = compiled_rules([rules]).rule_set
    [note] = cache.glob("seen-*")
    [entry] = cache.glob("*.bin")
    for damaged in (b"", b"\xff", b"../../etc/passwd", b"0" * 40):
        note.write_bytes(damaged)
        again = compiled_rules([rules])
        assert (again.from_cache, again.rule_set) == (True, whole)
    entry.unlink()
    again = compiled_rules([rules])
    assert (again.from_cache, again.rule_set) == (False, whole)


def test_a_criterion_is_read_when_it_is_looked_at(cache: Path, rules: Path) -> None:
    first = compiled_rules([rules]).rule_set.rules[0]
    again = compiled_rules([rules]).rule_set.rules[0]
    assert replace(again, reported=False).criterion == first.criterion
    assert pickle.loads(pickle.dumps(again)) == first
    with pytest.raises(AttributeError):
        first.no_such_field  # type: ignore[attr-defined]  # noqa: B018


def test_a_criterion_that_would_run_something_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for content in (Calling(os.mkdir, str(made)), "text", None):
        with pytest.raises(pickle.UnpicklingError):
            read_criterion(pickle.dumps(content))
    assert not made.exists()


def test_old_entries_go(cache: Path, rules: Path) -> None:
    for number in range(12):
        (rules / "a.yml").write_text(RULE + f"# {number}\n", "utf-8")
        compiled_rules([rules])
    assert len(list(cache.glob("*.bin"))) == 8
