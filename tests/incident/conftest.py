"""Small logs written row by row; every column that is not named is empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate

HTTPPROXY = (
    "DateTime,RequestId,Protocol,UrlStem,IsAuthenticated,AnchorMailbox,ClientIpAddress,ServerHostName,HttpStatus,"
    "BackEndStatus,Method,RoutingHint,ResponseBytes,MajorVersion,MinorVersion,BuildVersion,RevisionVersion"
)
IIS = "date time cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status"
ECP = "TimeStamp,ServerName,EventId,EventData"


class Logs:
    """A server's logs in a folder; rows are given as keyword arguments with '_' for '-' in IIS field names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: dict[str, list[str]] = {}

    def httpproxy(self, time: str, **cells: Any) -> None:
        row = {
            "RequestId": f"{len(self._rows.get('p', [])):08x}-0000-4000-8000-000000000000",
            "Method": "POST",
            **cells,
        }
        row = {"ServerHostName": "EX01", "IsAuthenticated": "false", "Protocol": "Ecp", "HttpStatus": 200, **row}
        unknown = set(row) - set(HTTPPROXY.split(","))
        assert not unknown, unknown
        self._rows.setdefault("p", []).append(
            ",".join(
                f"2021-03-03T{time}.000Z" if name == "DateTime" else str(row.get(name, ""))
                for name in HTTPPROXY.split(",")
            )
        )

    def iis(
        self, time: str, stem: str, status: int, *, ip: str, method: str = "POST", query: str = "-", port: int = 443
    ) -> None:
        self._rows.setdefault("i", []).append(f"2021-03-03 {time} {method} {stem} {query} {port} {ip} {status}")

    def ecp(self, time: str, data: str) -> None:
        self._rows.setdefault("e", []).append(f'2021-03-03T{time}.000Z,EX01,ECP.Request,"{data}"')

    def write(self) -> Path:
        parts = {
            "p": (
                "HttpProxy_2021030300-1.LOG",
                f"#Software: Microsoft Exchange Server\n#Log-type: HttpProxy Logs\n#Fields: {HTTPPROXY}\n",
            ),
            "i": ("u_ex210303.log", f"#Software: Microsoft Internet Information Services 10.0\n#Fields: {IIS}\n"),
            "e": (
                "ECPServer20210303-1.LOG",
                f"#Software: Microsoft Exchange Server\n#Log-type: ECP Server Log\n#Fields: {ECP}\n",
            ),
        }
        self.folder.mkdir(exist_ok=True)
        for key, rows in self._rows.items():
            name, header = parts[key]
            (self.folder / name).write_text(header + "".join(row + "\n" for row in rows), "utf-8")
        return self.folder


_PROXY = (
    "DateTime,RequestId,Protocol,UrlStem,IsAuthenticated,AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,"
    "ServerHostName,HttpStatus,Method,RoutingHint,ResponseBytes,UrlQuery"
)
_CMDLET = "DateTime,RequestId,ServerHostName,ProcessId,AuthenticatedUser,Cmdlet,Parameters,ErrorType,ExecutionResult"
_ECP = "TimeStamp,ServerName,EventId,EventData"
_TRACKING = (
    "date-time,source,event-id,internal-message-id,message-id,recipient-address,total-bytes,recipient-count,"
    "related-recipient-address,sender-address"
)
_INTRUDER = "203.0.113.7"
_RULES = "/ecp/RulesEditor/InboxRules.svc/NewObject"


