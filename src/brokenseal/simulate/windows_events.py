"""The kinds of Windows events that the simulated servers write, and the events made of them.

References:
    Fields, their order and types: events of real servers in public samples (Security 4624, 4634, 4672 and 4688 of
    Windows Server 2016; Sysmon 1, 11 and 23 of version 13.0; Service Control Manager 7036; a public MSExchange CmdletLogs
    event of Exchange 2016); exchange-evidence.md 2.7 and 2.12.
"""

from __future__ import annotations

from brokenseal.simulate.binary_xml import ValueType
from brokenseal.simulate.evtx_file import EventKind

_TEXT, _UINT32, _BOOL = ValueType.TEXT, ValueType.UINT32, ValueType.BOOL
_GUID, _SID, _HEX64, _FILETIME = ValueType.GUID, ValueType.SID, ValueType.HEX64, ValueType.FILETIME
_CLASSIC = 0x0080000000000000
_AUDIT_SUCCESS = 0x8020000000000000
_SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon")
_SYSMON_GUID = "5770385f-c22a-43e0-bf4c-06f5698ffbd9"
_SECURITY = ("Security", "Microsoft-Windows-Security-Auditing")
_SECURITY_GUID = "54849625-5478-4994-a5ba-3e3b0328c30d"

PROCESS_CREATED = EventKind(
    *_SYSMON,
    1,
    _SYSMON_GUID,
    (
        ("RuleName", _TEXT), ("UtcTime", _TEXT), ("ProcessGuid", _GUID), ("ProcessId", _UINT32), ("Image", _TEXT),
        ("FileVersion", _TEXT), ("Description", _TEXT), ("Product", _TEXT), ("Company", _TEXT),
        ("OriginalFileName", _TEXT), ("CommandLine", _TEXT), ("CurrentDirectory", _TEXT), ("User", _TEXT),
        ("LogonGuid", _GUID), ("LogonId", _HEX64), ("TerminalSessionId", _UINT32), ("IntegrityLevel", _TEXT),
        ("Hashes", _TEXT), ("ParentProcessGuid", _GUID), ("ParentProcessId", _UINT32), ("ParentImage", _TEXT),
        ("ParentCommandLine", _TEXT),
    ),
    version=5,
    task=1,
)  # fmt: skip
FILE_CREATED = EventKind(
    *_SYSMON,
    11,
    _SYSMON_GUID,
    (
        ("RuleName", _TEXT), ("UtcTime", _TEXT), ("ProcessGuid", _GUID), ("ProcessId", _UINT32), ("Image", _TEXT),
        ("TargetFilename", _TEXT), ("CreationUtcTime", _TEXT),
    ),
    version=2,
    task=11,
)  # fmt: skip
FILE_DELETED = EventKind(
    *_SYSMON,
    23,
    _SYSMON_GUID,
    (
        ("RuleName", _TEXT), ("UtcTime", _TEXT), ("ProcessGuid", _GUID), ("ProcessId", _UINT32), ("User", _TEXT),
        ("Image", _TEXT), ("TargetFilename", _TEXT), ("Hashes", _TEXT), ("IsExecutable", _BOOL), ("Archived", _BOOL),
    ),
    version=5,
    task=23,
)  # fmt: skip
LOGGED_ON = EventKind(
    *_SECURITY,
    4624,
    _SECURITY_GUID,
    (
        ("SubjectUserSid", _SID), ("SubjectUserName", _TEXT), ("SubjectDomainName", _TEXT), ("SubjectLogonId", _HEX64),
        ("TargetUserSid", _SID), ("TargetUserName", _TEXT), ("TargetDomainName", _TEXT), ("TargetLogonId", _HEX64),
        ("LogonType", _UINT32), ("LogonProcessName", _TEXT), ("AuthenticationPackageName", _TEXT),
        ("WorkstationName", _TEXT), ("LogonGuid", _GUID), ("TransmittedServices", _TEXT), ("LmPackageName", _TEXT),
        ("KeyLength", _UINT32), ("ProcessId", _HEX64), ("ProcessName", _TEXT), ("IpAddress", _TEXT), ("IpPort", _TEXT),
        ("ImpersonationLevel", _TEXT), ("RestrictedAdminMode", _TEXT), ("TargetOutboundUserName", _TEXT),
        ("TargetOutboundDomainName", _TEXT), ("VirtualAccount", _TEXT), ("TargetLinkedLogonId", _HEX64),
        ("ElevatedToken", _TEXT),
    ),
    version=2,
    level=0,
    task=12544,
    keywords=_AUDIT_SUCCESS,
)  # fmt: skip
LOGGED_OFF = EventKind(
    *_SECURITY,
    4634,
    _SECURITY_GUID,
    (
        ("TargetUserSid", _SID), ("TargetUserName", _TEXT), ("TargetDomainName", _TEXT), ("TargetLogonId", _HEX64),
        ("LogonType", _UINT32),
    ),
    level=0,
    task=12545,
    keywords=_AUDIT_SUCCESS,
)  # fmt: skip
SPECIAL_PRIVILEGES = EventKind(
    *_SECURITY,
    4672,
    _SECURITY_GUID,
    (
        ("SubjectUserSid", _SID), ("SubjectUserName", _TEXT), ("SubjectDomainName", _TEXT), ("SubjectLogonId", _HEX64),
        ("PrivilegeList", _TEXT),
    ),
    level=0,
    task=12548,
    keywords=_AUDIT_SUCCESS,
)  # fmt: skip
PROCESS_AUDITED = EventKind(
    *_SECURITY,
    4688,
    _SECURITY_GUID,
    (
        ("SubjectUserSid", _SID), ("SubjectUserName", _TEXT), ("SubjectDomainName", _TEXT), ("SubjectLogonId", _HEX64),
        ("NewProcessId", _HEX64), ("NewProcessName", _TEXT), ("TokenElevationType", _TEXT), ("ProcessId", _HEX64),
        ("CommandLine", _TEXT), ("TargetUserSid", _SID), ("TargetUserName", _TEXT), ("TargetDomainName", _TEXT),
        ("TargetLogonId", _HEX64), ("ParentProcessName", _TEXT), ("MandatoryLabel", _SID),
    ),
    version=2,
    level=0,
    task=13312,
    keywords=_AUDIT_SUCCESS,
)  # fmt: skip
SERVICE_STATE = EventKind(
    "System",
    "Service Control Manager",
    7036,
    "555908d1-a6d7-4695-8e1e-26931d2012f4",
    (("param1", _TEXT), ("param2", _TEXT)),
    keywords=0x8080000000000000,
    qualifiers=16384,
)
STARTED = EventKind(
    "System",
    "Microsoft-Windows-Kernel-General",
    12,
    "a68ca8b7-004f-d7b6-a698-07e2de0f1f5d",
    (
        ("MajorVersion", _UINT32), ("MinorVersion", _UINT32), ("BuildVersion", _UINT32), ("QfeVersion", _UINT32),
        ("ServiceVersion", _UINT32), ("BootMode", _UINT32), ("StartTime", _FILETIME),
    ),
    task=1,
    keywords=0x8000000000000080,
)  # fmt: skip
EVENT_LOG_STARTED = EventKind("System", "EventLog", 6005, keywords=_CLASSIC, qualifiers=32768)
EVENT_LOG_STOPPED = EventKind("System", "EventLog", 6006, keywords=_CLASSIC, qualifiers=32768)
DIRECTORY_SERVERS = EventKind("Application", "MSExchange ADAccess", 2080, task=3, keywords=_CLASSIC, qualifiers=16388)
SHADOW_COPY_IDLE = EventKind("Application", "VSS", 8224, keywords=_CLASSIC, qualifiers=0)
CMDLET_SUCCEEDED = EventKind(
    "MSExchange Management", "MSExchange CmdletLogs", 1, task=1, keywords=_CLASSIC, qualifiers=16384
)
