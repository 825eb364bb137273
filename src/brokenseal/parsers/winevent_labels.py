"""Where the English messages of the most telling events have the events' fields, as data.

References:
    https://learn.microsoft.com/en-us/windows/security/threat-protection/auditing/security-auditing-overview
    https://learn.microsoft.com/en-us/windows/security/threat-protection/auditing/event-4688
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Label(NamedTuple):
    """Where a message has a field: its name in the event, the section's heading ('' for none) and the label (regexes)."""

    field: str
    section: str
    label: str


def _section(heading: str, **labels: str) -> tuple[Label, ...]:
    return tuple(Label(field, heading, label.replace("_", " ")) for field, label in labels.items())


def _account(heading: str, prefix: str) -> tuple[Label, ...]:
    names = {
        "UserSid": "Security ID",
        "UserName": "Account Name",
        "DomainName": "Account Domain",
        "LogonId": "Logon ID",
    }
    return tuple(Label(f"{prefix}{field}", heading, label) for field, label in names.items())


_SUBJECT = _account("(?:Creator )?Subject", "Subject")
_PROCESS = _section("Process Information", ProcessId="(?:Caller )?Process ID", ProcessName="(?:Caller )?Process Name")
_TARGET = _section(
    "(?:Target|New) Account", TargetSid="Security ID", TargetUserName="Account Name", TargetDomainName="Account Domain"
)
_LOGON = (
    *_SUBJECT,
    *_account("(?:New Logon|Account For Which Logon Failed)", "Target"),
    Label("LogonType", "", r"\t?Logon Type"),
    *_PROCESS,
    *_section(
        "Network Information",
        WorkstationName="Workstation Name",
        IpAddress="Source Network Address",
        IpPort="Source Port",
    ),
    *_section(
        "Detailed Authentication Information",
        LogonProcessName="Logon Process",
        AuthenticationPackageName="Authentication Package",
        LmPackageName=r"Package Name \(NTLM only\)",
        KeyLength="Key Length",
    ),
)
_MEMBER = (
    *_SUBJECT,
    *_section("Member", MemberSid="Security ID", MemberName="Account Name"),
    *_section(
        "Group",
        TargetSid="(?:Security|Group) ID",
        TargetUserName="(?:Group|Account) Name",
        TargetDomainName="(?:Group|Account) Domain",
    ),
)
_OBJECT = _section(
    "Object",
    ObjectServer="Object Server",
    ObjectType="Object Type",
    ObjectName="Object Name",
    HandleId="Handle ID",
)
_ACCESS = _section("Access Request Information", AccessList="Accesses", AccessMask="Access Mask")
_SHARE = (
    *_SUBJECT,
    *_section("Network Information", ObjectType="Object Type", IpAddress="Source Address", IpPort="Source Port"),
    *_section(
        "Share Information",
        ShareName="Share Name",
        ShareLocalPath="Share Path",
        RelativeTargetName="Relative Target Name",
    ),
    *_ACCESS,
)

#: Events of the Security log that detection asks for most.
SECURITY_LABELS: Mapping[tuple[int, ...], tuple[Label, ...]] = {
    (4624,): _LOGON,
    (4625,): (
        *_LOGON,
        *_section("Failure Information", FailureReason="Failure Reason", Status="Status", SubStatus="Sub Status"),
    ),
    (4648,): (
        *_SUBJECT,
        *_section(
            "Account Whose Credentials Were Used", TargetUserName="Account Name", TargetDomainName="Account Domain"
        ),
        *_section("Target Server", TargetServerName="Target Server Name", TargetInfo="Additional Information"),
        *_PROCESS,
        *_section("Network Information", IpAddress="Network Address", IpPort="Port"),
    ),
    (4656, 4663): (*_SUBJECT, *_OBJECT, *_PROCESS, *_ACCESS),
    (4657,): (
        *_SUBJECT,
        *_section("Object", ObjectName="Object Name", ObjectValueName="Object Value Name"),
        *_PROCESS,
        *_section("Change Information", OldValue="Old Value", NewValueType="New Value Type", NewValue="New Value"),
    ),
    (4672,): (*_SUBJECT, Label("PrivilegeList", "", "Privileges")),
    (4688,): (
        *_SUBJECT,
        *_account("Target Subject", "Target"),
        *_section(
            "Process Information",
            NewProcessId="New Process ID",
            NewProcessName="New Process Name",
            TokenElevationType="Token Elevation Type",
            MandatoryLabel="Mandatory Label",
            ProcessId="Creator Process ID",
            ParentProcessName="Creator Process Name",
        ),
    ),
    (4689,): (*_SUBJECT, *_PROCESS, *_section("Process Information", Status="Exit Status")),
    (4697,): (
        *_SUBJECT,
        *_section(
            "Service Information",
            ServiceName="Service Name",
            ServiceFileName="Service File Name",
            ServiceType="Service Type",
            ServiceStartType="Service Start Type",
            ServiceAccount="Service Account",
        ),
    ),
    (4698, 4699, 4700, 4701, 4702): (*_SUBJECT, *_section("Task Information", TaskName="Task Name")),
    (4720, 4722, 4723, 4724, 4725, 4726, 4738, 4740): (*_SUBJECT, *_TARGET),
    (4728, 4729, 4732, 4733, 4756, 4757): _MEMBER,
    (4769,): (
        *_section("Account Information", TargetUserName="Account Name", TargetDomainName="Account Domain"),
        *_section("Service Information", ServiceName="Service Name", ServiceSid="Service ID"),
        *_section("Network Information", IpAddress="Client Address", IpPort="Client Port"),
        *_section(
            "Additional Information",
            TicketOptions="Ticket Options",
            TicketEncryptionType="Ticket Encryption Type",
            Status="Failure Code",
        ),
    ),
    (4776,): (
        Label("PackageName", "", "Authentication Package"),
        Label("TargetUserName", "", "Logon Account"),
        Label("Workstation", "", "Source Workstation"),
        Label("Status", "", "Error Code"),
    ),
    (5136, 5137, 5141): (
        *_SUBJECT,
        *_section("Directory Service", DSName="Name", DSType="Type"),
        *_section("Object", ObjectDN="DN", ObjectGUID="GUID", ObjectClass="Class"),
        *_section(
            "Attribute",
            AttributeLDAPDisplayName="LDAP Display Name",
            AttributeSyntaxOID=r"Syntax \(OID\)",
            AttributeValue="Value",
        ),
        *_section("Operation", OperationType="Type"),
    ),
    (5140, 5145): _SHARE,
}
LOG_CLEARED_LABELS = _section(
    "Subject",
    SubjectUserSid="Security ID",
    SubjectUserName="Account Name",
    SubjectDomainName="Domain Name",
    SubjectLogonId="Logon ID",
)
SERVICE_INSTALLED_LABELS = tuple(
    Label(field, "", label)
    for field, label in {
        "ServiceName": "Service Name",
        "ImagePath": "Service File Name",
        "ServiceType": "Service Type",
        "StartType": "Service Start Type",
        "AccountName": "Service Account",
    }.items()
)
