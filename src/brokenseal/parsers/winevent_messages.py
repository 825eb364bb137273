"""The fields of an event, read from its English message where a source has nothing else.

A message is the event's text with its fields filled in: sections (``Subject:``) with labelled lines below them
(``<tab>Account Name:<tabs>value``), or, for Sysmon, one ``Name: value`` a line. What is read here gets the name that the
field has in the event itself. A message in another language gives no fields. A value may hold whatever an attacker made
Windows log, line ends with labels included, so a label counts only at its place: in its section, or by its turn.

References:
    https://learn.microsoft.com/en-us/windows/security/threat-protection/auditing/security-auditing-overview
    https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.core/about/about_logging_windows
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.windows_event import CMDLET_PROVIDER, query
from brokenseal.parsers.winevent_labels import LOG_CLEARED_LABELS, SECURITY_LABELS, SERVICE_INSTALLED_LABELS, Label
from brokenseal.parsers.winevent_sql import Stage, staged

NOT_ENGLISH = "message is not in English: its fields are not read"
TWICE = "message has a field twice: a value pretends to be another field"

SYSMON = "Microsoft-Windows-Sysmon"
SECURITY = "Microsoft-Windows-Security-Auditing"
LOG_CLEARED = "Microsoft-Windows-Eventlog"
SERVICES = "Service Control Manager"
POWERSHELL = ("Microsoft-Windows-PowerShell", "PowerShellCore")


#: The names in Sysmon's messages. Those before the command line can only be forged after it, the others only before.
_BEFORE_COMMAND = (
    "RuleName|UtcTime|SequenceNumber|ProcessGuid|ProcessId|Image|FileVersion|Description|Product|Company|"
    "OriginalFileName|CommandLine|SourceProcessGuid|SourceProcessGUID|SourceProcessId|SourceThreadId|"
    "SourceImage"
)
_OTHER_NAMES = (
    "CurrentDirectory|User|LogonGuid|LogonId|TerminalSessionId|IntegrityLevel|Hashes|ParentProcessGuid|"
    "ParentProcessId|ParentImage|ParentCommandLine|ParentUser|TargetFilename|CreationUtcTime|"
    "PreviousCreationUtcTime|Protocol|Initiated|SourceIsIpv6|SourceIp|SourceHostname|SourcePort|SourcePortName|"
    "DestinationIsIpv6|DestinationIp|DestinationHostname|DestinationPort|DestinationPortName|State|Version|"
    "SchemaVersion|ImageLoaded|Signed|Signature|SignatureStatus|TargetProcessGuid|TargetProcessGUID|"
    "TargetProcessId|TargetImage|NewThreadId|StartAddress|StartModule|StartFunction|GrantedAccess|CallTrace|"
    "SourceUser|TargetUser|EventType|TargetObject|Details|NewName|Hash|Contents|Configuration|"
    "ConfigurationFileHash|PipeName|Operation|EventNamespace|Name|Query|Type|Destination|Consumer|Filter|"
    "QueryName|QueryStatus|QueryResults|IsExecutable|Archived|Session|ClientInfo|Device|ID"
)
_SYSMON_LINE = rf"^({_BEFORE_COMMAND}|{_OTHER_NAMES}):(?: |\r?$)"
#: All names of fields in Sysmon's messages.
SYSMON_NAMES = frozenset(f"{_BEFORE_COMMAND}|{_OTHER_NAMES}".split("|"))
_FIRST_COUNTS = frozenset(_BEFORE_COMMAND.split("|"))
_SYSMON_LINES = re.compile(_SYSMON_LINE, re.MULTILINE)

_SCRIPT = (
    r"(?s)^[^\r\n]*\((\d+) [^\r\n]* (\d+)\):\r?\n(.*?)(?:\r?\n){0,2}"
    r"ScriptBlock ID: ([0-9A-Fa-f-]+)\r?\nPath:[ \t]*([^\r\n]*)\s*$"
)
_COMMAND = r"(?s)\tProcess Command Line:\t*(.*?)(?:\r?\n\r?\nToken Elevation Type indicates[^\r\n]*(?:\r?\n.*)?)?\s*$"
#: What a label has; a list goes on in lines indented deeper than labels are.
_VALUE = r"([^\r\n]*(?:\r?\n\t{3,}[^\r\n\t][^\r\n]*)*)"
_TASK = r"(?s)\tTask (?:New )?Content:[ \t]*(.*?)\s*$"
_PAYLOAD = r"(?s)^(.*?)\r?\n\r?\n\r?\nContext:\r?\n"
_CONTEXT = r"(?s)\nContext:\r?\n(.*?)\r?\n\r?\n\r?\nUser Data:"


class Reader(NamedTuple):
    """Which messages are read alike, and the SQL that makes a JSON object of their fields of ``j``, the message.

    ``events`` empty: all of the provider's. ``all_have_fields``: if a message gives none, it is not in English. ``stages``
    come before; they say in a column ``odd`` where a message must be read again by :func:`sysmon_fields`.
    """

    providers: tuple[str, ...]
    events: tuple[int, ...]
    sql: str
    all_have_fields: bool = True
    stages: tuple[Stage, ...] = ()


class Said(NamedTuple):
    """The fields that messages have, as JSON objects (null: none); how many should have some and have not, because they
    are not in English; and in how many a value pretends to be another field."""

    data: pa.ChunkedArray
    unread: int
    twice: int


def read_messages(providers: pa.ChunkedArray, events: pa.ChunkedArray, messages: pa.ChunkedArray) -> Said:
    """What each of *messages* (text) says, for the events of these *providers* (text) and numbers (int64).

    Raises QueryError if the engine cannot take a message.
    """
    found: list[pa.ChunkedArray] = []
    places: list[npt.NDArray[np.int64]] = []
    unread = twice = 0
    there = pc.is_valid(messages)
    for provider in providers.unique().to_pylist():
        of_provider = pc.and_(there, pc.fill_null(pc.equal(providers, provider or ""), False))
        for reader in READERS:
            if provider not in reader.providers:
                continue
            chosen = of_provider
            if reader.events:
                chosen = pc.and_(chosen, pc.fill_null(pc.is_in(events, pa.array(reader.events, pa.int64())), False))
            rows = np.flatnonzero(np.asarray(chosen))
            if not len(rows):
                continue
            said, doubled = _said(messages.take(pa.array(rows)), reader)
            twice += doubled
            unread += said.null_count if reader.all_have_fields else 0
            found.append(said)
            places.append(rows)
    return Said(_scattered(found, places, len(messages)), unread, twice)


def _said(messages: pa.ChunkedArray, reader: Reader) -> tuple[pa.ChunkedArray, int]:
    relation = staged("records", reader.stages)
    odd = "odd" if reader.stages else "FALSE"
    table = query(messages, f"SELECT nullif(CAST({reader.sql} AS VARCHAR), '{{}}') AS d, {odd} AS odd FROM {relation}")
    said, again = table.column("d"), np.asarray(table.column("odd"))
    if not again.any():
        return said, 0
    read = [sysmon_fields(text) for text in messages.filter(pa.array(again)).to_pylist()]
    fields = pa.array([fields for fields, _ in read], pa.string())
    said = pa.chunked_array([pc.replace_with_mask(said.combine_chunks(), pa.array(again), fields)])
    return said, sum(twice for _, twice in read)


def _scattered(found: list[pa.ChunkedArray], places: list[npt.NDArray[np.int64]], count: int) -> pa.ChunkedArray:
    if not found:
        return pa.chunked_array([pa.nulls(count, pa.string())])
    place = np.full(count, -1, dtype=np.int64)
    rows = np.concatenate(places)
    place[rows] = np.arange(len(rows))
    values = pa.chunked_array([chunk for each in found for chunk in each.chunks], pa.string())
    return values.take(pa.array(place, mask=place < 0))


def sysmon_fields(message: str) -> tuple[str | None, bool]:
    """The fields of one Sysmon message as JSON, each at its turn, and whether a name comes twice in it."""
    marks = list(_SYSMON_LINES.finditer(message))
    found: dict[str, str] = {}
    for at, mark in enumerate(marks):
        end = marks[at + 1].start() if at + 1 < len(marks) else len(message)
        if mark[1] not in found or mark[1] not in _FIRST_COUNTS:
            found[mark[1]] = message[mark.end() : end].strip("\r\n")
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else None, len(found) < len(marks)


def _labelled(labels: Sequence[Label], more: Mapping[str, str] | None = None) -> str:
    return _object({label.field: _value(label) for label in labels} | dict(more or {}))


def _object(values: Mapping[str, str]) -> str:
    pairs = ", ".join(f"'{name}', {value}" for name, value in values.items())
    return f"json_merge_patch('{{}}', json_object({pairs}))"


def _value(label: Label) -> str:
    if label.section:
        return _group(rf"(?m)^{label.section}:[ \t]*\r?\n(?:\t[^\n]*\n)*?\t{label.label}:[ \t]*{_VALUE}")
    return _group(rf"(?m)^{label.label}:[ \t]*{_VALUE}")


def _group(pattern: str, group: int = 1) -> str:
    return f"nullif(regexp_extract(j, '{pattern}', {group}), '')"


_SCRIPT_PARTS = ("MessageNumber", "MessageTotal", "ScriptBlockText", "ScriptBlockId", "Path")
_MORE = {4688: {"CommandLine": _group(_COMMAND)}, 4698: {"TaskContent": _group(_TASK)}}
#: A Sysmon message as a list of names and one of values: marks that no text has are put around the names, and cut at.
_KNOWN = ", ".join(f"'{name}'" for name in sorted(SYSMON_NAMES))
_SYSMON_STAGES: tuple[Stage, ...] = (
    {
        "plain": "CASE WHEN contains(j, chr(30)) OR contains(j, chr(31)) "
        "THEN translate(j, chr(30) || chr(31), '␞␟') ELSE j END"
    },
    {"marked": "regexp_replace(plain, '(?m)^([A-Z][A-Za-z0-9]{1,30}):(?: |\\r?$)', chr(30) || '\\1' || chr(31), 'g')"},
    {"lines": "list_transform(string_split(marked, chr(30))[2:], lambda x: string_split(x, chr(31)))"},
    {"names": "list_transform(lines, lambda x: x[1])"},
    {"odd": f"len(list_distinct(list_filter(names, lambda x: x IN ({_KNOWN})))) < len(names)"},
)
_SYSMON_SQL = "object_of(names, list_transform(lines, lambda x: trim(x[2], chr(13) || chr(10))))"

READERS: tuple[Reader, ...] = (
    Reader((SYSMON,), (), _SYSMON_SQL, stages=_SYSMON_STAGES),
    *(
        Reader((SECURITY,), events, _labelled(labels, _MORE.get(events[0])))
        for events, labels in SECURITY_LABELS.items()
    ),
    Reader((LOG_CLEARED,), (1102,), _labelled(LOG_CLEARED_LABELS)),
    Reader((SERVICES,), (7045,), _labelled(SERVICE_INSTALLED_LABELS)),
    Reader(POWERSHELL, (4104,), _object({name: _group(_SCRIPT, at) for at, name in enumerate(_SCRIPT_PARTS, start=1)})),
    Reader(POWERSHELL, (4103,), _object({"Payload": _group(_PAYLOAD), "ContextInfo": _group(_CONTEXT)}), False),
    *(
        Reader((CMDLET_PROVIDER,), (event,), f"json_merge_patch('{{}}', cmdlet_said(j, {event}))", False)
        for event in (1, 6, 8)
    ),
)
