"""What rules see of a Windows event: fields by any name, and where other logs' names stand for Sigma's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from brokenseal.detections.taxonomy import FieldType
from brokenseal.detections.windows_kind import by_lower_case, keys_sql, view_relation, windows_kind
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers.base import parser_of_table

SYSMON = "Microsoft-Windows-Sysmon/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender/Operational"
Values = list[object]


def table(events: Sequence[Mapping[str, object]]) -> pa.Table:
    schema = parser_of_table("windows_event").schema()
    rows = [
        {
            **{"source_id": 1, "line": line, "time": datetime(2021, 3, 3, tzinfo=UTC)},
            **event,
            "Data": json.dumps(event["Data"], ensure_ascii=False) if event.get("Data") is not None else None,
        }
        for line, event in enumerate(events, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def fields(engine: DuckEngine, view: str, names: Iterable[str], *events: Mapping[str, object]) -> list[Values]:
    """For each event of the view, what rules see under *names*."""
    kind = windows_kind(f"windows_event:{view}")
    engine.register("given", table(events))
    keys = by_lower_case(engine.query(keys_sql("given")).column("name").to_pylist())
    wanted = [field for name in names if (field := kind.field(name)) is not None]
    columns = sorted({column for field in wanted for column in field.columns})
    relation = view_relation("given", kind, columns, keys)
    shown = ", ".join(f"{field.sql} AS f{n}" for n, field in enumerate(wanted))
    found = engine.query(f"SELECT {shown} FROM ({relation}) ORDER BY line")
    return [list(row.values()) for row in found.to_pylist()]


def field(engine: DuckEngine, view: str, name: str, event: Mapping[str, object]) -> object:
    [[value]] = fields(engine, view, [name], event)
    return value


def started(**data: object) -> Mapping[str, object]:
    return {"Channel": "Security", "EventID": 4688, "Data": data}


def changed(**data: object) -> Mapping[str, object]:
    values = {"OperationType": "%%1905", "ObjectValueName": "x", **data}
    return {"Channel": "Security", "EventID": 4657, "Data": values}


@pytest.mark.parametrize(
    ("logged", "seen"),
    [
        ("text", "text"),
        ("-", "-"),
        ("", None),
        (None, None),
        (" ", " "),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        ("Grüße 🦆", "Grüße 🦆"),
        ('a\nb\\c"d', 'a\nb\\c"d'),
        ({"a": "x\\y", "b": [1, None]}, '{"a":"x\\\\y","b":[1,null]}'),
        (["x"], '["x"]'),
    ],
)
def test_values_of_each_type(engine: DuckEngine, logged: object, seen: str | None) -> None:
    assert field(engine, "sysmon", "F", {"Channel": SYSMON, "Data": {"F": logged}}) == seen


@pytest.mark.parametrize("name", ["CommandLine", "commandline", "COMMANDLINE", " CommandLine "])
def test_names_are_compared_without_case(engine: DuckEngine, name: str) -> None:
    for logged in ("CommandLine", "commandLine", "COMMANDLINE"):
        assert field(engine, "sysmon", name, {"Channel": SYSMON, "Data": {logged: "x"}}) == "x"


def test_of_two_spellings_the_one_with_a_value_counts(engine: DuckEngine) -> None:
    events = (
        {"Channel": SYSMON, "Data": data} for data in ({"User": "", "user": "b"}, {"USER": "a", "user": None}, {})
    )
    assert fields(engine, "sysmon", ["User"], *events) == [["b"], ["a"], [None]]


@pytest.mark.parametrize("name", ["Threat Name", "ThreatName", "threatname", "threat name"])
def test_names_with_blanks_are_found_without_them(engine: DuckEngine, name: str) -> None:
    assert field(engine, "windefend", name, {"Channel": DEFENDER, "Data": {"Threat Name": "x"}}) == "x"


def test_a_log_under_a_category_has_its_own_names_too(engine: DuckEngine) -> None:
    event = {
        "Channel": DEFENDER,
        "EventID": 1116,
        "Data": {"Threat Name": "t", "Path": "file:_C:\\x", "Action Name": "a"},
    }
    names = ["Signature", "Filename", "Action", "ThreatName", "Path"]
    assert fields(engine, "antivirus", names, event) == [["t", "file:_C:\\x", "a", "t", "file:_C:\\x"]]


@pytest.mark.parametrize(
    "name",
    ["a/b", "a~b", "a~1b", "a.b", "$.a", "*", "0", 'a"b', "a'b", "Größe", "a b", "line", "source_id", "x#lc", "offset"],
)
def test_a_field_can_have_any_name(engine: DuckEngine, name: str) -> None:
    event = {"Channel": SYSMON, "Data": {name: "x", "other": "y"}}
    assert fields(engine, "sysmon", [name, "other"], event) == [["x", "y"]]


def test_a_name_that_no_event_can_have_is_null(engine: DuckEngine) -> None:
    for name in ("a\0b", "\ud800", "", "#place"):
        assert field(engine, "sysmon", name, {"Channel": SYSMON, "Data": {"a": "x"}}) is None


def test_the_header_of_the_record(engine: DuckEngine) -> None:
    event = {
        **{
            "Channel": "System",
            "EventID": 7045,
            "Provider_Name": "Service Control Manager",
            "Level": 4,
            "host": "EX01",
        },
        **{"Keywords": "0x80", "EventRecordID": 9, "UserID": "S-1-5-18", "Message": "text", "Task": 1, "Opcode": 2},
        "Data": {"EventID": "1", "Computer": "OTHER", "Level": "9", "Message": "own"},
    }
    names = ["channel", "EventID", "Event_ID", "Provider_Name", "Level", "Computer", "ComputerName", "Hostname"]
    expected = ["System", 7045, 7045, "Service Control Manager", 4, "EX01", "EX01", "EX01"]
    assert fields(engine, "system", names, event) == [expected]
    names = ["Keywords", "EventRecordID", "Security_UserID", "Message", "Task", "Opcode"]
    assert fields(engine, "system", names, event) == [["0x80", 9, "S-1-5-18", "text", 1, 2]]
    types = {
        name: found.type for name in ("EventID", "Level", "Message") if (found := windows_kind("system").field(name))
    }
    assert types == {"EventID": FieldType.INTEGER, "Level": FieldType.INTEGER, "Message": FieldType.TEXT}


def test_the_log_that_was_cleared_is_the_channel_of_the_event_that_says_so(engine: DuckEngine) -> None:
    """Public rules on event 104 ask for the log that was cleared; the event itself stands in System."""
    events = (
        {"Channel": "System", "EventID": 104, "Data": {"Channel": "Windows PowerShell", "SubjectUserName": "anna"}},
        {"Channel": "System", "EventID": 7036, "Data": {}},
    )
    assert fields(engine, "system", ["Channel"], *events) == [["Windows PowerShell"], ["System"]]
    filtered = {"Channel": "Microsoft-Windows-WMI-Activity/Operational", "Data": {"Provider": "SCM Event Provider"}}
    assert field(engine, "wmi", "Provider", filtered) == "SCM Event Provider"


def test_a_process_start_in_the_security_log(engine: DuckEngine) -> None:
    event = started(
        NewProcessName=r"C:\Windows\cmd.exe",
        NewProcessId="0x1f4",
        ProcessId="0x10",
        ParentProcessName=r"C:\p.exe",
        CommandLine="cmd /c dir",
        SubjectDomainName="CORP",
        SubjectUserName="anna",
        SubjectLogonId="0x3e7",
        MandatoryLabel="S-1-16-16384",
    )
    expected = {
        "Image": r"C:\Windows\cmd.exe",
        "ProcessId": "500",
        "ParentProcessId": "16",
        "ParentImage": r"C:\p.exe",
        "CommandLine": "cmd /c dir",
        "User": r"CORP\anna",
        "LogonId": "0x3e7",
        "IntegrityLevel": "System",
        "NewProcessName": r"C:\Windows\cmd.exe",
        "OriginalFileName": None,
    }
    assert fields(engine, "process_creation", expected, event) == [list(expected.values())]
    # Under the log's service the names are the log's own.
    assert fields(engine, "security", ["Image", "ProcessId", "User"], event) == [[None, "0x10", None]]


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("S-1-16-0", "Untrusted"),
        ("S-1-16-4096", "Low"),
        ("S-1-16-8192", "Medium"),
        ("S-1-16-8448", "Medium"),
        ("S-1-16-12288", "High"),
        ("S-1-16-16384", "System"),
        ("S-1-16-20480", "S-1-16-20480"),
        (None, None),
    ],
)
def test_integrity_levels(engine: DuckEngine, label: str | None, level: str | None) -> None:
    assert field(engine, "process_creation", "IntegrityLevel", started(MandatoryLabel=label)) == level


@pytest.mark.parametrize(
    ("logged", "seen"),
    [("0x0", "0"), ("0xbc4", "3012"), ("0x00000000000012ac", "4780"), ("4780", "4780"), ("", None), ("0xzz", None)],
)
def test_numbers_of_processes_are_decimal_as_sysmons(engine: DuckEngine, logged: str, seen: str | None) -> None:
    assert field(engine, "process_creation", "ProcessId", started(NewProcessId=logged)) == seen


@pytest.mark.parametrize("missing", ["SubjectDomainName", "SubjectUserName"])
def test_half_an_account_is_none(engine: DuckEngine, missing: str) -> None:
    names = {"SubjectDomainName": "CORP", "SubjectUserName": "anna", "TargetUserName": "bela"}
    for lost in ({**names, missing: ""}, {**names, missing: None}, {n: v for n, v in names.items() if n != missing}):
        assert field(engine, "process_creation", "User", started(**lost)) is None
    assert field(engine, "process_creation", "User", started(**{**names, missing: "-"})) is not None


def test_sysmon_and_security_side_by_side(engine: DuckEngine) -> None:
    own = {"Image": "s.exe", "NewProcessName": "no.exe", "ProcessId": "7", "User": r"CORP\bela"}
    events = ({"Channel": SYSMON, "EventID": 1, "Data": own}, started(NewProcessName="n.exe", NewProcessId="0x8"))
    assert fields(engine, "process_creation", ["Image", "ProcessId", "User"], *events) == [
        ["s.exe", "7", r"CORP\bela"],
        ["n.exe", "8", None],
    ]


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        (r"\REGISTRY\MACHINE\SOFTWARE\Run", r"HKLM\SOFTWARE\Run\x"),
        (r"\Registry\Machine\Software\Run", r"HKLM\Software\Run\x"),
        (r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services", r"HKLM\System\CurrentControlSet\Services\x"),
        (r"\REGISTRY\MACHINE\SYSTEM\ControlSet002\Services", r"HKLM\SYSTEM\ControlSet002\Services\x"),
        (r"\REGISTRY\USER\S-1-5-21-1\Software", r"HKU\S-1-5-21-1\Software\x"),
        (r"\REGISTRY\A\{1}", r"\REGISTRY\A\{1}\x"),
    ],
)
def test_hives_of_the_registry_have_sysmons_names(engine: DuckEngine, key: str, seen: str) -> None:
    for view in ("registry_set", "registry_event"):
        assert field(engine, view, "TargetObject", changed(ObjectName=key)) == seen


def test_a_change_of_the_registry_in_the_security_log(engine: DuckEngine) -> None:
    event = changed(ProcessName=r"C:\reg.exe", NewValue="evil", ObjectName="k", ProcessId="0xa")
    names = ["Image", "Details", "EventType", "ProcessId", "TargetObject"]
    assert fields(engine, "registry_set", names, event) == [[r"C:\reg.exe", "evil", "SetValue", "10", r"k\x"]]
    assert fields(engine, "registry_set", names, changed(ObjectName="k", OperationType="%%1906")) == []
    assert field(engine, "registry_set", "TargetObject", changed(ObjectName="k", ObjectValueName="")) is None


def test_what_sysmon_logs_of_keys_is_told_apart_by_the_type_of_the_event(engine: DuckEngine) -> None:
    kinds = ["CreateKey", "DeleteKey", "DeleteValue", "deletevalue", "SetValue", None]
    events = [{"Channel": SYSMON, "EventID": 12, "Data": {"EventType": kind, "Data": "x"}} for kind in kinds]
    seen = {view: fields(engine, view, ["EventType", "Data"], *events) for view in ("registry_add", "registry_delete")}
    assert seen["registry_add"] == [["CreateKey", "x"]]
    assert seen["registry_delete"] == [["DeleteKey", "x"], ["DeleteValue", "x"], ["deletevalue", "x"]]
    assert len(fields(engine, "registry_event", ["EventType"], *events)) == len(events)


def test_cmdlets_of_the_event_log_have_the_names_of_the_cmdlet_log(engine: DuckEngine) -> None:
    data = {"Cmdlet": "New-Mailbox", "Parameters": "-Name x", "User": "anna", "Outcome": "failed", "Exception": "why"}
    event = {"Channel": "MSExchange Management", "EventID": 6, "Data": data}
    names = ["Cmdlet", "Parameters", "AuthenticatedUser", "ExecutionResult", "ErrorType"]
    assert fields(engine, "exchange-cmdlet", names, event) == [["New-Mailbox", "-Name x", "anna", "Error", "why"]]


def test_events_without_data(engine: DuckEngine) -> None:
    events = ({"Channel": SYSMON, "Data": None}, {"Channel": SYSMON, "Data": {}}, {"Channel": None})
    assert fields(engine, "all", ["F", "Channel"], *events) == [[None, SYSMON], [None, SYSMON], [None, None]]
    assert fields(engine, "sysmon", ["F"], *events) == [[None], [None]]
