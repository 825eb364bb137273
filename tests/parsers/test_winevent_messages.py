"""Fields read from English messages; what a value pretends does not become a field."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.winevent_labels import SECURITY_LABELS
from brokenseal.parsers.winevent_messages import SECURITY, SYSMON, read_messages, sysmon_fields


def said(provider: str | None, event: int | None, *messages: str | None) -> tuple[list[Any], int, int]:
    count = len(messages)
    result = read_messages(
        pa.chunked_array([pa.array([provider] * count, pa.string())]),
        pa.chunked_array([pa.array([event] * count, pa.int64())]),
        pa.chunked_array([pa.array(messages, pa.string())]),
    )
    found = [None if text is None else json.loads(text) for text in result.data.to_pylist()]
    return found, result.unread, result.twice


SUBJECT = (
    "Subject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n\tAccount Name:\t\tEX01$\r\n"
    "\tAccount Domain:\t\tCORP\r\n\tLogon ID:\t\t0x3E7\r\n\r\n"
)
SUBJECT_FIELDS = {
    "SubjectUserSid": "S-1-5-18",
    "SubjectUserName": "EX01$",
    "SubjectDomainName": "CORP",
    "SubjectLogonId": "0x3E7",
}


def test_sysmon_names_become_fields_and_values_keep_their_lines() -> None:
    message = "Process Create:\r\nRuleName: \r\nImage: C:\\a.exe\r\nCommandLine: x\r\n  y: z\r\n\r\nUser: CORP\\anna"
    assert said(SYSMON, 1, message) == (
        [{"RuleName": "", "Image": "C:\\a.exe", "CommandLine": "x\r\n  y: z", "User": "CORP\\anna"}],
        0,
        0,
    )


def test_a_name_inside_a_sysmon_value_is_told_and_does_not_win() -> None:
    message = (
        "Process Create:\r\nImage: C:\\real.exe\r\nCommandLine: x\r\nImage: C:\\forged.exe\r\n"
        "ParentImage: C:\\forged.exe\r\n"
        "CurrentDirectory: C:\\\r\nParentImage: C:\\real.exe"
    )
    ((fields,), unread, twice) = said(SYSMON, 1, message)
    assert (fields["Image"], fields["ParentImage"], unread, twice) == ("C:\\real.exe", "C:\\real.exe", 0, 1)


def test_an_unknown_name_in_a_sysmon_value_is_part_of_it() -> None:
    message = "Process Create:\r\nCommandLine: x\r\nNonsense: y\r\nUser: anna"
    assert said(SYSMON, 1, message) == ([{"CommandLine": "x\r\nNonsense: y", "User": "anna"}], 0, 0)


def test_marks_in_a_sysmon_message_are_no_marks() -> None:
    assert said(SYSMON, 1, "a:\nImage: b\x1ex\x1fUser: c\nUser: d")[0] == [{"Image": "b␞x␟User: c", "User": "d"}]


@pytest.mark.parametrize(
    ("event", "message", "fields"),
    [
        (
            4720,
            f"A user account was created.\r\n\r\n{SUBJECT}New Account:\r\n"
            "\tSecurity ID:\t\tS-1-5-21-1\r\n\tAccount Name:\t\tx$\r\n"
            "\tAccount Domain:\t\tCORP\r\n\r\nAttributes:\r\n\tSAM Account Name:\tx$",
            SUBJECT_FIELDS | {"TargetSid": "S-1-5-21-1", "TargetUserName": "x$", "TargetDomainName": "CORP"},
        ),
        (
            4728,
            f"A member was added to a security-enabled global group.\r\n\r\n{SUBJECT}Member:\r\n"
            "\tSecurity ID:\t\tS-1-5-21-2\r\n"
            "\tAccount Name:\t\tCN=x\r\n\r\nGroup:\r\n\tSecurity ID:\t\tS-1-5-21-512\r\n"
            "\tGroup Name:\t\tDomain Admins\r\n"
            "\tGroup Domain:\t\tCORP\r\n\r\nAdditional Information:\r\n\tPrivileges:\t\t-",
            SUBJECT_FIELDS
            | {"MemberSid": "S-1-5-21-2", "MemberName": "CN=x", "TargetSid": "S-1-5-21-512"}
            | {"TargetUserName": "Domain Admins", "TargetDomainName": "CORP"},
        ),
        (
            4625,
            f"An account failed to log on.\r\n\r\n{SUBJECT}Logon Type:\t\t\t3\r\n\r\n"
            "Account For Which Logon Failed:\r\n"
            "\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\tceo\r\n\tAccount Domain:\t\t\r\n\r\n"
            "Failure Information:\r\n"
            "\tFailure Reason:\t\tUnknown user name or bad password.\r\n"
            "\tStatus:\t\t\t0xC000006D\r\n\tSub Status:\t\t0xC000006A\r\n\r\n"
            "Process Information:\r\n\tCaller Process ID:\t0x0\r\n\tCaller Process Name:\t-\r\n\r\n"
            "Network Information:\r\n"
            "\tWorkstation Name:\tPC1\r\n\tSource Network Address:\t198.51.100.7\r\n\tSource Port:\t\t4711",
            SUBJECT_FIELDS
            | {"LogonType": "3", "TargetUserSid": "S-1-0-0", "TargetUserName": "ceo", "Status": "0xC000006D"}
            | {"SubStatus": "0xC000006A", "FailureReason": "Unknown user name or bad password.", "ProcessId": "0x0"}
            | {"ProcessName": "-", "WorkstationName": "PC1", "IpAddress": "198.51.100.7", "IpPort": "4711"},
        ),
        (
            5136,
            f"A directory service object was modified.\r\n\t\r\n{SUBJECT}Directory Service:\r\n"
            "\tName:\tcorp.example\r\n"
            "\tType:\tActive Directory Domain Services\r\n\t\r\nObject:\r\n\tDN:\tCN=OAB\r\n"
            "\tGUID:\t{1}\r\n\tClass:\tmsExchOABVirtualDirectory\r\n\t\r\n"
            "Attribute:\r\n\tLDAP Display Name:\tmsExchExternalHostName\r\n"
            "\tSyntax (OID):\t2.5.5.12\r\n\tValue:\thttp://x.example/#\r\n\t\r\n"
            "Operation:\r\n\tType:\tValue Added\r\n\tCorrelation ID:\t{2}",
            SUBJECT_FIELDS
            | {
                "DSName": "corp.example",
                "DSType": "Active Directory Domain Services",
                "ObjectDN": "CN=OAB",
                "ObjectGUID": "{1}",
            }
            | {"ObjectClass": "msExchOABVirtualDirectory", "AttributeLDAPDisplayName": "msExchExternalHostName"}
            | {
                "AttributeSyntaxOID": "2.5.5.12",
                "AttributeValue": "http://x.example/#",
                "OperationType": "Value Added",
            },
        ),
        (
            4698,
            f"A scheduled task was created.\r\n\r\n{SUBJECT}Task Information:\r\n"
            "\tTask Name: \t\t\\x\r\n\tTask Content: \t\t<Task>\r\n  <a/>\r\n</Task>",
            SUBJECT_FIELDS | {"TaskName": "\\x", "TaskContent": "<Task>\r\n  <a/>\r\n</Task>"},
        ),
        (
            4776,
            "The computer attempted to validate the credentials for an account.\r\n\r\n"
            "Authentication Package:\tMICROSOFT_AUTHENTICATION\r\n"
            "Logon Account:\tanna\r\nSource Workstation:\tPC1\r\nError Code:\t0x0",
            {
                "PackageName": "MICROSOFT_AUTHENTICATION",
                "TargetUserName": "anna",
                "Workstation": "PC1",
                "Status": "0x0",
            },
        ),
    ],
)
def test_security_messages(event: int, message: str, fields: dict[str, str]) -> None:
    assert said(SECURITY, event, message) == ([fields], 0, 0)


def test_a_label_counts_only_in_its_section() -> None:
    message = f"x\r\n\r\n{SUBJECT}New Account:\r\n\tSecurity ID:\t\tS-1\r\n\r\nAttributes:\r\n\tAccount Name:\t\tother"
    assert said(SECURITY, 4720, message)[0] == [SUBJECT_FIELDS | {"TargetSid": "S-1"}]


def test_a_script_may_hold_what_ends_one() -> None:
    script = "a\r\nScriptBlock ID: 00000000-0000-4000-8000-000000000000\r\nPath: \r\nb"
    message = (
        f"Creating Scriptblock text (2 of 3):\r\n{script}\r\n\r\n"
        "ScriptBlock ID: 11111111-0000-4000-8000-000000000000\r\nPath: "
    )
    assert said("Microsoft-Windows-PowerShell", 4104, message)[0] == [
        {
            "MessageNumber": "2",
            "MessageTotal": "3",
            "ScriptBlockText": script,
            "ScriptBlockId": "11111111-0000-4000-8000-000000000000",
        }
    ]


def test_a_pipeline_and_its_context() -> None:
    message = (
        'CommandInvocation(Get-X): "Get-X"\r\n\r\n\r\nContext:\r\n'
        "        Severity = Informational\r\n        User = CORP\\anna\r\n\r\n\r\nUser Data:\r\n\r\n"
    )
    assert said("Microsoft-Windows-PowerShell", 4103, message)[0] == [
        {
            "Payload": 'CommandInvocation(Get-X): "Get-X"',
            "ContextInfo": "        Severity = Informational\r\n        User = CORP\\anna",
        }
    ]


def test_messages_that_are_not_english_or_not_known_have_no_fields() -> None:
    assert said(SECURITY, 4624, "Ein Konto wurde angemeldet.") == ([None], 1, 0)
    assert said(SECURITY, 1, "Subject:\r\n\tSecurity ID:\t\tx") == ([None], 0, 0)
    assert said("X", 4624, "x") == ([None], 0, 0)
    assert said(None, None, "x", None) == ([None, None], 0, 0)
    assert said(SECURITY, 4624, None) == ([None], 0, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [SYSMON, SECURITY, "MSExchange CmdletLogs", "Microsoft-Windows-PowerShell", "Service Control Manager"]
    ),
    st.sampled_from([1, 6, 8, 4103, 4104, 7045, *(event for events in SECURITY_LABELS for event in events)]),
    st.lists(
        st.lists(
            st.one_of(
                st.sampled_from(["Image: ", "Subject:", "\t", "\r\n", "Account Name:", "\x1e", "\x1f", "UtcTime: "]),
                st.text(max_size=5),
            )
        ),
        max_size=4,
    ),
)
def test_no_message_is_too_odd(provider: str, event: int, parts: list[list[str]]) -> None:
    messages = ["".join(each).replace("\0", "") for each in parts]
    found, _, _ = said(provider, event, *messages)
    assert len(found) == len(messages)
    assert all(each is None or all(isinstance(value, str) for value in each.values()) for each in found)


def test_sysmon_fields_says_whether_a_name_comes_twice() -> None:
    assert sysmon_fields("Image: a") == ('{"Image":"a"}', False)
    assert sysmon_fields("Image: a\nImage: b") == ('{"Image":"a"}', True)
    assert sysmon_fields("User: a\nUser: b") == ('{"User":"b"}', True)
    assert sysmon_fields("nothing") == (None, False)
