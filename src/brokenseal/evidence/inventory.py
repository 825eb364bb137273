"""The list of everything that was given: what can be read, and what is refused and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, cast

from brokenseal.errors import EvidenceNotFound, UsageError
from brokenseal.evidence.archive_limits import DEFAULT_LIMITS, ArchiveLimits
from brokenseal.evidence.collected_names import distinct_names, joined, printable
from brokenseal.evidence.folders import RegularFile, is_inside, special_file_sentence, walk
from brokenseal.evidence.forward_access import ForwardAccess
from brokenseal.evidence.found import Found, Refused, look_into
from brokenseal.evidence.modified import Modified
from brokenseal.evidence.opening import open_content
from brokenseal.evidence.roots import Root, resolve_roots
from brokenseal.evidence.server_paths import server_path
from brokenseal.evidence.sources import FileSource, Source


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One readable piece of evidence; a plain value that can be sent to another process.

    ``name``: what is printed and recorded, unique in its inventory: the path below the given input with '/', decoded
    where the collector encoded it; 'collected.zip!/inner/path.log' for a member; the base name for a file given alone.
    With several inputs the name starts with the input's own name, so that EX01 and EX02 given side by side stay apart.
    ``windows_path``: best knowledge of the path on the server ('C:/inetpub/…'), else ``name``.
    ``machine``: the beginning of ``name`` up to the drive or known folder. Files with one ``machine`` come from one
    machine; the reverse need not hold.
    ``host_given``: the host that ``hosts`` names for it. ``size``: bytes of content, -1 if unknown (gzip).
    ``fingerprint``: changes when the file does; made of sizes, modification time and, in archives, checksums.
    ``location``: unique key of where it is; not for printing.
    ``source``: how it is opened; None means the file at ``location``. ``modified``: when the copy says that it was changed
    last.
    """

    name: str
    windows_path: str
    machine: str
    host_given: str | None
    size: int
    fingerprint: str
    location: str
    source: Source | None = field(default=None, repr=False, compare=False)
    modified: Modified | None = field(default=None, compare=False)

    def open(self) -> BinaryIO:
        """Uncompressed bytes from the start, read-only and without seeking; see ``content.ContentStream``.

        Raises ``EvidenceError`` when it cannot be opened, and on reading at the point of damage.
        """
        source = self.source if self.source is not None else FileSource(self.location)
        # ContentStream has all of BinaryIO's methods through io.BufferedIOBase, which is no subclass of it.
        return cast(BinaryIO, open_content(source, self.name))

    @property
    def compressed(self) -> bool:
        """Whether a place in it is reached only by reading all that lies before."""
        return self.source is not None and not isinstance(self.source, FileSource)

    def places(self) -> ForwardAccess:
        """The same bytes from any offsets on, in ascending order; a plain file is sought in. Raises ``EvidenceError``."""
        return ForwardAccess(self.source if self.source is not None else FileSource(self.location), self.name)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something given that is not read. ``nothing_lost``: it has no content that is not read anyway (another name of a
    file that is read, an empty archive), so a run with nothing else to report was complete.
    """

    name: str
    reason: str
    nothing_lost: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """``files`` sorted by (name, location), ``refusals`` by (name, reason), ``roots`` absolute with links resolved."""

    files: tuple[EvidenceFile, ...]
    refusals: tuple[Refusal, ...]
    roots: tuple[Path, ...]


def collect(
    inputs: Sequence[Path],
    hosts: Mapping[str, Path | Sequence[Path]] = MappingProxyType({}),
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> Inventory:
    """Lists the folders and files in ``inputs`` without reading their content, archives' tables of contents excepted.

    An input that is itself a link is followed, because the user named it; links below it never are. What several inputs
    cover is listed once. ``hosts`` gives a host's name to the files below a path (or several), the deepest path winning.

    Raises ``EvidenceNotFound`` for an input or host path that does not exist and ``UsageError`` for a host path that
    has nothing to do with the inputs or that two hosts share. Everything else that goes wrong becomes a ``Refusal``.
    """
    roots = resolve_roots(inputs)
    host_paths = _resolve_hosts(hosts, roots)
    found: list[tuple[Found, str]] = []
    refused: list[Refused] = []
    for item, path in _everything_in(roots, limits):
        if isinstance(item, Found):
            found.append((item, path))
        else:
            refused.append(item)
    found.sort(key=lambda pair: (pair[0].segments, pair[1]))
    names = distinct_names([item.segments for item, _ in found])
    locations = _locations(found)
    files = [
        _evidence_file(item, name, location, _host_of(path, host_paths))
        for (item, path), name, location in zip(found, names, locations, strict=True)
    ]
    return Inventory(
        files=tuple(sorted(files, key=lambda file: (file.name, file.location))),
        refusals=tuple(
            sorted(
                (Refusal(joined(item.segments), item.reason, item.nothing_lost) for item in refused),
                key=lambda refusal: (refusal.name, refusal.reason),
            )
        ),
        roots=tuple(Path(root.path) for root in roots),
    )


def _everything_in(roots: Sequence[Root], limits: ArchiveLimits) -> Iterator[tuple[Found | Refused, str]]:
    inside = tuple(root.path for root in roots)
    seen: dict[tuple[int, int, int, int], tuple[int, str]] = {}
    for number, root in enumerate(roots):
        for item in _files_of(root, inside):
            if isinstance(item, Refused):
                yield item, root.path
                continue
            status = item.status
            # Only a hard link or another input can be the same file again; some file systems number files falsely.
            if status.st_ino and (status.st_nlink > 1 or len(roots) > 1):
                identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                first = seen.setdefault(identity, (number, item.relative))
                if first != (number, item.relative) and (status.st_nlink > 1 or first[0] != number):
                    reason = f"is the same file as {printable(first[1])}, which is read"
                    yield Refused((item.relative,), reason, nothing_lost=True), item.path
                    continue
            for content in look_into(item.path, (item.relative,), status, limits):
                yield content, item.path


def _files_of(root: Root, inside: tuple[str, ...]) -> Iterator[RegularFile | Refused]:
    if stat.S_ISDIR(root.status.st_mode):
        for item in walk(root.path, inside):
            if not root.label:
                yield item
            elif isinstance(item, RegularFile):
                yield RegularFile(item.path, f"{root.label}/{item.relative}", item.status)
            else:
                below = f"{root.label}/{item.segments[0]}".rstrip("/")
                yield Refused((below, *item.segments[1:]), item.reason, item.nothing_lost)
    elif stat.S_ISREG(root.status.st_mode):
        yield RegularFile(root.path, root.label, root.status)
    else:
        yield Refused((root.label,), special_file_sentence(root.status))


def _evidence_file(item: Found, name: tuple[str, ...], location: str, host: str | None) -> EvidenceFile:
    place = server_path(name)
    return EvidenceFile(
        name="!/".join(name),
        windows_path=place.windows_path,
        machine=place.machine,
        host_given=host,
        size=item.size,
        fingerprint=item.fingerprint,
        location=location,
        source=item.source,
        modified=item.modified,
    )


def _locations(found: Sequence[tuple[Found, str]]) -> list[str]:
    locations: list[str] = []
    taken: dict[str, int] = {}
    for item, path in found:
        location = "!/".join((path, *item.segments[1:]))
        if not _is_utf8(location):
            # Recorded as text later on; 'bytes:' keeps it apart from a path that is spelled like its escaped form.
            location = "bytes:" + location.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")
        taken[location] = taken.get(location, 0) + 1
        locations.append(location if taken[location] == 1 else f"{location}#{taken[location]}")
    return locations


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _resolve_hosts(hosts: Mapping[str, Path | Sequence[Path]], roots: Sequence[Root]) -> list[tuple[str, str]]:
    paths: dict[str, str] = {}
    pairs = [(host, path) for host, given in hosts.items() for path in ([given] if isinstance(given, Path) else given)]
    for host, given in pairs:
        try:
            path = os.path.realpath(given, strict=True)
        except (OSError, ValueError) as error:
            raise EvidenceNotFound(
                f"the path of host {printable(host)} does not exist: {printable(str(given))}"
            ) from error
        if not any(is_inside(path, root.path) or is_inside(root.path, path) for root in roots):
            raise UsageError(
                f"the path of host {printable(host)} is not in the evidence given: {printable(str(given))}"
            )
        if paths.setdefault(path, host) != host:
            raise UsageError(f"two hosts are given for one path: {printable(paths[path])} and {printable(host)}")
    return sorted(paths.items(), key=lambda pair: len(pair[0]), reverse=True)


def _host_of(path: str, host_paths: Sequence[tuple[str, str]]) -> str | None:
    return next((host for below, host in host_paths if is_inside(path, below)), None)
