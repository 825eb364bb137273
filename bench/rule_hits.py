"""How many events each rule hit in the one tool and in the other, and where they differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that hit another number of events."""

    rule: str
    title: str
    ours: int
    theirs: int


def sigma_titles(folders: Iterable[Path]) -> dict[str, str]:
    """Id → title of every Sigma rule below *folders*."""
    titles: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.yml")) if folder.is_dir() else [folder]:
            for document in yaml.load_all(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                if isinstance(document, dict) and "id" in document:
                    titles[str(document["id"])] = str(document.get("title", ""))
    return titles


def our_hits(document: Mapping[str, Any], rules: Collection[str]) -> Counter[str]:
    """Events by rule, of the rules in *rules*: what a scan said as JSON."""
    hits: Counter[str] = Counter()
    for finding in document["findings"]:
        if finding["rule"] in rules:
            hits[finding["rule"]] += finding["count"]
    return hits


def their_hits(results: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Events by rule in Zircolite's output. A rule made for two log sources is two of its rules under one id, and both may
    hit the same row: each counts once."""
    rows: dict[str, set[int]] = {}
    for result in results:
        rows.setdefault(str(result["id"]), set()).update(match["row_id"] for match in result["matches"])
    return Counter({rule: len(found) for rule, found in rows.items()})


def read_results(path: Path) -> list[Mapping[str, Any]]:
    """Zircolite's output file."""
    return list(json.loads(path.read_bytes()))


def differences(ours: Counter[str], theirs: Counter[str], titles: Mapping[str, str]) -> list[Difference]:
    """Rules with different numbers of hits, by title."""
    found = [
        Difference(rule, titles.get(rule, ""), ours[rule], theirs[rule])
        for rule in {*ours, *theirs}
        if ours[rule] != theirs[rule]
    ]
    return sorted(found, key=lambda difference: (difference.title, difference.rule))
