"""Mail read by an intruder who is signed in, told from the normal use of the same mailboxes; what the user can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.errors import UsageError
from brokenseal.report.document import validate

PROXY = (
    "DateTime,RequestId,Protocol,UrlStem,ProtocolAction,IsAuthenticated,AuthenticatedUser,AnchorMailbox,UserAgent,"
    "ClientIpAddress,ServerHostName,HttpStatus,Method,RoutingHint,ResponseBytes,UrlQuery"
)
EWS = (
    "DateTime,RequestId,AuthenticatedUser,SoapAction,HttpStatus,ServerHostName,ActAsUser,ImpersonatedUser,LocalIdCount"
)
MAPI = "DateTime,RequestId,RequestType,HttpStatusCode,MailboxId,AuthenticatedUserEmail,MapiRequestId,RopIds"
IIS = "date time s-computername cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-bytes"
INTRUDER, HOME = "203.0.113.7", "192.0.2.20"
GUID = "0b2c6e7a-54d1-4c8e-9d2f-7a1b2c3d4e5f"


class Server:
    """One server's logs of 3 March 2021; every request has an id of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: dict[str, list[str]] = {"proxy": [], "ews": [], "mapi": [], "iis": []}
        self._number = 0

    def front(self, time: str, protocol: str, user: str, ip: str, size: int | str, **cells: Any) -> str:
        self._number += 1
        row = {
            "DateTime": f"2021-03-{cells.pop('day', '03')}T{time}.000Z",
            "RequestId": f"{self._number:08x}-0000-4000-8000-000000000000",
            "Protocol": protocol,
            "UrlStem": f"/{protocol.lower()}/x",
            "IsAuthenticated": "true" if user else "false",
            "AuthenticatedUser": user,
            "ClientIpAddress": ip,
            "ServerHostName": "EX01",
            "HttpStatus": 200,
            "Method": "POST",
            "ResponseBytes": size,
            **cells,
        }
        self._rows["proxy"].append(",".join(str(row.get(name, "")) for name in PROXY.split(",")))
        return str(row["RequestId"])

    def ews(self, time: str, request: str, mailbox: str, items: int, action: str = "GetItem") -> None:
        self._rows["ews"].append(f"2021-03-03T{time}.000Z,{request},CORP\\x,{action},200,EX01,,{mailbox},{items}")

    def mapi(self, time: str, request: str) -> None:
        self._rows["mapi"].append(f"2021-03-03T{time}.000Z,{request},Execute,200,{GUID}@corp.example,,{{m}},rop")

    def iis(self, time: str, stem: str, user: str, ip: str, size: int, query: str = "-") -> None:
        self._rows["iis"].append(f"2021-03-03 {time} EX01 POST {stem} {query} 443 {user} {ip} Client/1.0 200 {size}")

    def forged(self, time: str = "02:00:00", ip: str = INTRUDER) -> None:
        """A request that shows that somebody is in: the front end passed it on to the inner mail service."""
        self.front(
            time,
            "Ecp",
            "",
            ip,
            9000,
            UrlStem="/ecp/y.js",
            AnchorMailbox="ServerInfo~a]@ex01:444/EWS/Exchange.asmx?#",
            RoutingHint="X-BEResource-Cookie",
        )

    def scanned(self, **options: Any) -> dict[str, Any]:
        self.folder.mkdir(exist_ok=True)
        for name, kind, fields in (
            ("proxy", "HttpProxy Logs", PROXY),
            ("ews", "EWS Logs", EWS),
            ("mapi", "MapiHttp Logs", MAPI),
        ):
            if self._rows[name]:
                head = f"#Software: Microsoft Exchange Server\n#Log-type: {kind}\n#Fields: {fields}\n"
                (self.folder / f"{name}.log").write_text(head + "".join(f"{row}\n" for row in self._rows[name]))
        if self._rows["iis"]:
            head = f"#Software: Microsoft Internet Information Services 10.0\n#Fields: {IIS}\n"
            (self.folder / "u_ex210303.log").write_text(head + "".join(f"{row}\n" for row in self._rows["iis"]))
        incident = scan([self.folder], **options)
        assert incident.unread == ()
        assert validate(incident.document) == []
        return dict(incident.document)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "logs")


def signed_in(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in found["mailboxes"] if row["access"] == "signed-in"]


