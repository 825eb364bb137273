"""Names of people are known by the places in which they stand, and built-in accounts are nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.report.names_in_text import built_in, find

GROUP = "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
LEGACY = f"{GROUP}/cn=Recipients/cn=0123456789abcdef0123456789abcdef-jdoe"
ENCAPSULATED = "IMCEAEX-_O=CORP_OU=X_CN=RECIPIENTS_CN=JDOE@corp.example"
DOMAINS, HOSTS = {"corp"}, {"ex01", "ex01.corp.example"}


def names(text: str) -> set[str]:
    return {found.name for found in find(text, DOMAINS, HOSTS)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\Users\jdoe\AppData\Local\Temp\a.dmp", {"jdoe"}),
        (r"C:\Users\jdoe", {"jdoe"}),
        (r"C:\Users\John Doe\Desktop\list.txt", {"John Doe"}),
        (r"\\EX01\c$\Users\jdoe.CORP.000\NTUSER.DAT", {"jdoe"}),
        ("EX01/C/Documents and Settings/jdoe/x.log", {"jdoe"}),
        (r"C:\\Users\\jdoe\\x.log", {"jdoe"}),
        ("net user jdoe P@ssw0rd /add", {"jdoe"}),
        ('"C:\\Windows\\system32\\net.exe" user jdoe /domain', {"jdoe"}),
        ("net1 localgroup Administrators jdoe CORP\\mroe /add", {"jdoe", "mroe"}),
        ('net group "Exchange Organization administrators" jdoe /add /domain', {"jdoe"}),
        ("whoami&net user jdoe /delete&echo [S]", {"jdoe"}),
        ("runas /user:CORP\\jdoe cmd", {"jdoe"}),
        ("schtasks /create /tn x /ru jdoe /rp secret", {"jdoe"}),
        ("psexec.exe \\\\EX02 -u CORP\\jdoe -p secret cmd", {"jdoe"}),
        ("New-MailboxExportRequest -Mailbox jdoe -FilePath \\\\localhost\\C$\\x.aspx", {"jdoe"}),
        ('New-MailboxExportRequest -Mailbox "John Doe" -Name x', {"John Doe"}),
        ('powershell -c \\"Add-MailboxPermission -Identity \\"jdoe\\" -User \\"mroe\\"\\"', {"jdoe", "mroe"}),
        ("Add-MailboxPermission -Identity:'jdoe' -User:mroe -AccessRights FullAccess", {"jdoe", "mroe"}),
        ("Set-Mailbox -Identity corp.example/Users/jdoe -HiddenFromAddressListsEnabled True", {"jdoe"}),
        ('Remove-MailboxExportRequest -Identity "corp.example/Users/jdoe\\MailboxExport"', {"jdoe"}),
        ("Get-Mailbox jdoe | fl", {"jdoe"}),
        ("Get-MailboxFolderPermission -Identity jdoe:\\Inbox", {"jdoe"}),
        ("Add-RoleGroupMember 'Organization Management' -Member jdoe,mroe", {"jdoe", "mroe"}),
        ('New-InboxRule -Mailbox jdoe -ForwardTo "drop@mail.example"', {"jdoe", "drop@mail.example"}),
        ("logon of CORP\\jdoe from 203.0.113.7", {"jdoe"}),
        ("logon of corp\\jdoe failed", {"jdoe"}),
        ("logon of OTHER\\jdoe failed", {"jdoe"}),
        ("smtp:jdoe@corp.example;SMTP:j.doe+x@mail.corp.example", {"jdoe@corp.example", "j.doe+x@mail.corp.example"}),
        ("/ecp/?email=jdoe%40corp.example&x=1", {"jdoe%40corp.example"}),
        ("email=john.o'doe@corp.example", {"john.o'doe@corp.example"}),
        ("bounce+jdoe=corp.example@lists.example", {"bounce+jdoe=corp.example@lists.example"}),
        ("müller@corp.example", {"müller@corp.example"}),
        ("owner S-1-5-21-1-2-3-1104", {"S-1-5-21-1-2-3-1104"}),
        (LEGACY, {LEGACY, "jdoe"}),
        (ENCAPSULATED, {ENCAPSULATED, "JDOE@corp.example"}),
        ("CN=Doe\\, John,OU=Sales,DC=corp,DC=example", {"Doe\\, John"}),
        ('{"UserId":"jdoe","Operation":"MailItemsAccessed"}', {"jdoe"}),
        ('<Data Name="SubjectUserName">jdoe</Data><Data Name="SubjectDomainName">CORP</Data>', {"jdoe"}),
        ('{"TargetUserName":"CORP\\\\jdoe"}', {"jdoe"}),
        ('{"MemberUserName": "jdoe", "User": "other\\\\mroe"}', {"jdoe", "mroe"}),
        ("Cmd=Sync&User=other%5Cjdoe&DeviceId=ABC", {"jdoe"}),
        ("to=%3Djdoe%40corp.example", {"jdoe%40corp.example"}),
        ('{"ScriptBlockText": "whoami\\nCORP\\\\jdoe,\\tOTHER\\\\mroe"}', {"jdoe", "mroe"}),
        ("UserName~CORP\\jdoe,200", {"jdoe"}),
        ("Cmd=Sync&User=jdoe&DeviceId=ABC", {"jdoe"}),
    ],
)  # fmt: skip
def test_a_name_is_known_by_its_place(text: str, expected: set[str]) -> None:
    found = names(text)
    assert expected <= found
    assert {name.casefold() for name in found} <= {name.casefold() for name in expected} | {"corp.example"}


@pytest.mark.parametrize(
    "text",
    [
        r"C:\Users\Public\x.aspx",
        r"C:\Users\Administrator\Desktop\x.txt",
        r"C:\Users\MSExchangeOWAAppPool\x",
        "net user /domain",
        "net user Administrator x /active:yes",
        'net group "Exchange Organization administrators" /domain',
        "net use \\\\EX02\\c$",
        "NT AUTHORITY\\SYSTEM and NT AUTHORITY\\NETWORK SERVICE",
        "IIS APPPOOL\\DefaultAppPool",
        "CORP\\EX01$",
        "corp\\healthmailboxda15fef",
        "reg save HKLM\\SAM sam.hiv",
        "c:\\windows\\system32\\cmd.exe /c dir",
        "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\a.aspx",
        'Set-OabVirtualDirectory -Identity "EX01\\OAB (Default Web Site)" -ExternalUrl http://f/x',
        "Get-ExchangeServer -Identity EX01",
        "Get-MailboxDatabase -Identity 'Mailbox Database 01'",
        "S-1-5-18, S-1-5-21-1-2-3-500 and S-1-5-21-1-2-3-512",
        f"{GROUP}/cn=Configuration/cn=Servers/cn=EX01",
        "regsvr32 /u /s x.dll",
        "1200 users, user agent: Mozilla/5.0",
        '{"User": "NT AUTHORITY\\\\SYSTEM", "SubjectUserName": "EX01$", "TargetUserName": "-"}',
        "a=C%3A%5CWINDOWS%5CTEMP%5Cx.log",
        '{"Path": "C:\\\\nTDS\\\\FOO"}',
        "D:\\ADMINI~1.CORP\\NTUSER",
        'rundll32.exe C:\\Windows\\System32\\comsvcs.dll MiniDump C:\\ProgramData\\a.dmp full',
    ],
)  # fmt: skip
def test_what_is_nobodys_name_is_none(text: str) -> None:
    assert names(text) == set()


@pytest.mark.parametrize(
    "name", ["NT AUTHORITY\\SYSTEM", "Administrator", "CORP\\EX01$", "HealthMailbox0123abc", "SYSTEM"]
)
def test_accounts_that_are_built_in(name: str) -> None:
    assert built_in(name)


@given(st.text(max_size=300))
def test_every_name_stands_where_it_is_said_to_stand(text: str) -> None:
    for found in find(text, DOMAINS, HOSTS):
        assert found.place <= found.start
        assert found.name.replace(", ", "").strip() != ""


@given(
    st.from_regex(r"[a-z]{4,10}", fullmatch=True), st.sampled_from(["net user {} x /add", "-Mailbox {} ", "CORP\\{} "])
)
def test_any_name_in_such_a_place_is_found(name: str, place: str) -> None:
    assert built_in(name) or name in names(place.format(name))
