"""Where a collected file was on its server, and which files come from the same machine.

Machines are only kept together when the layout shows it. A file of an unknown layout shares its machine with the files
of its own folder alone: a wrong merge would give one server's lines to another, a missed one only leaves them unnamed.

References: KAPE copies a drive to ``<destination>/C/…``; Velociraptor to ``uploads/<accessor>/<volume>/…``; Exchange
logs below ``<install folder>/V15/Logging``, IIS below ``inetpub/logs/LogFiles/W3SVC<site id>`` unless moved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

_DRIVE = re.compile(r"(?:\\\\[.?]\\)?([A-Za-z])[:$]\\?")
_VOLUME = re.compile(
    r"\\\\[.?]\\(?:GLOBALROOT\\Device\\)?(?:HarddiskVolume(?:ShadowCopy)?\d+|Volume\{[0-9a-f-]+\})\\?|\[root\]",
    re.IGNORECASE,
)
# A and B are no disks of a server but likely names of folders.
_BARE_LETTER = re.compile(r"[C-Zc-z]")
_SITE_FOLDER = re.compile(r"w3svc\d+")
_SHADOW_COPY = re.compile(r"vss\d+")
_ACCESSORS = frozenset(("auto", "file", "ntfs", "lazy_ntfs", "ntfs_vss", "mft"))
_ROOT_FOLDERS = frozenset(("inetpub", "program files", "program files (x86)", "windows", "users", "programdata"))
_IN_VERSION_FOLDER = frozenset(("logging", "transportroles", "frontend", "clientaccess", "bin"))
_PROTOCOL_FOLDERS = frozenset(
    ("autodiscover", "eas", "ecp", "ews", "mapi", "oab", "owa", "owacalendar", "powershell", "rest", "rpchttp")
)
_LOG_FOLDERS = _PROTOCOL_FOLDERS | {
    "cmdletinfra",
    "httpproxy",
    "mapihttp",
    "messagetracking",
    "oabgeneratorlog",
    "oabgeneratorsimplelog",
}
_FOLDERS_IN_LOG_FOLDERS = frozenset(("cmdlet", "http", "localpowershell", "mailbox", "powershell-proxy", "server"))
_LOG_COLLECTIONS = frozenset(
    ("logging", "logs", "logfiles", "iis", "iislogs", "iis logs", "iis_logs", "evtx", "eventlogs", "event logs")
)
_ENCLOSING = frozenset(("microsoft", "exchange", "exchangeserver", "exchange server", "exchsrvr", "v14", "v15"))


class ServerPath(NamedTuple):
    """``windows_path``: with '/' and, where known, its drive; ``machine``: a beginning of the file's printed name."""

    windows_path: str
    machine: str


