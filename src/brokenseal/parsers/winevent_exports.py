"""What exports of events as CSV look like: their header rows, and which of their columns hold what.

References:
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.diagnostics/get-winevent
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.management/get-eventlog
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.utility/export-csv
    https://github.com/EricZimmerman/evtx
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.segments import MAX_FIELDS, unique_names
from brokenseal.parsers.winevent_messages import SECURITY, SYSMON


@dataclass(frozen=True, slots=True)
class Export:
    """What writes such CSV: the header's names (lower case) that each group must have one of, and what the columns are.

    ``classic`` among the columns is filled for events of classic providers, whose items have no names; ``all_classic``: all
    are. ``unnamed``: the rows have one cell more than the header, of this name. ``utc``: times are UTC.
    """

    required: tuple[tuple[str, ...], ...]
    columns: dict[str, tuple[str, ...]]
    all_classic: bool = False
    unnamed: str | None = None
    utc: bool = False


GET_WINEVENT = Export(
    (("id",), ("timecreated",), ("message", "logname", "providername")),
    {
        "host": ("machinename",),
        "time": ("timecreated",),
        "EventRecordID": ("recordid",),
        "Channel": ("logname",),
        "Provider_Name": ("providername",),
        "EventID": ("id",),
        "Level": ("level", "leveldisplayname"),
        "Task": ("task",),
        "Opcode": ("opcode",),
        "Keywords": ("keywords", "keywordsdisplaynames"),
        "UserID": ("userid",),
        "Message": ("message",),
        "classic": ("qualifiers",),
    },
)
GET_EVENTLOG = Export(
    (("eventid",), ("timegenerated", "timewritten"), ("source",), ("entrytype", "message")),
    {
        "host": ("machinename",),
        "time": ("timegenerated", "timewritten"),
        "EventRecordID": ("index",),
        "Channel": ("log",),
        "Provider_Name": ("source",),
        "EventID": ("eventid",),
        "Level": ("entrytype",),
        "Task": ("categorynumber",),
        "Message": ("message",),
    },
    all_classic=True,
)
EVENT_VIEWER = Export(
    (("date and time",), ("source",), ("event id",), ("level", "keywords")),
    {
        "time": ("date and time",),
        "Provider_Name": ("source",),
        "EventID": ("event id",),
        "Level": ("level",),
        "Keywords": ("keywords",),
        "Message": ("message",),
    },
    unnamed="message",
)
EVTXECMD = Export(
    (("eventid",), ("timecreated",), ("channel", "provider"), ("payload", "mapdescription")),
    {
        "host": ("computer",),
        "time": ("timecreated",),
        "EventRecordID": ("eventrecordid",),
        "Channel": ("channel",),
        "Provider_Name": ("provider",),
        "EventID": ("eventid",),
        "Level": ("level",),
        "Keywords": ("keywords",),
        "UserID": ("userid",),
        "payload": ("payload",),
    },
    utc=True,
)
EXPORTS = (EVTXECMD, GET_WINEVENT, GET_EVENTLOG, EVENT_VIEWER)
#: What PowerShell writes for values that are objects or lists.
_NO_VALUE = r"^System\.[A-Za-z.]+(?:\[|`|$)"

_FIRST_NAMES = sorted(
    {name for export in EXPORTS for names in export.columns.values() for name in names} | {"recordnumber"}
)
MAY_BE_HEADER = rf"(?i)^(?:#TYPE |\"?(?:{'|'.join(_FIRST_NAMES)}|[a-z]+id|version|data|category)\"?[,;\t])"
NOT_A_ROW = "#TYPE "
_LONGEST_HEADER = 16 << 10
_ALWAYS = ("host", "Provider_Name", "EventID", "Message", "time", "classic")
#: Providers whose name the Event Viewer shows another way.
_DISPLAYED = {
    "Microsoft Windows security auditing.": SECURITY,
    "PowerShell (Microsoft-Windows-PowerShell)": "Microsoft-Windows-PowerShell",
    "Sysmon": SYSMON,
}


class Header(NamedTuple):
    """A header row: the export that wrote it, its names, and how the rows are written."""

    export: Export
    names: tuple[str, ...]
    delimiter: str
    quoted: bool

    @property
    def dialect(self) -> tuple[str, bool]:
        return self.delimiter, self.quoted

    def sources(self) -> dict[str, tuple[str, ...]]:
        """For each column the names that the header has for it."""
        listed = {
            name: tuple(each for each in names if each in self.names) for name, names in self.export.columns.items()
        }
        return {name: names for name, names in listed.items() if names}

    def wanted(self) -> tuple[str, ...]:
        """The names that are read."""
        return tuple(dict.fromkeys(name for names in self.sources().values() for name in names))

    def texts(self, table: pa.Table) -> pa.Table:
        """What was read, by columns of the table; those that are always looked at are there, if need be null."""
        columns = {name: pc.coalesce(*(table.column(each) for each in names)) for name, names in self.sources().items()}
        for name in _ALWAYS:
            columns.setdefault(name, pa.chunked_array([pa.nulls(table.num_rows, pa.string())]))
        if self.export.all_classic:
            columns["classic"] = columns["Message"]
        if "Keywords" in columns:
            nothing = pc.match_substring_regex(columns["Keywords"], _NO_VALUE)
            columns["Keywords"] = pc.if_else(nothing, NULL_TEXT, columns["Keywords"])
        if self.export is EVENT_VIEWER:
            known = pc.index_in(columns["Provider_Name"].combine_chunks(), pa.array(_DISPLAYED))
            columns["Provider_Name"] = pc.coalesce(pa.array(_DISPLAYED.values()).take(known), columns["Provider_Name"])
        return pa.table(columns)


def header_of(text: str) -> Header | None:
    """The header, if this line is one."""
    return _read_header(text) if len(text) <= _LONGEST_HEADER else None


@lru_cache(maxsize=64)
def _read_header(text: str) -> Header | None:
    for delimiter in ",;\t":
        if text.count(delimiter) >= MAX_FIELDS or delimiter not in text:
            continue
        try:
            (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            continue
        names = unique_names(tuple(cell.strip().lower() for cell in cells))
        for export in EXPORTS:
            if all(any(name in names for name in group) for group in export.required):
                more = (export.unnamed,) if export.unnamed is not None and export.unnamed not in names else ()
                return Header(export, names + more, delimiter, text.startswith('"'))
    return None
