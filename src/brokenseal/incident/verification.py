"""Is a case still what it was: its evidence, its document, and the document computed anew from the evidence.

Nothing is written: neither to the case nor to the evidence. The new computation works in a temporary case.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

from brokenseal import __version__
from brokenseal.errors import BrokensealError, CaseError, EvidenceError
from brokenseal.events import Progress, default_jobs
from brokenseal.events.case import LAYOUT
from brokenseal.events.sources import Source
from brokenseal.evidence import EvidenceFile, collect
from brokenseal.incident.custody import Custody, arguments_of, content_hash, custody
from brokenseal.incident.kept_results import Json, KeptResult, latest_result

_PIECE = 1 << 20


class State(StrEnum):
    """How something compares with what the case recorded."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    NEW = "new"
    UNREADABLE = "unreadable"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file of the evidence. ``sha256`` and ``size`` are those that the case recorded (of a new file: null)."""

    name: str
    state: State
    sha256: str | None
    size: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """``document_sha256`` is that of the kept document's bytes, null when it or the kept matches are not what the scan
    wrote; ``matches_sha256`` is that of the matches, null also where an older version kept none."""

    files: tuple[FileCheck, ...]
    document_sha256: str | None
    matches_sha256: str | None
    verdict: str | None
    recomputed: State
    recomputed_detail: str
    custody: Custody

    def count(self, state: State) -> int:
        return sum(check.state is state for check in self.files)

    @property
    def differs(self) -> bool:
        files = any(self.count(state) for state in (State.CHANGED, State.GONE, State.NEW))
        recomputed = self.recomputed is State.CHANGED
        return files or recomputed or self.document_sha256 is None or bool(self.custody.problems)

    @property
    def unread(self) -> bool:
        return bool(self.count(State.UNREADABLE))


def verify(
    case: Path, evidence: Sequence[Path] = (), *, recompute: bool = True, progress: Progress | None = None
) -> Verification:
    """Compare the case directory *case* with its evidence, or with *evidence* if it was moved (found by its names).

    Raises ``CaseError`` when *case* is no case, ``EvidenceNotFound`` for a path in *evidence* that does not exist.
    """
    sources = recorded_sources(case)
    chain = custody(case)
    kept = latest_result(case)
    files = tuple(_files(sources, _inventory(sources, chain, evidence), moved=bool(evidence)))
    if not recompute:
        state, detail = State.NOT_DONE, "only the hashes were asked for"
    elif kept is None:
        state, detail = State.NOT_DONE, "there is no document to compare with"
    elif any(check.state is not State.SAME for check in files):
        state, detail = State.NOT_DONE, "the evidence is not what it was"
    else:
        state, detail = _recomputed(chain, evidence, kept, progress)
    if kept is None:
        return Verification(files, None, None, None, state, detail, chain)
    verdict = str(kept.document["verdict"])
    return Verification(files, kept.document_sha256, kept.matches_sha256, verdict, state, detail, chain)


def recorded_sources(case: Path) -> list[Source]:
    """What the case's journal says of each file, by name. Only reads, unlike an open ``Case``."""
    try:
        layout = json.loads((case / "case.json").read_bytes())["layout"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{case} is no brokenseal case") from error
    if layout != LAYOUT:
        raise CaseError(f"{case} was made by another version of brokenseal (layout {layout})")
    try:
        lines = (case / "journal.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise CaseError(f"cannot read the journal of {case}: {error.strerror}") from error
    found: dict[str, Source] = {}
    for number, line in enumerate(lines, start=1):
        try:
            sources = [Source.from_json(record) for record in json.loads(line)["sources"]]
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise CaseError(f"line {number} of the journal of {case} is damaged") from error
        found.update((source.location, source) for source in sources)
    return sorted(found.values(), key=lambda source: (source.name, source.location))


def _inventory(sources: Sequence[Source], chain: Custody, evidence: Sequence[Path]) -> tuple[EvidenceFile, ...]:
    if evidence:
        return collect(evidence).files
    roots: dict[Path, None] = {}
    for entry in chain.entries:
        roots.update(dict.fromkeys(cast("list[Path]", arguments_of(entry)["evidence"])))
    if not roots:
        roots = dict.fromkeys(Path(source.location.partition("!/")[0]) for source in sources)
    there = [root for root in roots if root.exists()]
    return collect(there).files if there else ()


def _files(sources: Sequence[Source], given: Sequence[EvidenceFile], *, moved: bool) -> Iterator[FileCheck]:
    pairs = _found_again(sources, given, moved=moved)
    with ThreadPoolExecutor(max_workers=default_jobs()) as pool:
        yield from pool.map(lambda pair: _compare(*pair), pairs)
    known = {file.location for _, file in pairs if file is not None}
    for file in given:
        if file.location not in known:
            yield FileCheck(file.name, State.NEW, None, None, "the case does not know it")


def _found_again(
    sources: Sequence[Source], given: Sequence[EvidenceFile], *, moved: bool
) -> list[tuple[Source, EvidenceFile | None]]:
    by_location = {file.location: file for file in given}
    if not moved:
        return [(source, by_location.get(source.location)) for source in sources]
    by_name = {file.name: file for file in given}
    by_tail: dict[str, list[EvidenceFile]] = {}
    for file in given:
        by_tail.setdefault(_tail(file.name)[0], []).append(file)
    pairs: list[tuple[Source, EvidenceFile | None]] = []
    taken: set[str] = set()
    for source in sources:
        candidates = [file for file in by_tail.get(_tail(source.name)[0], []) if file.location not in taken]
        best = max(candidates, key=lambda file: _alike(file.name, source.name), default=None)
        again = by_name.get(source.name) or best
        if again is not None:
            taken.add(again.location)
        pairs.append((source, again))
    return pairs


def _tail(name: str) -> list[str]:
    return list(reversed(name.replace("!/", "/").split("/")))


def _alike(first: str, second: str) -> int:
    """How many parts at the end of two names are equal."""
    count = 0
    for one, other in zip(_tail(first), _tail(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _compare(source: Source, file: EvidenceFile | None) -> FileCheck:
    recorded = (source.name, source.sha256 or None, source.size)
    if file is None:
        return FileCheck(recorded[0], State.GONE, *recorded[1:])
    sha256, damage = _hash(file)
    if damage is not None and (source.damage is None or not source.sha256):
        return FileCheck(recorded[0], State.UNREADABLE, *recorded[1:], damage)
    if sha256 != source.sha256:
        return FileCheck(recorded[0], State.CHANGED, *recorded[1:], f"its SHA-256 is now {sha256}")
    return FileCheck(recorded[0], State.SAME, *recorded[1:], "damaged, as it was" if damage else "")


def _hash(file: EvidenceFile) -> tuple[str, str | None]:
    """SHA-256 of what can be read, and what ended the reading."""
    digest = hashlib.sha256()
    try:
        with file.open() as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except EvidenceError as error:
        return digest.hexdigest(), error.reason
    except OSError as error:
        return digest.hexdigest(), f"cannot be read: {error.strerror or type(error).__name__}"
    return digest.hexdigest(), None


def _recomputed(
    chain: Custody, evidence: Sequence[Path], kept: KeptResult, progress: Progress | None
) -> tuple[State, str]:
    from brokenseal.incident.scan import scan

    if not chain.entries:
        return State.NOT_DONE, "the case does not say how it was scanned (an older version made it)"
    try:
        steps = list(_steps(chain, evidence))
        unknown = {name for arguments in steps for name in arguments} - set(inspect.signature(scan).parameters)
        if unknown:
            return State.NOT_DONE, f"this version does not know what the scan was told: {', '.join(sorted(unknown))}"
        with tempfile.TemporaryDirectory(prefix="brokenseal-verify-", ignore_cleanup_errors=True) as folder:
            for arguments in steps:
                scan(**arguments, case=Path(folder) / "case", progress=progress)  # type: ignore[arg-type]
            again = latest_result(Path(folder) / "case")
    except BrokensealError as error:
        return State.NOT_DONE, str(error)
    if again is None or again.document_sha256 != kept.document_sha256:
        return State.CHANGED, _why(chain)
    if kept.matches_sha256 not in (None, again.matches_sha256):
        return State.CHANGED, f"the document is the same, the file of all matches is not; {_why(chain)}"
    return State.SAME, ""


def _steps(chain: Custody, evidence: Sequence[Path]) -> Iterator[Mapping[str, object]]:
    """The scans that made the case, without those that a later one of the same files has replaced."""
    read: set[str] = set()
    steps: list[dict[str, object]] = []
    for entry in reversed(chain.entries):
        given = cast("Json", entry["arguments"])
        key = json.dumps([given[name] for name in ("evidence", "hosts", "iis_timezone", "yara")], sort_keys=True)
        if key not in read:
            read.add(key)
            steps.append(arguments_of(entry))
    if evidence:
        if len(steps) > 1 or len(evidence) != len(cast("list[Path]", steps[0]["evidence"])):
            raise BrokensealError("the evidence given is not made of as many parts as that of the scan")
        _move(steps[0], [path.absolute() for path in evidence])
    yield from reversed(steps)


def _move(arguments: dict[str, object], evidence: list[Path]) -> None:
    before = cast("list[Path]", arguments["evidence"])
    hosts = cast("dict[str, list[Path]]", arguments["hosts"])
    places = sorted(zip(before, evidence, strict=True), key=lambda pair: -len(pair[0].parts))

    def moved(path: Path) -> Path:
        for old, new in places:
            if path.is_relative_to(old):
                return new / path.relative_to(old) if path != old else new
        return path

    arguments["evidence"] = evidence
    arguments["hosts"] = {host: [moved(path) for path in paths] for host, paths in hosts.items()}


def _why(chain: Custody) -> str:
    last = chain.entries[-1]
    if last["version"] != __version__:
        return f"the case was made by version {last['version']}, this is {__version__}"
    arguments = arguments_of(last)
    rules = [*cast("list[Path]", arguments["rules"]), *cast("list[Path]", arguments["yara"])]
    if rules and content_hash(rules) != last["own_rules_sha256"]:
        return "the rules given with --rules or --yara were changed since"
    places = arguments.get("geoip")
    if isinstance(places, Path) and content_hash([places]) != last.get("geoip_sha256"):
        return "the database given with --geoip was changed since"
    return "the result is another one"
