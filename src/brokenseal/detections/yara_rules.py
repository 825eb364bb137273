"""YARA rules: our own and any folder of public ones, compiled once and run over a file's bytes.

Public rule sets expect the variables ``filename``, ``filepath``, ``extension``, ``filetype`` and ``owner``; they are set for
every file. How folders of rules are read is told in :mod:`yara_compiling`.

References:
    https://virustotal.github.io/yara-x/docs/api/python/
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yara_x

from brokenseal.detections.yara_compiling import VARIABLES, compiled
from brokenseal.detections.yara_store import read_stored

#: Namespace prefix of the rules that brokenseal brings.
OWN = "brokenseal"
#: The stored file of our own rules.
OWN_RULES = "rules.yar"
#: Namespace of the one rule that says nothing to a reader: whether there is a mark of server code.
MARKS = "brokenseal:marks"
_MARKS_RULE = r"""rule marked {
  strings: $a = "<%" $b = "<?php" nocase $c = /runat\s*=/ nocase $d = "<jsp:"
  condition: any of them
}"""
#: Names and places of texts that are kept of one rule's match.
MOST_TEXTS = 10
#: What a rule counts that says no score, as in the tools that public rule sets are written for.
UNSAID_SCORE = 70
#: Seconds after which the rules give up on one file.
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class YaraText:
    """A text of a rule and where it stood: ``offset`` and ``length`` in bytes."""

    name: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class YaraMatch:
    """One rule that is true of a file. ``score``: the rule's own (0-100), ``UNSAID_SCORE`` where it says none."""

    rule: str
    namespace: str
    description: str
    tags: tuple[str, ...]
    score: int
    kind: str
    texts: tuple[YaraText, ...]

    @property
    def own(self) -> bool:
        return self.namespace.startswith(OWN + "/")

    def moved(self, by: int) -> YaraMatch:
        """The same match in a file of which *by* bytes stand in front."""
        return replace(self, texts=tuple(YaraText(text.name, text.offset + by, text.length) for text in self.texts))


@dataclass(frozen=True, slots=True)
class YaraScan:
    """``matches``: the rules that are true, sorted. ``marked``: a mark of server code is there (or the scan did not end, of
    which ``note`` tells)."""

    matches: list[YaraMatch]
    marked: bool
    note: str | None = None


class YaraRules:
    """Our rules and those of *folders* (a folder, searched with its subfolders, or one rule file).

    ``problems``: one sentence for each rule or file that does not compile. Threads may share one object.
    Raises ContentError where a folder does not exist or has no rule file.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        own = [(f"{OWN}/{OWN_RULES}", read_stored(OWN_RULES)), (MARKS, _MARKS_RULE)]
        self._rules, self.problems = compiled(own, folders)
        self._scanners = threading.local()

    def matches(self, windows_path: str, data: bytes, *, file_type: str = "") -> tuple[list[YaraMatch], str | None]:
        """The rules that are true of *data*, sorted, and a note where the scan did not end."""
        scan = self.scan(windows_path, data, file_type=file_type)
        return scan.matches, scan.note

    def scan(self, windows_path: str, data: bytes, *, file_type: str = "", owner: str = "") -> YaraScan:
        """Run all rules over *data*. ``owner``: account that owns the file, where it is known."""
        scanner = self.scanner()
        folder, _, name = windows_path.rpartition("\\")
        extension = "." + name.rpartition(".")[2].lower() if "." in name else ""
        for variable, value in zip(VARIABLES, (name, folder, extension, file_type, owner), strict=True):
            scanner.set_global(variable, value)
        try:
            results = scanner.scan(data)
        except (yara_x.TimeoutError, yara_x.ScanError) as error:
            return YaraScan([], True, f"the YARA rules did not finish on this file ({error})")
        found = list(results.matching_rules)
        matches = [_match(rule) for rule in found if rule.namespace != MARKS]
        return YaraScan(sorted(matches, key=lambda match: (match.namespace, match.rule)), len(matches) < len(found))

    def scanner(self) -> yara_x.Scanner:
        """This thread's scanner with all rules."""
        scanner: yara_x.Scanner | None = getattr(self._scanners, "scanner", None)
        if scanner is None:
            scanner = yara_x.Scanner(self._rules)
            scanner.max_matches_per_pattern(MOST_TEXTS)
            scanner.set_timeout(PATIENCE)
            self._scanners.scanner = scanner
        return scanner


def _match(rule: yara_x.Rule) -> YaraMatch:
    meta = {str(key).lower(): value for key, value in reversed(rule.metadata)}
    texts = sorted(
        (match.offset, match.length, pattern.identifier) for pattern in rule.patterns for match in pattern.matches
    )
    return YaraMatch(
        rule=rule.identifier,
        namespace=rule.namespace,
        description=_text(meta.get("description")),
        tags=tuple(rule.tags),
        score=_score(meta.get("score")),
        kind=_text(meta.get("kind")),
        texts=tuple(YaraText(name, offset, length) for offset, length, name in texts[:MOST_TEXTS]),
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _score(value: object) -> int:
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, float):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return UNSAID_SCORE
    return max(0, min(100, value))
