"""Listings of a server's files, as administrators and responders make them: MFTECmd, ``dir``, PowerShell.

References:
    https://github.com/EricZimmerman/MFTECmd
    https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/dir
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.management/get-childitem
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from brokenseal.simulate.clock import DAY, SECOND, day_of, w3c
from brokenseal.simulate.web_files import WebFile, exact

_SECOND_STEPS = 10_000_000
_MFT_COLUMNS = (
    "EntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,ParentPath,FileName,Extension,FileSize,"
    "ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,Copied,SiFlags,NameType,Created0x10,"
    "Created0x30,LastModified0x10,LastModified0x30,LastRecordChange0x10,LastRecordChange0x30,LastAccess0x10,"
    "LastAccess0x30,UpdateSequenceNumber,LogfileSequenceNumber,SecurityId,ObjectIdFileDropper,LoggedUtilStream,"
    "ZoneIdContents,SourceFile"
)
_ROOT_ENTRY = 5
_FIRST_ENTRY = 84_210


class Listing(NamedTuple):
    """What a listing is called, and its bytes; ``rows`` are the files (and folders) that it has."""

    name: str
    data: bytes
    rows: int


Maker = Callable[[str, Sequence[WebFile]], Listing]


def master_file_table(server: str, files: Sequence[WebFile]) -> Listing:
    """MFTECmd's CSV of drive C: files, their folders, and entries of deleted files that were not used again."""
    arrived = sorted(files, key=lambda file: (_recorded(file), file.path.lower()))
    folders = _folders(file.path for file in arrived)
    born = {folder: min(_recorded(file) for file in arrived if _is_below(file, folder)) for folder in folders}
    entries = {"C:": _ROOT_ENTRY} | {folder: _FIRST_ENTRY + 3 * number for number, folder in enumerate(folders)}
    lines = [_folder_row(folder, entries, born[folder]) for folder in folders]
    first = _FIRST_ENTRY + 3 * len(folders)
    lines += [_file_row(file, first + 2 * number, entries[file.folder]) for number, file in enumerate(arrived)]
    text = "\r\n".join([_MFT_COLUMNS, *lines]) + "\r\n"
    return Listing(f"{server}-MFT.csv", b"\xef\xbb\xbf" + text.encode("utf-8"), len(lines))


def directory(server: str, files: Sequence[WebFile]) -> Listing:
    """``dir /s /a`` of the web folders, by an English command prompt whose clock is UTC."""
    present = [file for file in files if file.present]
    lines, rows = [" Volume in drive C has no label.", f" Volume Serial Number is {_serial(server)}", ""], 0
    total = 0
    inner = set(_folders(file.path for file in present))
    folders = [folder for folder in sorted(inner, key=str.lower) if any(_is_below(file, folder) for file in present)]
    for folder in folders:
        own = sorted((file for file in present if file.folder == folder), key=lambda file: file.name.lower())
        below = sorted((each for each in folders if each.rpartition("\\")[0] == folder), key=str.lower)
        newest = {each: max(file.created for file in present if _is_below(file, each)) for each in (folder, *below)}
        lines += [f" Directory of {folder}", ""]
        lines += [f"{_shown(newest[folder])}    <DIR>          {name}" for name in (".", "..")]
        lines += [f"{_shown(newest[each])}    <DIR>          {each.rpartition(chr(92))[2]}" for each in below]
        lines += [f"{_shown(file.modified)} {file.size:17,} {file.name}" for file in own]
        size = sum(file.size for file in own)
        lines += [f"{len(own):16,} File(s) {size:14,} bytes", ""]
        rows, total = rows + len(own) + len(below), total + size
    count = len(present)
    lines += ["     Total Files Listed:", f"{count:16,} File(s) {total:14,} bytes"]
    lines += [f"{rows - count:16,} Dir(s)  {81_604_378_624:,} bytes free"]
    return Listing(f"{server}-dir.txt", ("\r\n".join(lines) + "\r\n").encode("ascii"), rows)


def child_items(server: str, files: Sequence[WebFile]) -> Listing:
    """``Get-ChildItem -Recurse -Force -File | Select-Object ... | Export-Csv``, by a German PowerShell."""
    present = sorted(
        (file for file in files if file.present), key=lambda file: (file.folder.lower(), file.name.lower())
    )
    lines = [
        "#TYPE Selected.System.IO.FileInfo",
        '"FullName","Length","CreationTimeUtc","LastWriteTimeUtc","Attributes"',
    ]
    for file in present:
        cells = (file.path, str(file.size), _german(file.created), _german(file.modified))
        lines.append(",".join(f'"{cell}"' for cell in (*cells, ", ".join(file.attributes))))
    return Listing(f"{server}-web-files.csv", ("\r\n".join(lines) + "\r\n").encode("ascii"), len(present))


