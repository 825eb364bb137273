"""The names that Elastic's modules give to the fields of Windows events, and what the events themselves call them.

Winlogbeat's modules for Sysmon, the Security log and PowerShell move fields of ``winlog.event_data`` to names of the
Elastic Common Schema. Rules ask for the events' own names, so they are put back.

References:
    https://www.elastic.co/docs/reference/beats/winlogbeat/winlogbeat-module-sysmon
    https://www.elastic.co/docs/reference/ecs/ecs-field-reference
"""

from __future__ import annotations

from typing import NamedTuple

from brokenseal.parsers.winevent_messages import POWERSHELL, SECURITY, SYSMON


class Moved(NamedTuple):
    """A field of an event and the ECS name it was moved to; *events*: only for these (empty: for all)."""

    field: str
    path: str
    events: tuple[int, ...] = ()


_REMOTE = (8, 10)
_FILES = (2, 11, 15, 23, 24, 26, 27, 28, 29)
_OWN_PROCESS = (1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 24, 25, 26, 27, 28, 29)

SYSMON_FIELDS = (
    Moved("ProcessGuid", "process.entity_id", _OWN_PROCESS),
    Moved("ProcessId", "process.pid", _OWN_PROCESS),
    Moved("Image", "process.executable", _OWN_PROCESS),
    Moved("SourceProcessGuid", "process.entity_id", (8,)),
    Moved("SourceProcessGUID", "process.entity_id", (10,)),
    Moved("SourceProcessId", "process.pid", _REMOTE),
    Moved("SourceImage", "process.executable", _REMOTE),
    Moved("CommandLine", "process.command_line", (1,)),
    Moved("CurrentDirectory", "process.working_directory", (1,)),
    Moved("OriginalFileName", "process.pe.original_file_name", (1,)),
    Moved("Product", "process.pe.product", (1,)),
    Moved("Company", "process.pe.company", (1,)),
    Moved("Description", "process.pe.description", (1,)),
    Moved("FileVersion", "process.pe.file_version", (1,)),
    Moved("OriginalFileName", "file.pe.original_file_name", (7,)),
    Moved("ParentProcessGuid", "process.parent.entity_id", (1,)),
    Moved("ParentProcessId", "process.parent.pid", (1,)),
    Moved("ParentImage", "process.parent.executable", (1,)),
    Moved("ParentCommandLine", "process.parent.command_line", (1,)),
    Moved("ImageLoaded", "file.path", (6, 7)),
    Moved("TargetFilename", "file.path", _FILES),
    Moved("Device", "file.path", (9,)),
    Moved("PipeName", "file.name", (17, 18)),
    Moved("TargetObject", "registry.path", (12, 13, 14)),
    Moved("Protocol", "network.transport", (3,)),
    Moved("SourceIp", "source.ip", (3,)),
    Moved("SourcePort", "source.port", (3,)),
    Moved("SourceHostname", "source.domain", (3,)),
    Moved("DestinationIp", "destination.ip", (3,)),
    Moved("DestinationPort", "destination.port", (3,)),
    Moved("DestinationHostname", "destination.domain", (3,)),
    Moved("DestinationPortName", "network.protocol", (3,)),
    Moved("QueryName", "dns.question.name", (22,)),
    Moved("QueryStatus", "sysmon.dns.status", (22,)),
)
SECURITY_FIELDS = (
    Moved("NewProcessId", "process.pid", (4688,)),
    Moved("NewProcessName", "process.executable", (4688,)),
    Moved("CommandLine", "process.command_line", (4688,)),
    Moved("ParentProcessName", "process.parent.executable", (4688,)),
    Moved("ProcessId", "process.pid", (4624, 4625, 4648, 4656, 4657, 4663, 4689)),
    Moved("ProcessName", "process.executable", (4624, 4625, 4648, 4656, 4657, 4663, 4689)),
    Moved("IpAddress", "source.ip", (4624, 4625, 4648, 4768, 4769, 4771, 4778, 4779, 5140, 5145)),
    Moved("IpPort", "source.port", (4624, 4625, 4648, 4768, 4769, 4771, 5140, 5145)),
    Moved("WorkstationName", "source.domain", (4624, 4625)),
)
POWERSHELL_FIELDS = (
    Moved("ScriptBlockText", "powershell.file.script_block_text", (4104,)),
    Moved("ScriptBlockId", "powershell.file.script_block_id", (4104,)),
    Moved("MessageNumber", "powershell.sequence", (4104,)),
    Moved("MessageTotal", "powershell.total", (4104,)),
    Moved("Path", "file.path", (4104,)),
)

