"""Judges the files of web folders while the evidence is read: pages and libraries by content, configuration by what it says.

Pure: what comes of a file hangs on its path and bytes only, so files can be judged anywhere and in any order.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from brokenseal.detections.compiled_pages import page_of_name, read_compiled
from brokenseal.detections.iis_configuration import Configuration, read_configuration
from brokenseal.detections.iis_oddities import GRAVE, NOTE, ODD, Oddity, mitigations_in, oddities
from brokenseal.detections.plain_xml import XmlProblem
from brokenseal.detections.web_folders import is_script, web_folder_of
from brokenseal.errors import UsageError
from brokenseal.events.web_file import Judged, Row
from brokenseal.version import __version__

if TYPE_CHECKING:
    from brokenseal.detections.web_content import ContentReport, WebContent

#: What a configuration file is called; all others with ``.config`` are templates or of programs.
_CONFIGURATIONS = ("web.config", "applicationhost.config", "administration.config")
#: Extensions that logs and listings have: such a file among pages may be one.
_OF_LOGS = frozenset(["log", "txt", "csv", "json", "jsonl", "ndjson", "evtx", "xml", "bak", "old", "gz", "tmp", "dat"])
_WEIGHTS = (NOTE, ODD, GRAVE)
#: Letters kept of one sentence and of all sentences on a file: its bytes are an attacker's.
_SENTENCE, _SENTENCES = 500, 8000
#: Configuration files beyond this many bytes are judged as text only.
_CONFIGURATION_BYTES = 8 << 20


class WebFileJudge:
    """The judge of a scan. ``yara``: folders of YARA rules besides our own. Raises UsageError where one does not exist."""

    def __init__(self, yara: Sequence[Path] = ()) -> None:
        for folder in yara:
            if not folder.exists():
                raise UsageError(f"there are no YARA rules at {folder}")
        self._yara = tuple(yara)
        self._made: WebContent | None = None
        self._making = threading.Lock()
        self.fingerprint = _fingerprint(yara)

    @property
    def _content(self) -> WebContent:
        # Compiling the rules takes longer than reading many a log, and most evidence has no such file.
        with self._making:
            if self._made is None:
                from brokenseal.detections.web_content import WebContent  # loading it takes as long as a short scan

                self._made = WebContent(self._yara)
            return self._made

    @property
    def problems(self) -> tuple[str, ...]:
        """The user's YARA rules that do not run, one sentence each."""
        return self._content.problems if self._yara else ()

    def insists(self, windows_path: str) -> bool:
        return _judged(windows_path) == "always"

    def wants(self, windows_path: str) -> bool:
        return _judged(windows_path) != "never"

    def judge(self, windows_path: str, data: bytes, size: int, tail: bytes = b"") -> Judged:
        if page_of_name(windows_path) is not None and (record := _compiled(windows_path, data)) is not None:
            return Judged({1: record})
        report = self._content.judge(windows_path, data, size=size, tail=tail)
        rows: dict[int, dict[str, str | int | None]] = {1: dict(_content_row(report))}
        notes = list(report.notes)
        if _name(windows_path) in _CONFIGURATIONS and len(data) <= _CONFIGURATION_BYTES:
            configuration = read_configuration(data, windows_path)
            if configuration.problem is not None and data.strip(b" \t\r\n\0"):
                notes.append(f"cannot be read as a configuration file: {configuration.problem}")
            rows[1]["folders"] = _folders(configuration)
            for line, found in _by_line(configuration).items():
                rows.setdefault(line, {"language": report.language})
                rows[line] |= {
                    "oddity": "\n".join(sorted({each.kind for each in found})),
                    "oddity_weight": max((each.weight for each in found), key=_WEIGHTS.index),
                    "oddity_text": _bounded([each.sentence for each in found]),
                }
        return Judged(rows, notes)


@lru_cache(maxsize=1 << 14)
def _judged(path: str) -> str:
    """Whether a file at *path* is judged: always, unless_log or never."""
    name = _name(path)
    if is_script(path) or name in _CONFIGURATIONS:
        return "always"
    placed = web_folder_of(path)
    if placed is None or placed.folder.holds == "other":
        return "never"
    if placed.folder.holds == "compiled":
        return "always" if page_of_name(path) is not None else "never"
    if placed.folder.holds == "server":
        return "always" if name.endswith((".dll", ".exe", ".config")) else "never"
    return "unless_log" if "." not in name or name.rpartition(".")[2] in _OF_LOGS else "always"


def _content_row(report: ContentReport) -> Row:
    said = [feature.sentence for feature in report.features]
    said += [f"YARA rule {match.rule}: {match.description or 'no description'}" for match in report.yara]
    return {
        "language": report.language,
        "score": report.score,
        "content": report.kind,
        "suspicious": "true" if report.suspicious else None,
        "yara": "\n".join(match.rule for match in report.yara) or None,
        "features": "\n".join(dict.fromkeys(feature.name for feature in report.features)) or None,
        "why": _bounded(said) or None,
    }


def _compiled(path: str, data: bytes) -> Row | None:
    try:
        page = read_compiled(data, path)
    except XmlProblem:
        return None
    return {"language": "other", "page": page.virtual_path[:2000], "score": 0}


def _by_line(configuration: Configuration) -> dict[int, list[Oddity]]:
    lines: dict[int, list[Oddity]] = {}
    for each in oddities(configuration):
        lines.setdefault(max(each.line, 1), []).append(each)
    for found in mitigations_in(configuration):
        state = "in force" if found.active else "switched off"
        sentence = f"the rule '{found.rule}' is Microsoft's mitigation of {found.cve}, {state}"
        known = Oddity(f"mitigation of {found.cve}", NOTE, sentence, found.line, found.location)
        lines.setdefault(max(found.line, 1), []).append(known)
    return lines


def _folders(configuration: Configuration) -> str | None:
    named = [[each.site, each.url or "/", each.path] for each in configuration.web_folders() if each.path]
    return json.dumps(named) if named else None


def _bounded(sentences: Sequence[str]) -> str:
    return "\n".join(sentence.replace("\n", " ")[:_SENTENCE] for sentence in sentences)[:_SENTENCES]


def _name(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2].lower()


def _fingerprint(yara: Sequence[Path]) -> str:
    """Changes with this version, with what it knows of web files, and with the user's rules."""
    digest = hashlib.sha256(__version__.encode())
    content = Path(str(files("brokenseal") / "content"))
    for folder in (content / "webshells", content / "webfolders", *yara):
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(f"\0{path.name}\0".encode("utf-8", "surrogateescape") + path.read_bytes())
    return digest.hexdigest()[:16]