def test_what_the_intruder_read_and_what_the_user_read_are_kept_apart(server: Server) -> None:
    server.forged()
    for at, (ip, size) in enumerate([(INTRUDER, 5000), (HOME, 700), (INTRUDER, 3000), (HOME, 900)]):
        request = server.front(f"03:00:0{at}", "Ews", "CORP\\anna", ip, size)
        server.ews(f"03:00:0{at}", request, "anna@corp.example", 4)
    (row,) = signed_in(server.scanned())
    assert (row["mailbox"], row["requests"], row["source_ips"]) == ("anna@corp.example", 2, [INTRUDER])
    assert (row["items_at_least"], row["items_at_most"]) == (8, 8)
    assert (row["bytes_at_least"], row["bytes_at_most"]) == (8000, 8000 + 9000)
    assert (row["complete"], row["confidence"], row["users"]) == (True, "medium", ["corp\\anna"])
    assert [reference["line"] for reference in row["evidence"]] == [5, 7]


def test_protocols_that_do_not_count_messages_say_so(server: Server) -> None:
    server.forged()
    request = server.front("03:00:00", "Mapi", "CORP\\anna", INTRUDER, 5000)
    server.mapi("03:00:00", request)
    (row,) = signed_in(server.scanned())
    assert row["mailbox"] == f"{GUID}@corp.example"
    assert (row["items_at_least"], row["items_at_most"], row["complete"]) == (0, None, False)
    assert "do not count messages" in row["incomplete_because"][0]


def test_a_directory_export_makes_one_person_of_many_names(server: Server) -> None:
    server.forged()
    server.mapi("03:00:00", server.front("03:00:00", "Mapi", "CORP\\anna", INTRUDER, 5000))
    server.front("03:00:01", "Owa", "CORP\\anna", INTRUDER, 100, UrlStem="/owa/service.svc")
    server.front("03:00:02", "Eas", "anna@corp.example", INTRUDER, 40, AnchorMailbox="SMTP:a.berg@corp.example")
    assert {row["mailbox"] for row in signed_in(server.scanned())} == {
        f"{GUID}@corp.example",
        "corp\\anna",
        "a.berg@corp.example",
    }
    (server.folder / "mailboxes.csv").write_text(
        "DisplayName,PrimarySmtpAddress,EmailAddresses,ExchangeGuid,SamAccountName,UserPrincipalName\n"
        'Anna Berg,anna@corp.example,"SMTP:anna@corp.example smtp:a.berg@corp.example",'
        f"{GUID},CORP\\anna,anna@corp.example\n"
    )
    (row,) = signed_in(server.scanned())
    assert (row["mailbox"], row["display_name"], row["bytes_at_least"]) == ("anna@corp.example", "Anna Berg", 5140)
    assert row["known_as"] == sorted(["a.berg@corp.example", f"{GUID}@corp.example", "corp\\anna"])
    assert row["protocols"] == ["eas", "mapi", "owa"]


def test_iis_counts_where_no_httpproxy_log_is_left(server: Server) -> None:
    server.forged("02:00:00")
    server.iis("05:00:00", "/Microsoft-Server-ActiveSync", "anna", INTRUDER, 800, "Cmd=Sync&User=anna%40corp")
    server.iis("02:30:00", "/EWS/Exchange.asmx", "anna", INTRUDER, 600)  # in this hour HttpProxy speaks
    (row,) = signed_in(server.scanned())
    assert (row["protocols"], row["requests"], row["bytes_at_least"]) == (["eas"], 1, 800)