@dataclass(frozen=True, slots=True)
class _Folder:
    machine: str
    on_server: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One folder of a path; ``start`` and ``end`` are its places in the joined path."""

    text: str
    lower: str
    start: int
    end: int


def server_path(segments: Sequence[str]) -> ServerPath:
    """What the printed segments of a name (path on disk, then one path per archive) say about the server.

    Without any recognised folder, ``windows_path`` is the whole name and ``machine`` the folder or archive it lies in
    ('' for a file at the top).
    """
    folder_in_last, _, file_name = segments[-1].rpartition("/")
    folder = _folder((*segments[:-1], folder_in_last))
    if folder.on_server is None:
        return ServerPath("!/".join(segments), folder.machine)
    return ServerPath(f"{folder.on_server}/{file_name}" if folder.on_server else file_name, folder.machine)


@lru_cache(maxsize=4096)
def _folder(segments: tuple[str, ...]) -> _Folder:
    whole = "!/".join(segments).rstrip("/")
    parts_of_segments = _parts(segments)
    # An archive of a whole disk says more about its members than the folder it happens to lie in.
    for parts in reversed(parts_of_segments):
        found = _from_volume(whole, parts) or _from_root_folder(whole, parts)
        if found is not None:
            return found
    for parts in parts_of_segments:
        found = _from_log_folders(whole, parts)
        if found is not None:
            return found
    parts = parts_of_segments[-1]
    return _Folder(_before(whole, parts, _first_of_last_log_folders(parts)), None)


def _first_of_last_log_folders(parts: list[_Part]) -> int:
    """The index from which on all folders are named for logs ('EX01/HttpProxy/Ecp': 1), else their number."""
    first = at = len(parts)
    while at and parts[at - 1].lower in _LOG_FOLDERS | _LOG_COLLECTIONS | _FOLDERS_IN_LOG_FOLDERS:
        at -= 1
        if parts[at].lower not in _FOLDERS_IN_LOG_FOLDERS:
            first = at
    return first


def _parts(segments: tuple[str, ...]) -> list[list[_Part]]:
    result: list[list[_Part]] = []
    start = 0
    for segment in segments:
        parts: list[_Part] = []
        for text in segment.split("/"):
            if text:
                parts.append(_Part(text, text.lower(), start, start + len(text)))
            start += len(text) + 1
        # The separator after an archive's name is '!/', one longer than the '/' already counted.
        start += 1
        result.append(parts)
    return result


def _from_volume(whole: str, parts: list[_Part]) -> _Folder | None:
    for at, part in enumerate(parts):
        # Names that kept the collector's encoding, because decoding made two of them equal, still say their drive.
        text = unquote(part.text)
        drive = _DRIVE.fullmatch(text)
        if drive is not None:
            return _on_volume(whole, parts, at, drive[1])
        if _VOLUME.fullmatch(text):
            return _on_volume(whole, parts, at, None)
    return None


def _from_root_folder(whole: str, parts: list[_Part]) -> _Folder | None:
    at = next((at for at, part in enumerate(parts) if part.lower in _ROOT_FOLDERS), None)
    if at is None:
        return None
    if at and _BARE_LETTER.fullmatch(parts[at - 1].text):
        return _on_volume(whole, parts, at - 1, parts[at - 1].text)
    return _Folder(_before(whole, parts, _without_collector(parts, at)), whole[parts[at].start :])


def _from_log_folders(whole: str, parts: list[_Part]) -> _Folder | None:
    at = next((at for at in range(len(parts)) if _starts_log_folders(parts, at)), None)
    if at is None:
        return None
    letters = [before for before in range(at) if _BARE_LETTER.fullmatch(parts[before].text)]
    if letters:
        return _on_volume(whole, parts, letters[-1], parts[letters[-1]].text)
    while at and parts[at - 1].lower in _ENCLOSING | _LOG_COLLECTIONS:
        at -= 1
    return _Folder(_before(whole, parts, _without_collector(parts, at)), whole[parts[at].start :])


def _starts_log_folders(parts: list[_Part], at: int) -> bool:
    this = parts[at].lower
    following = parts[at + 1].lower if at + 1 < len(parts) else ""
    return (
        this in ("exchange server", "transportroles")
        or (this in ("v14", "v15") and following in _IN_VERSION_FOLDER)
        or (this == "logging" and following in _LOG_FOLDERS)
        or _SITE_FOLDER.fullmatch(this) is not None
    )


def _on_volume(whole: str, parts: list[_Part], at: int, letter: str | None) -> _Folder:
    below = whole[parts[at].end + 1 :]
    if letter is None:
        # Disk imaging tools export 'C/[root]/…'.
        drive = at and _BARE_LETTER.fullmatch(parts[at - 1].text)
        if not drive:
            return _Folder(_before(whole, parts, _without_collector(parts, at)), below)
        at, letter = at - 1, parts[at - 1].text
    on_server = f"{letter.upper()}:/{below}" if below else f"{letter.upper()}:"
    return _Folder(_before(whole, parts, _without_collector(parts, at)), on_server)


def _without_collector(parts: list[_Part], at: int) -> int:
    """The index of the first of the folders before ``at`` that a collector put in between machine and volume."""
    if at and _SHADOW_COPY.fullmatch(parts[at - 1].lower):
        at -= 1
    if at and parts[at - 1].lower in _ACCESSORS and (at == 1 or parts[at - 2].lower == "uploads"):
        at -= 1
    if at and parts[at - 1].lower == "uploads":
        at -= 1
    return at


def _before(whole: str, parts: list[_Part], at: int) -> str:
    return whole[: parts[at].start].rstrip("/") if at < len(parts) else whole
