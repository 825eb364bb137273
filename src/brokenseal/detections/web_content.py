"""What a file of a web folder is: an ordinary page, or a web shell, and what speaks for it.

``WebContent(folders).judge(path, data)`` is a pure function of path and bytes. YARA rules see a file's first 64 MiB and its
last MiB; features look at the server code of its first 8 MiB, of its end, and where marks of code stand behind. A file is
suspicious when the weights of its features reach ``THRESHOLD``, or when a rule says so with a score of its own of at least
``RULE_THRESHOLD``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from brokenseal.detections.web_decoding import decode_text, part_for_features
from brokenseal.detections.web_features import Feature, code_features
from brokenseal.detections.web_gate import Gate
from brokenseal.detections.web_language import (
    FAMILY_OF,
    Page,
    extension_of,
    language_by_content,
    language_by_name,
    take_apart,
)
from brokenseal.detections.web_layout import appended_features, hiding_features, layout_features
from brokenseal.detections.web_model import Model, stored_model
from brokenseal.detections.web_pieces import ALL_CODE, NET, RAZOR
from brokenseal.detections.web_plain_page import is_plain, rough_code
from brokenseal.detections.web_program import program_features
from brokenseal.detections.web_view import CodeView
from brokenseal.detections.yara_rules import YaraMatch, YaraRules

#: Weights that together make a file suspicious.
THRESHOLD = 50
#: A YARA rule's own score from which its match alone makes a file suspicious.
RULE_THRESHOLD = 60
#: Bytes that YARA rules see; give ``judge`` no more.
YARA_LIMIT = 64 << 20
#: Bytes of the end of a longer file that are looked at too: a page can be padded.
TAIL = 1 << 20
#: Code in a file that the server does not run counts for less: it may be a manual or a sample.
_UNSERVED = 0.6

#: Letters of server code that features look at: reading code costs far more than the YARA rules, which see all of it.
CODE_LIMIT = 768 << 10
_MOST_LINES = 50_000

#: What a file looks like, by the kind of its features.
KINDS = {
    "eval": "code from a request is evaluated",
    "load": "a library from a request is loaded",
    "process": "process started from a request",
    "deserialise": "objects are made out of request data",
    "upload": "file upload",
    "files": "file manager",
    "tunnel": "tunnel",
    "database": "database access from a request",
    "keys": "machine keys are read",
    "drop": "writes another page",
    "credentials": "passwords are kept or sent",
    "oab": "OAB settings with script",
    "appended": "code appended to a Microsoft page",
    "module": "unsigned web server module with the abilities of a web shell",
    "mailer": "mass mailer",
    "hidden": "hidden code",
    "shell": "web shell",
    "gate": "page that answers only who knows a secret",
}
#: Kinds that say more than any ability.
_FIRST = ("oab", "appended")
#: Kinds that say what a file does not do but how: named only when there is nothing else.
_LAST = frozenset({"hidden", "shell", "gate"})
ORDINARY = "nothing unusual"


@dataclass(frozen=True, slots=True)
class ContentReport:
    """What was found in one file.

    ``language``: aspx, ashx, asmx, asp, php, jsp, config or other. ``score``: 0-100. ``kind``: what it looks like, a value
    of ``KINDS`` or ``ORDINARY``. ``notes``: what was not looked at.
    """

    language: str
    yara: tuple[YaraMatch, ...]
    features: tuple[Feature, ...]
    score: int
    kind: str
    suspicious: bool
    notes: tuple[str, ...]


class WebContent:
    """Judges files of web folders. ``yara_folders``: folders (or files) of rules besides our own.

    ``problems``: rules that do not compile, one sentence each. Threads may share one object.
    """

    def __init__(self, yara_folders: Sequence[Path] = (), *, model: Model | None = None) -> None:
        self.rules = YaraRules(yara_folders)
        self.model = model or stored_model()
        self._gate = Gate()

    @property
    def problems(self) -> tuple[str, ...]:
        return self.rules.problems

    def judge(
        self, windows_path: str, data: bytes, *, size: int | None = None, tail: bytes = b"", owner: str = ""
    ) -> ContentReport:
        """Judge *data*, the file at *windows_path*.

        ``size``: bytes of the whole file where *data* is only its beginning; ``tail``: then its last bytes, at most
        ``TAIL`` of them count. ``owner``: account that owns the file, for rules that ask for it.
        """
        notes: list[str] = []
        whole = len(data) if size is None else size
        if len(data) > YARA_LIMIT:
            tail = tail or data[max(YARA_LIMIT, len(data) - TAIL) :]
            data = data[:YARA_LIMIT]
        tail = tail[-TAIL:]
        if whole > len(data) + len(tail):
            last = f" and the last {len(tail):,}" if tail else ""
            notes.append(f"only the first {len(data):,}{last} of {whole:,} bytes were looked at")
        matches, marked = self._by_rules(windows_path, data, tail, whole, owner, notes)
        language = language_by_name(windows_path)
        features: list[Feature] = []
        served = language in FAMILY_OF or language == "config"
        if data[:2] == b"MZ":
            features = program_features(data, self.model.program_words)
            served = True
        elif served or marked:
            telling, left_out = part_for_features(data, tail)
            if left_out:
                notes.append(
                    f"features looked at {len(telling):,} of {whole:,} bytes: the first, the last, and at marks of code"
                )
            language, served, features = self._features(windows_path, telling, notes)
        points = sum(feature.weight for feature in features) * (1.0 if served else _UNSERVED)
        by_rule = max((match.score for match in matches), default=0)
        suspicious = points >= THRESHOLD or by_rule >= RULE_THRESHOLD
        return ContentReport(
            language=language,
            yara=tuple(matches),
            features=tuple(sorted(features, key=lambda feature: (-feature.weight, feature.name, feature.sentence))),
            score=min(100, max(round(points), by_rule)),
            kind=_kind(features, matches) if suspicious else ORDINARY,
            suspicious=suspicious,
            notes=tuple(notes),
        )

    def _by_rules(
        self, path: str, data: bytes, tail: bytes, whole: int, owner: str, notes: list[str]
    ) -> tuple[list[YaraMatch], bool]:
        """The rules that are true, and whether there is a mark of server code."""
        scan = self.rules.scan(path, data, file_type=_file_type(data), owner=owner)
        matches, marked, note = scan.matches, scan.marked, scan.note
        if tail:
            # A rule's filesize is then that of the tail: padding does not take a page out of a rule's reach.
            end = self.rules.scan(path, tail, file_type=_file_type(data), owner=owner)
            known = {(match.namespace, match.rule) for match in matches}
            new = [match for match in end.matches if (match.namespace, match.rule) not in known]
            matches += [match.moved(whole - len(tail)) for match in new]
            marked, note = marked or end.marked, note or end.note
        if note:
            notes.append(note)
        return matches, marked

    def _features(self, path: str, data: bytes, notes: list[str]) -> tuple[str, bool, list[Feature]]:
        """(language, whether the server runs it, features) of a page."""
        language = language_by_name(path)
        family = FAMILY_OF.get(language)
        if language != "config" and not self._gate.opens(family, extension_of(path), data):
            return language, family is not None, []
        decoded = decode_text(data)
        inside = language_by_content(decoded.text) if family is None else language
        if FAMILY_OF.get(inside) == NET and decoded.odd is None and self._is_plain(extension_of(path), decoded.text):
            return inside, family is not None, []
        page = take_apart(path, decoded.text)
        if (length := len(page.code)) > CODE_LIMIT:
            page = replace(page, code=_ends_of(page.code))
            notes.append(f"features looked at {CODE_LIMIT:,} of {length:,} letters of server code (first and last)")
        served = page.served or page.language == "config"
        return page.language, served, layout_features(page, decoded) + self._code(page)

    def _is_plain(self, extension: str, text: str) -> bool:
        return (
            extension not in ALL_CODE
            and extension not in RAZOR
            and text.isascii()
            and is_plain(text)
            and not self._gate.opens_code(rough_code(text), text)
        )

    def _code(self, page: Page) -> list[Feature]:
        if page.family is None and page.language != "config":
            return []
        if page.family is not None and not page.regions:
            return []
        if page.family == NET and not self._gate.opens_code(page.code, page.text):
            return []
        view = CodeView(page, self.model)
        features = code_features(view)
        features += appended_features(page, max((feature.weight for feature in features), default=0))
        if page.family is not None:
            features += hiding_features(view)
        return features


def _ends_of(code: str) -> str:
    """The beginning and the end of *code*, with the line numbers of the file."""
    cut, end = CODE_LIMIT * 2 // 3, len(code) - CODE_LIMIT // 3
    return code[:cut] + "\n" * min(code.count("\n", cut, end), _MOST_LINES) + " ; " + code[end:]


def _kind(features: Iterable[Feature], matches: Iterable[YaraMatch]) -> str:
    sums: dict[str, int] = defaultdict(int)
    for feature in features:
        sums[feature.kind] += feature.weight
    for match in matches:
        if match.own and match.kind in KINDS:
            sums[match.kind] += match.score
    for kind in _FIRST:
        if sums[kind] >= 30:
            return KINDS[kind]
    telling = {kind: weight for kind, weight in sums.items() if kind not in _LAST and weight >= 10} or sums
    if not any(telling.values()):
        return KINDS["shell"]
    return KINDS[max(telling, key=lambda kind: (telling[kind], kind))]


def _file_type(data: bytes) -> str:
    """What public rules call the type of a file, for the few that they ask for."""
    for start, name in (
        (b"MZ", "EXE"),
        (b"PK\x03\x04", "ZIP"),
        (b"%PDF", "PDF"),
        (b"GIF8", "GIF"),
        (b"\xff\xd8\xff", "JPEG"),
    ):
        if data.startswith(start):
            return name
    return ""