def test_what_failed_and_what_is_no_mail_is_not_counted(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Ews", "CORP\\anna", INTRUDER, 300, HttpStatus=401)
    server.front("03:00:01", "Owa", "CORP\\anna", INTRUDER, 300, UrlStem="/owa/auth/logon.aspx")
    server.front("03:00:02", "Owa", "CORP\\anna", INTRUDER, 300, UrlStem="/owa/15.1.2176/scripts/boot.js")
    server.front("03:00:03", "PowerShell", "CORP\\anna", INTRUDER, 300)
    assert signed_in(server.scanned()) == []


def test_the_user_says_who_the_intruder_is(server: Server) -> None:
    server.front("03:00:00", "Owa", "CORP\\anna", "198.51.100.9", 5000, UrlStem="/owa/service.svc", UserAgent="Odd/7")
    assert signed_in(server.scanned()) == []
    (row,) = signed_in(server.scanned(actor_ips=["::ffff:198.51.100.9"]))
    assert (row["intrusion"], row["confidence"], row["bytes_at_least"]) == ("I1", "low", 5000)
    (row,) = signed_in(server.scanned(actor_agents=["oDD/"]))
    assert row["bytes_at_least"] == 5000
    assert signed_in(server.scanned(actor_agents=["Odd/"], not_actor_ips=["198.51.100.9"])) == []
    with pytest.raises(UsageError, match="--actor-ip"):
        scan([server.folder], actor_ips=["nonsense"])


def test_an_address_can_be_taken_from_an_intrusion(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Owa", "CORP\\anna", INTRUDER, 5000, UrlStem="/owa/service.svc")
    found = server.scanned()
    assert len(signed_in(found)) == 1
    assert found["actors"] == [
        {"intrusion": "I1", "ip": INTRUDER, "agent": None, "why": "address of intrusion I1"},
    ]
    spared = server.scanned(not_actor_ips=[INTRUDER])
    assert (signed_in(spared), spared["actors"]) == ([], [])


def test_an_address_is_the_intruders_for_some_time_only(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Owa", "CORP\\anna", INTRUDER, 5000, UrlStem="/owa/service.svc", day="01")
    assert signed_in(server.scanned()) == []


def test_bytes_that_nobodys_normal_use_explains_stand_out_without_any_rule(server: Server) -> None:
    for day in ("01", "02", "03"):
        server.front("09:00:00", "Owa", "CORP\\anna", HOME, 9000, UrlStem="/owa/service.svc", day=day)
    server.front("04:00:00", "Owa", "CORP\\anna", "198.51.100.9", 8000, UrlStem="/owa/service.svc")
    found = server.scanned()
    assert found["mailboxes"] == []
    clients = [(each["ip"], each["bytes"], each["unexplained_bytes"]) for each in found["outflow"]["clients"]]
    assert clients == [("198.51.100.9", 8000, 8000), (HOME, 27000, 0)]
    assert [hour["other_bytes"] for hour in found["outflow"]["hours"]] == [9000, 9000, 8000, 9000]
    assert {hour["actor_bytes"] for hour in found["outflow"]["hours"]} == {0}


def test_what_left_by_forged_requests_is_the_intruders(server: Server) -> None:
    server.forged("02:00:00")
    server.forged("02:10:00")
    (client,) = server.scanned()["outflow"]["clients"]
    assert (client["ip"], client["unexplained_bytes"], client["requests"]) == (INTRUDER, 18000, 2)
    assert client["intrusion"] == "I1"


CMDLET = (
    "DateTime,RequestId,ServerHostName,ProcessName,AuthenticatedUser,ClientApplication,Cmdlet,Parameters,ErrorType,"
    "ExecutionResult"
)


def test_an_exported_mailbox_that_was_fetched_over_the_web_is_counted(server: Server) -> None:
    server.forged()
    path = "\\\\127.0.0.1\\c$\\inetpub\\wwwroot\\aspnet_client\\a.pst"
    server.folder.mkdir()
    (server.folder / "cmdlet.log").write_text(
        "#Software: Microsoft Exchange Server\n#Log-type: Rps Cmdlet Logs\n"
        f"#Fields: {CMDLET}\n2021-03-03T02:05:00.000Z,1,EX01,w3wp#MSExchangePowerShellAppPool,CORP\\x,,"
        f'New-MailboxExportRequest,"-Mailbox ""anna@corp.example"" -FilePath ""{path}""",,Success\n'
    )
    server.iis("02:20:00", "/aspnet_client/A.pst", "-", INTRUDER, 700_000)
    server.iis("02:25:00", "/aspnet_client/b.pst", "-", INTRUDER, 500)
    (row,) = [row for row in server.scanned()["mailboxes"] if row["access"] == "export-download"]
    assert (row["mailbox"], row["requests"], row["bytes_at_least"]) == ("anna@corp.example", 1, 700_000)
    assert (row["first"], row["source_ips"]) == ("2021-03-03T02:20:00.000Z", [INTRUDER])


def test_a_path_with_spaces_is_the_same_in_cmdlet_and_log(server: Server) -> None:
    server.forged()
    path = "\\\\127.0.0.1\\c$\\inetpub\\wwwroot\\aspnet_client\\a b.pst"
    server.folder.mkdir()
    (server.folder / "cmdlet.log").write_text(
        "#Software: Microsoft Exchange Server\n#Log-type: Rps Cmdlet Logs\n"
        f"#Fields: {CMDLET}\n2021-03-03T02:05:00.000Z,1,EX01,w3wp#MSExchangePowerShellAppPool,CORP\\x,,"
        f'New-MailboxExportRequest,"-Mailbox ""anna@corp.example"" -FilePath ""{path}""",,Success\n'
    )
    server.iis("02:20:00", "/aspnet_client/a+b.pst", "-", INTRUDER, 700)
    server.iis("02:20:05", "/aspnet_client/a%20b.pst", "-", INTRUDER, 50)
    (row,) = [row for row in server.scanned()["mailboxes"] if row["access"] == "export-download"]
    assert (row["mailbox"], row["requests"], row["bytes_at_least"]) == ("anna@corp.example", 2, 750)


def test_a_mailbox_opened_in_webmail_by_somebody_else_is_the_one_that_was_read(server: Server) -> None:
    server.forged()
    stem = "/owa/Bela@corp.example/service.svc"
    server.front("03:00:00", "Owa", "CORP\\anna", INTRUDER, 700, UrlStem=stem, AnchorMailbox="Sid~S-1-5-21-1-2-3-1500")
    (row,) = signed_in(server.scanned())
    assert (row["mailbox"], row["users"]) == ("bela@corp.example", ["corp\\anna"])


def test_so_it_is_in_iis_alone(server: Server) -> None:
    server.iis("03:00:00", "/owa/bela@corp.example/service.svc", "CORP\\anna", INTRUDER, 700)
    server.iis("03:00:01", "/owa/service.svc", "CORP\\anna", INTRUDER, 900)
    found = {row["mailbox"]: row["bytes_at_least"] for row in signed_in(server.scanned(actor_ips=[INTRUDER]))}
    assert found == {"bela@corp.example": 700, "corp\\anna": 900}


@pytest.mark.parametrize("ip", [f"{INTRUDER}:4711", f"[::ffff:{INTRUDER}]:443", f"::FFFF:{INTRUDER}"], ids=range(3))
def test_an_address_with_a_port_is_the_same_address(server: Server, ip: str) -> None:
    server.front("03:00:00", "Owa", "CORP\\anna", ip, 700)
    (row,) = signed_in(server.scanned(actor_ips=[INTRUDER]))
    assert row["source_ips"] == [INTRUDER]


#: A request id of the back end that no front end has.
ELSEWHERE = "ffffffff-0000-4000-8000-00000000000{}"


def test_where_request_ids_differ_the_time_says_whose_mailbox_it_was_and_not_how_much(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Ews", "CORP\\x", INTRUDER, 5000, AnchorMailbox="Sid~S-1-5-21-1-2-3-1500")
    server.ews("03:00:01", ELSEWHERE.format(1), "victim@corp.example", 4)
    # Another minute is another request, and a row with a request of its own is that request's.
    server.ews("03:01:00", ELSEWHERE.format(2), "other@corp.example", 9)
    server.ews("03:00:00", server.front("03:00:00", "Ews", "CORP\\x", HOME, 70), "third@corp.example", 9)
    (row,) = signed_in(server.scanned())
    assert (row["mailbox"], row["bytes_at_least"]) == ("victim@corp.example", 5000)
    assert (row["items_at_least"], row["items_at_most"], row["complete"]) == (0, None, False)
    assert any("matched by time" in reason for reason in row["incomplete_because"])


def test_of_two_mailboxes_at_the_same_moment_neither_is_named(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Ews", "CORP\\x", INTRUDER, 5000, AnchorMailbox="Sid~S-1-5-21-1-2-3-1500")
    server.ews("03:00:01", ELSEWHERE.format(1), "victim@corp.example", 4)
    server.ews("03:00:00", ELSEWHERE.format(2), "other@corp.example", 9)
    (row,) = signed_in(server.scanned())
    assert (row["mailbox"], row["bytes_at_least"], row["confidence"]) == (None, 5000, "low")


def test_a_call_of_which_the_back_end_says_nothing_is_not_called_uncountable(server: Server) -> None:
    server.forged()
    server.front("03:00:00", "Ews", "CORP\\anna", INTRUDER, 5000)
    (row,) = signed_in(server.scanned())
    assert row["incomplete_because"] == ["no back-end EWS row was found for some requests"]
