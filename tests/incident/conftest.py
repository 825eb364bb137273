"""Small logs written row by row; every column that is not named is empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


@pytest.fixture
def scanned() -> Callable[[Logs], dict[str, Any]]:
    def run(logs: Logs) -> dict[str, Any]:
        from brokenseal import scan

        return dict(scan([logs.write()]).document)

    return run