# The one listing that shows more than web folders.
WHOLE_VOLUME = "mft"
LISTINGS: dict[str, Maker] = {WHOLE_VOLUME: master_file_table, "dir": directory, "powershell": child_items}


def _folders(paths: Iterable[str]) -> list[str]:
    """All folders above the files, without the drive, each after the one that it lies in."""
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("\\")[:-1]
        for end in range(2, len(parts) + 1):
            found.setdefault("\\".join(parts[:end]))
    return list(found)


def _is_below(file: WebFile, folder: str) -> bool:
    return file.path.startswith(f"{folder}\\")


def _recorded(file: WebFile) -> int:
    return file.created if file.recorded is None else file.recorded


def _folder_row(folder: str, entries: dict[str, int], born: int) -> str:
    above, _, name = folder.rpartition("\\")
    time = _precise(exact(born, folder))
    times = (time, "", time, "", time, "", time, "")
    return _row(entries[folder], True, entries[above], above, name, 0, times, ("None",), is_folder=True)


def _file_row(file: WebFile, entry: int, parent: int) -> str:
    recorded = None if file.recorded is None else _precise(exact(file.recorded, file.path))
    created, modified = (_precise(file.steps(ms)) for ms in (file.created, file.modified))
    changed = created if file.changed is None else _precise(exact(file.changed, file.path))
    times: list[str] = []
    for shown in (created, modified, changed, created):
        # MFTECmd leaves a time of $FILE_NAME empty where it is that of $STANDARD_INFORMATION.
        times += [shown, recorded if recorded is not None and recorded != shown else ""]
    early = file.recorded is not None and file.steps(file.created) < exact(file.recorded, file.path)
    return _row(
        entry,
        file.present,
        parent,
        file.folder,
        file.name,
        file.size,
        times,
        file.attributes,
        early=early,
        whole=file.whole,
    )


def _row(
    entry: int,
    in_use: bool,
    parent: int,
    folder: str,
    name: str,
    size: int,
    times: Sequence[str],
    flags: Sequence[str],
    *,
    is_folder: bool = False,
    early: bool = False,
    whole: bool = False,
) -> str:
    number = zlib.crc32(f"{folder}\\{name}".lower().encode())
    extension = "" if is_folder or "." not in name else "." + name.rpartition(".")[2]
    cells = (
        entry,
        # A deleted file's entry has the number that its next use will have.
        2 + number % 6 + (not in_use),
        in_use,
        parent,
        1 if parent == _ROOT_ENTRY else 2,
        folder.replace("C:", ".", 1),
        name,
        extension,
        size,
        1,
        "",
        is_folder,
        False,
        False,
        early,
        whole,
        False,
        "|".join(flags),
        "Windows",
        *times,
        number % 900_000_000,
        number % 5_000_000_000 + 8_000_000_000,
        2_100 + number % 40,
        *("", "", ""),
        "C:\\$MFT",
    )
    return ",".join(str(cell) for cell in cells)


def _precise(steps: int) -> str:
    """``2021-02-28 12:01:06.1234567``."""
    seconds, rest = divmod(steps, _SECOND_STEPS)
    return f"{w3c(seconds * SECOND)}.{rest:07}"


def _clock(ms: int) -> tuple[int, int, int]:
    seconds = ms % DAY // SECOND
    return seconds // 3600, seconds // 60 % 60, seconds % 60


def _shown(ms: int) -> str:
    """``02/28/2021  12:01 PM``."""
    hour, minute, _ = _clock(ms)
    half = "PM" if hour >= 12 else "AM"
    return f"{day_of(ms // DAY):%m/%d/%Y}  {(hour + 11) % 12 + 1:02}:{minute:02} {half}"


def _german(ms: int) -> str:
    """``28.02.2021 12:01:06``."""
    hour, minute, second = _clock(ms)
    return f"{day_of(ms // DAY):%d.%m.%Y} {hour:02}:{minute:02}:{second:02}"


def _serial(server: str) -> str:
    digits = f"{zlib.crc32(server.encode()):08X}"
    return f"{digits[:4]}-{digits[4:]}"
