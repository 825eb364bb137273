"""The shapes in which people export Windows events as JSON, as data: how each is known, and where it keeps what.

A record is judged alone, by the keys it has, so a file may mix shapes. The first shape whose keys are all there is taken.

References:
    https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog
    https://docs.nxlog.co/refman/current/im/msvistalog.html
    https://docs.velociraptor.app/artifact_references/pages/windows.eventlogs.evtx/
    https://github.com/omerbenamram/evtx
    https://github.com/EricZimmerman/evtx
    https://github.com/OTRF/Security-Datasets
    https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/securityevent
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brokenseal.parsers.winevent_ecs import moved_paths, put_back
from brokenseal.parsers.winevent_sql import FLATTENED, Stage


@dataclass(frozen=True, slots=True, eq=False)
class JsonShape:
    """One kind of JSON record.

    ``keys``: JSON paths of which each group must have one in the record. ``columns``: where the columns of the table are
    (and ``host``, ``time``); the first path that has a value counts. ``parts``: paths of JSON values; the ``stages`` make
    the event's fields of them: SQL over ``e`` (the parts), ``p`` (provider), ``n`` (the event's number), ``j`` (the record)
    and ``payload_``, to a column ``d``: one object, or null.
    ``local``: times may be those of the machine that collected the events, without a zone or with a wrong one; ``utc`` and
    ``arrived`` among the columns tell it. ``from_message``: the event's fields are nowhere but in its message.
    ``joined_items``: unnamed items come as one text, joined by commas.
    """

    name: str
    keys: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    stages: tuple[Stage, ...]
    parts: tuple[str, ...] = ()
    local: bool = False
    from_message: bool = False
    joined_items: bool = False
    paths: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        listed = dict.fromkeys(path for paths in self.columns.values() for path in paths)
        object.__setattr__(self, "paths", tuple(listed))


def _without(names: str) -> str:
    return "json_merge_patch(j, '{" + ",".join(f'"{name}":null' for name in names.split()) + "}')"


#: The fields of flat records without those that are columns of the table, or were added by the collector.
_OWN_FIELDS = _without(
    "Message SourceName Channel Hostname EventTime TimeCreated @timestamp EventID Level Task Keywords RecordNumber Opcode "
    "OpcodeValue EventReceivedTime SourceModuleName SourceModuleType Severity SeverityValue"
)
_OWN_SENTINEL_FIELDS = _without(
    "Message RenderedDescription EventSourceName Source Channel EventLog Computer TimeCreated TimeGenerated EventID "
    "EventLevel EventLevelName Level Task Keywords Opcode EventRecordId EventOriginId EventData ParameterXml"
)


def _flattened(value: str, data: str = "f", between: tuple[Stage, ...] = ()) -> tuple[Stage, ...]:
    return ({"v": value}, *FLATTENED, *between, {"d": data})


_EVENT_DATA = _flattened("coalesce(given(e[1]), inner_of(e[2]))")
#: Winlogbeat names unnamed items param1, param2 and so on.
_PARAMS: tuple[Stage, ...] = (
    {
        "params": "CASE WHEN json_exists(f, '$.param1') AND NOT json_exists(f, '$.Data') THEN "
        "len(list_filter(json_keys(f), lambda x: regexp_full_match(x, 'param[0-9]+'))) END"
    },
    {"g": "CASE WHEN params > 0 THEN json_merge_patch(f, numbered_texts(params_of(f, params))) ELSE f END"},
)


def _system(prefix: str, message: str) -> dict[str, tuple[str, ...]]:
    """Columns of a record that keeps the tree of the event's XML; an attribute may be in any of four places."""

    def attribute(element: str, name: str) -> tuple[str, ...]:
        return (
            f'{prefix}.{element}."#attributes".{name}',
            f"{prefix}.{element}_attributes.{name}",
            f"{prefix}.{element}.{name}",
            f'{prefix}.{element}."@{name}"',
        )

    def text(element: str) -> tuple[str, ...]:
        return (
            f'{prefix}.{element}."#text"',
            f"{prefix}.{element}.Value",
            f"{prefix}.{element}.value",
            f"{prefix}.{element}",
        )

    return {
        "host": (f"{prefix}.Computer",),
        "time": attribute("TimeCreated", "SystemTime"),
        "EventRecordID": (f"{prefix}.EventRecordID",),
        "Channel": (f"{prefix}.Channel",),
        "Provider_Name": attribute("Provider", "Name"),
        "EventID": text("EventID"),
        "Level": (f"{prefix}.Level",),
        "Task": (f"{prefix}.Task",),
        "Opcode": (f"{prefix}.Opcode",),
        "Keywords": (f"{prefix}.Keywords",),
        "UserID": attribute("Security", "UserID"),
        "Message": (message,),
    }