class BrokenInto:
    """One server's logs of 3 March 2021, with somebody inside from two o'clock on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: dict[str, list[str]] = {
            "HttpProxy Logs": [],
            "Rps Cmdlet Logs": [],
            "ECP Server Log": [],
            "Message Tracking Log": [],
        }
        self.front(
            "02:00:00",
            "Ecp",
            "",
            _INTRUDER,
            UrlStem="/ecp/y.js",
            AnchorMailbox="ServerInfo~a]@ex01:444/EWS/Exchange.asmx?#",
            RoutingHint="X-BEResource-Cookie",
        )

    def front(self, time: str, protocol: str, user: str, ip: str, **cells: Any) -> None:
        row = {
            "DateTime": f"2021-03-03T{time}.000Z",
            "RequestId": f"{len(self._rows['HttpProxy Logs']):08x}-0000-4000-8000-000000000000",
            "Protocol": protocol,
            "IsAuthenticated": "true" if user else "false",
            "AuthenticatedUser": user,
            "ClientIpAddress": ip,
            "ServerHostName": "EX01",
            "HttpStatus": 200,
            "Method": "POST",
            "ResponseBytes": 900,
            **cells,
        }
        self._rows["HttpProxy Logs"].append(",".join(str(row.get(name, "")) for name in _PROXY.split(",")))

    def panel(self, time: str, command: str, canary: str, *, error: str = "") -> None:
        url = f"{_RULES}?msExchEcpCanary={canary}."
        data = f"S:TIME=9;S:SID=1;'S:CMD={command}';S:REQID=;S:URL={url};S:REFERRER=;S:EX={error}"
        self._rows["ECP Server Log"].append(f'2021-03-03T{time}.000Z,EX01,ECP.Request,"{data};S:ACTID=1;S:RS=0"')

    def rule(self, time: str, user: str, ip: str, canary: str, to: str) -> None:
        """An inbox rule in the control panel: the request and the row of it."""
        self.front(time, "Ecp", user, ip, UrlStem=_RULES, UrlQuery=f"?msExchEcpCanary={canary}.")
        self.panel(time, f"New-InboxRule.Name=''.''.ForwardTo=''{to}''.StopProcessingRules=$true", canary)

    def cmdlet(self, time: str, account: str, cmdlet: str, parameters: str, *, error: str = "", pid: int = 7) -> None:
        quoted = '"' + parameters.replace('"', '""') + '"'
        result = "Error" if error else "Success"
        self._rows["Rps Cmdlet Logs"].append(
            f"2021-03-03T{time}.000Z,1,EX01,{pid},{account},{cmdlet},{quoted},{error},{result}"
        )

    def track(self, time: str, source: str, event: str, message: str, to: str, size: int = 100, **cells: str) -> None:
        row = {
            "date-time": f"2021-03-03T{time}.000Z",
            "source": source,
            "event-id": event,
            "internal-message-id": "1",
            "message-id": f"<{message}@corp.example>",
            "recipient-address": to,
            "total-bytes": str(size),
            "recipient-count": "1",
            **{name.replace("_", "-"): value for name, value in cells.items()},
        }
        self._rows["Message Tracking Log"].append(",".join(row.get(name, "") for name in _TRACKING.split(",")))

    def scanned(self, **options: Any) -> dict[str, Any]:
        self.folder.mkdir(exist_ok=True)
        for kind, fields in (
            ("HttpProxy Logs", _PROXY),
            ("Rps Cmdlet Logs", _CMDLET),
            ("ECP Server Log", _ECP),
            ("Message Tracking Log", _TRACKING),
        ):
            if self._rows[kind]:
                head = f"#Software: Microsoft Exchange Server\n#Log-type: {kind}\n#Fields: {fields}\n"
                text = head + "".join(f"{row}\n" for row in self._rows[kind])
                (self.folder / f"{kind.split()[0]}.log").write_text(text)
        incident = scan([self.folder], **options)
        assert incident.unread == ()
        assert validate(incident.document) == []
        return dict(incident.document)


@pytest.fixture
def broken_into(tmp_path: Path) -> BrokenInto:
    return BrokenInto(tmp_path / "logs")


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


@pytest.fixture
def scanned() -> Callable[[Logs], dict[str, Any]]:
    def run(logs: Logs) -> dict[str, Any]:
        from brokenseal import scan

        return dict(scan([logs.write()]).document)

    return run