_LISTS = ("process.args", "process.parent.args")
_HASHES = {"SHA1": "sha1", "MD5": "md5", "SHA256": "sha256", "IMPHASH": "imphash"}
_HASH_PATHS = tuple(f"{place}hash.{name}" for place in ("process.", "file.", "") for name in _HASHES.values())
_OTHERS = ("user.name", "user.domain", "network.direction", "process.pe.imphash", "file.pe.imphash")


def moved_paths() -> tuple[str, ...]:
    """The JSON paths that :func:`put_back` reads, each once."""
    fields = (*SYSMON_FIELDS, *SECURITY_FIELDS, *POWERSHELL_FIELDS)
    return tuple(dict.fromkeys(f"$.{name}" for name in (*(f.path for f in fields), *_LISTS, *_HASH_PATHS, *_OTHERS)))


def put_back(provider: str, event: str, parts: str, first: int) -> str:
    """SQL: a JSON object with the events' own names, null if nothing was moved.

    *provider* and *event* are SQL expressions (text, number); *parts* is a list that holds the values of
    :func:`moved_paths` as JSON from its item number *first* on.
    """
    place = {path[2:]: f"{parts}[{first + at}]" for at, path in enumerate(moved_paths())}

    def text(path: str) -> str:
        return f"json_extract_string({place[path]}, '$')"

    def joined(path: str) -> str:
        return f"nullif(array_to_string(json_extract_string({place[path]}, '$[*]'), ' '), '')"

    def when(moved: Moved, value: str) -> str:
        events = ", ".join(map(str, moved.events))
        return f"CASE WHEN {event} IN ({events}) THEN {value} END" if moved.events else value

    def pairs(fields: tuple[Moved, ...]) -> dict[str, str]:
        values: dict[str, list[str]] = {}
        for moved in fields:
            values.setdefault(moved.field, []).append(when(moved, place[moved.path]))
        for moved in fields:
            arguments = {"CommandLine": "process.args", "ParentCommandLine": "process.parent.args"}.get(moved.field)
            if arguments is not None:
                values[moved.field].append(when(moved, f"to_json({joined(arguments)})"))
        return {name: f"coalesce({', '.join(each)})" if len(each) > 1 else each[0] for name, each in values.items()}

    hashes = ", ".join(
        f"'{name}=' || upper(coalesce({', '.join(text(f'{place_}hash.{key}') for place_ in ('process.', 'file.', ''))}"
        + (f", {text('process.pe.imphash')}, {text('file.pe.imphash')}" if name == "IMPHASH" else "")
        + "))"
        for name, key in _HASHES.items()
    )
    own = {
        "User": f"{text('user.domain')} || '\\' || {text('user.name')}",
        "Hashes": f"CASE WHEN {event} IN (1, 6, 7, 23, 26) THEN nullif(array_to_string([{hashes}], ','), '') END",
        "Initiated": f"CASE WHEN {event} = 3 THEN CASE WHEN {text('network.direction')} IN ('outbound', 'egress') "
        f"THEN 'true' WHEN {text('network.direction')} IN ('inbound', 'ingress') THEN 'false' END END",
    }

    def without_null(values: dict[str, str]) -> str:
        listed = ", ".join(f"'{name}', {value}" for name, value in values.items())
        return f"json_merge_patch('{{}}', json_object({listed}))"

    names = ", ".join(f"'{name}'" for name in POWERSHELL)
    return (
        f"CASE WHEN {provider} = '{SYSMON}' THEN {without_null(pairs(SYSMON_FIELDS) | own)} "
        f"WHEN {provider} = '{SECURITY}' THEN {without_null(pairs(SECURITY_FIELDS))} "
        f"WHEN {provider} IN ({names}) THEN {without_null(pairs(POWERSHELL_FIELDS))} END"
    )