EVENT = JsonShape(
    "evtx_dump (the tree of the XML under Event)",
    (("$.Event.System.EventID", "$.Event.System.Channel"),),
    _system("$.Event.System", "$.Event.RenderingInfo.Message"),
    _EVENT_DATA,
    ("$.Event.EventData", "$.Event.UserData"),
)
VELOCIRAPTOR = JsonShape(
    "Velociraptor (System, EventData, UserData, Message)",
    (("$.System.EventID",),),
    _system("$.System", "$.Message"),
    _EVENT_DATA,
    ("$.EventData", "$.UserData"),
)
VELOCIRAPTOR_ROWS = JsonShape(
    "rows of Velociraptor's Windows.EventLogs artifacts",
    (("$.EventID",), ("$.EventData", "$.UserData")),
    {
        "host": ("$.Computer", "$.Hostname", "$.Fqdn"),
        "time": ("$.EventTime", "$.TimeCreated", "$.Timestamp"),
        "EventRecordID": ("$.EventRecordID",),
        "Channel": ("$.Channel",),
        "Provider_Name": ("$.Provider", "$.ProviderName", "$.SourceName"),
        "EventID": ("$.EventID.Value", "$.EventID"),
        "Level": ("$.Level",),
        "Task": ("$.Task",),
        "Opcode": ("$.Opcode",),
        "Keywords": ("$.Keywords",),
        "UserID": ("$.UserSID", "$.UserID"),
        "Message": ("$.Message",),
    },
    _EVENT_DATA,
    ("$.EventData", "$.UserData"),
)
ECS = JsonShape(
    "Winlogbeat 7 and later, Elastic Common Schema",
    (("$.winlog.event_id", "$.winlog.channel", "$.winlog.provider_name"),),
    {
        "host": ("$.winlog.computer_name", "$.host.name", "$.agent.hostname"),
        "time": ("$.winlog.time_created", '$."@timestamp"'),
        "EventRecordID": ("$.winlog.record_id",),
        "Channel": ("$.winlog.channel",),
        "Provider_Name": ("$.winlog.provider_name", "$.event.provider"),
        "EventID": ("$.winlog.event_id", "$.event.code"),
        "Level": ("$.winlog.level", "$.log.level"),
        "Task": ("$.winlog.task",),
        "Opcode": ("$.winlog.opcode",),
        "Keywords": ("$.winlog.keywords",),
        "UserID": ("$.winlog.user.identifier",),
        "Message": ("$.message",),
    },
    _flattened(
        "coalesce(given(e[1]), e[2])",
        "given(CASE WHEN moved IS NULL THEN g ELSE json_merge_patch(moved, coalesce(g, '{}')) END)",
        (*_PARAMS, {"moved": put_back("p", "n", "e", 3)}),
    ),
    ("$.winlog.event_data", "$.winlog.user_data", *moved_paths()),
)
WINLOGBEAT_6 = JsonShape(
    "Winlogbeat 6 and earlier",
    (("$.event_id",), ("$.log_name", "$.source_name")),
    {
        "host": ("$.computer_name", "$.beat.hostname", "$.host.name"),
        "time": ('$."@timestamp"',),
        "EventRecordID": ("$.record_number",),
        "Channel": ("$.log_name",),
        "Provider_Name": ("$.source_name",),
        "EventID": ("$.event_id",),
        "Level": ("$.level",),
        "Task": ("$.task",),
        "Opcode": ("$.opcode",),
        "Keywords": ("$.keywords",),
        "UserID": ("$.user.identifier",),
        "Message": ("$.message",),
    },
    _flattened("coalesce(given(e[1]), e[2])", "g", _PARAMS),
    ("$.event_data", "$.user_data"),
)
EVTXECMD = JsonShape(
    "EvtxECmd (KAPE)",
    (("$.EventId",), ("$.Payload", "$.MapDescription", "$.ChunkNumber")),
    {
        "host": ("$.Computer",),
        "time": ("$.TimeCreated",),
        "EventRecordID": ("$.EventRecordId",),
        "Channel": ("$.Channel",),
        "Provider_Name": ("$.Provider",),
        "EventID": ("$.EventId",),
        "Level": ("$.Level",),
        "Task": ("$.Task",),
        "Opcode": ("$.Opcode",),
        "Keywords": ("$.Keywords",),
        "UserID": ("$.UserId",),
        "payload": ("$.Payload",),
    },
    (
        {"w": "payload(payload_)"},
        {"e2": "CASE WHEN w IS NULL THEN NULL ELSE json_extract(w, ['$.EventData', '$.UserData']) END"},
        *_flattened(
            "CASE WHEN w IS NULL THEN CASE WHEN payload_ IS NULL THEN NULL ELSE json_object('Payload', payload_) END "
            "ELSE coalesce(given(e2[1]), inner_of(e2[2])) END"
        ),
    ),
    joined_items=True,
)
SENTINEL = JsonShape(
    "Azure Monitor and Sentinel (tables SecurityEvent, WindowsEvent and Event)",
    (("$.TimeGenerated",), ("$.EventID",), ("$.Computer",)),
    {
        "host": ("$.Computer",),
        "time": ("$.TimeCreated", "$.TimeGenerated"),
        "EventRecordID": ("$.EventRecordId", "$.EventOriginId"),
        "Channel": ("$.Channel", "$.EventLog"),
        "Provider_Name": ("$.EventSourceName", "$.Provider", "$.Source"),
        "EventID": ("$.EventID",),
        "Level": ("$.EventLevel", "$.EventLevelName", "$.Level"),
        "Task": ("$.Task",),
        "Opcode": ("$.Opcode",),
        "Keywords": ("$.Keywords",),
        "UserID": ("$.SystemUserId",),
        "Message": ("$.RenderedDescription",),
    },
    (
        {
            "xml": "CASE WHEN json_type(e[1]) = 'VARCHAR' THEN json_extract_string(e[1], '$') END",
            "own": _OWN_SENTINEL_FIELDS,
        },
        {"pairs": "CASE WHEN xml IS NOT NULL THEN object_of(xml_data(xml, 1), xml_data(xml, 2)) END"},
        {
            "d": "CASE WHEN json_type(e[1]) = 'OBJECT' THEN e[1] WHEN pairs IS NULL THEN own "
            "ELSE json_merge_patch(own, pairs) END"
        },
    ),
    ("$.EventData",),
)
POWERSHELL = JsonShape(
    "Get-WinEvent | ConvertTo-Json",
    (("$.Id",), ("$.LogName",), ("$.ProviderName",)),
    {
        "host": ("$.MachineName",),
        "time": ("$.TimeCreated.value", "$.TimeCreated"),
        "EventRecordID": ("$.RecordId",),
        "Channel": ("$.LogName",),
        "Provider_Name": ("$.ProviderName",),
        "EventID": ("$.Id",),
        "Level": ("$.Level",),
        "Task": ("$.Task",),
        "Opcode": ("$.Opcode",),
        "Keywords": ("$.Keywords",),
        "UserID": ("$.UserId.Value", "$.UserId"),
        "Message": ("$.Message",),
    },
    ({"d": "CAST(NULL AS JSON)"},),
    from_message=True,
)
FLAT = JsonShape(
    "flat (nxlog, OTRF data sets, HELK)",
    (("$.EventID",), ("$.Channel", "$.SourceName", "$.ProviderName")),
    {
        "host": ("$.Hostname", "$.Computer", "$.ComputerName", "$.MachineName"),
        "time": ("$.EventTime", "$.TimeCreated", '$."@timestamp"', "$.TimeGenerated"),
        "EventRecordID": ("$.RecordNumber", "$.EventRecordID"),
        "Channel": ("$.Channel", "$.LogName"),
        "Provider_Name": ("$.SourceName", "$.ProviderName"),
        "EventID": ("$.EventID",),
        "Level": ("$.Level",),
        "severity": ("$.SeverityValue",),
        "kind": ("$.EventType",),
        "Task": ("$.Task", "$.TaskValue"),
        "Opcode": ("$.OpcodeValue", "$.Opcode"),
        "Keywords": ("$.Keywords",),
        "UserID": ("$.UserID",),
        "Message": ("$.Message",),
        "utc": ("$.UtcTime",),
        "arrived": ('$."@timestamp"',),
    },
    ({"d": f"given({_OWN_FIELDS})"},),
    local=True,
)

#: In the order in which they are tried: a shape whose keys another one may have as well comes later.
SHAPES = (
    EVENT,
    ECS,
    VELOCIRAPTOR,
    WINLOGBEAT_6,
    EVTXECMD,
    SENTINEL,
    VELOCIRAPTOR_ROWS,
    POWERSHELL,
    FLAT,
)
