"""The folder that is written: each server's disk, one file a day for each log, one file for each event log.

Real servers begin a new Exchange log every hour or every few megabytes; here a file is a day and its name says hour 00,
which keeps the number of files sane. Rows are kept until their day is flushed, then sorted by time and written as bytes
with CRLF line ends, so that no platform changes them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from brokenseal.simulate import (
    cmdlet_rows,
    ecp_rows,
    ews_rows,
    exchange_csv,
    httpproxy_rows,
    iis_rows,
    mapi_rows,
    oab_rows,
    tracking_rows,
)
from brokenseal.simulate.clock import DAY, day_of, iso
from brokenseal.simulate.event_logs import EVENT_SOURCES, EventLogs, source_of
from brokenseal.simulate.evtx_file import Event
from brokenseal.simulate.organisation import Organisation, Server

_INSTALL = "C/Program Files/Microsoft/Exchange Server/V15"
_OLD_VERSION = "15.0.0.0"
_PROTOCOLS = ("Autodiscover", "Eas", "Ecp", "Ews", "Mapi", "Oab", "Owa", "PowerShell", "RpcHttp")
TEXT_SOURCES = ("iis", "httpproxy", "ecp_server", "oab_generator", "ews", "mapi", "cmdlet", "message_tracking")
WEB_FOLDERS, FILE_LISTINGS = "web_folders", "file_listings"
# What administrators export for an investigation; few scenarios have it.
DIRECTORY_EXPORT, AUDIT_EXPORTS = "directory_export", "audit_exports"
EXPORTS = frozenset({DIRECTORY_EXPORT, AUDIT_EXPORTS})
SOURCES = (*TEXT_SOURCES, *EVENT_SOURCES, WEB_FOLDERS, FILE_LISTINGS, DIRECTORY_EXPORT, AUDIT_EXPORTS)


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """One log of a server. ``version`` None means that the ``#Version`` line carries the server's build.

    ``file`` holds ``{day}`` for YYYYMMDD. Logs are compared by identity: each exists once.
    """

    source: str
    folder: str
    file: str
    log_type: str = ""
    fields: str = ""
    version: str | None = None


IIS_FRONT_END = Log("iis", "C/inetpub/logs/LogFiles/W3SVC1", "u_ex{short}.log")
IIS_BACK_END = Log("iis", "C/inetpub/logs/LogFiles/W3SVC2", "u_ex{short}.log")
HTTPPROXY = {
    protocol: Log(
        "httpproxy",
        f"{_INSTALL}/Logging/HttpProxy/{protocol}",
        "HttpProxy_{day}00-1.LOG",
        "HttpProxy Logs",
        httpproxy_rows.FIELDS,
    )
    for protocol in _PROTOCOLS
}
ECP_SERVER = Log(
    "ecp_server",
    f"{_INSTALL}/Logging/ECP/Server",
    "ECPServer{day}-1.LOG",
    "ECP Server Log",
    ecp_rows.FIELDS,
    _OLD_VERSION,
)
OAB_GENERATOR = Log(
    "oab_generator",
    f"{_INSTALL}/Logging/OABGeneratorLog",
    "OABGeneratorLog_{day}00-1.LOG",
    "OABGenerator Log",
    oab_rows.FIELDS,
    _OLD_VERSION,
)
EWS = Log("ews", f"{_INSTALL}/Logging/Ews", "Ews_{day}00-1.LOG", "EWS Logs", ews_rows.FIELDS)
MAPI = Log("mapi", f"{_INSTALL}/Logging/MapiHttp/Mailbox", "MapiHttp_{day}00-1.LOG", "MapiHttp Logs", mapi_rows.FIELDS)
_CMDLET_INFRA = f"{_INSTALL}/Logging/CmdletInfra"
LOCAL_POWERSHELL = Log(
    "cmdlet",
    f"{_CMDLET_INFRA}/LocalPowerShell/Cmdlet",
    "Rps_Cmdlet_{day}00-1.LOG",
    "Rps Cmdlet Logs",
    cmdlet_rows.FIELDS,
)
POWERSHELL_PROXY = Log(
    "cmdlet",
    f"{_CMDLET_INFRA}/Powershell-Proxy/Cmdlet",
    "Rps_Cmdlet_{day}00-1.LOG",
    "Rps Cmdlet Logs",
    cmdlet_rows.FIELDS,
)
_TRACKING = f"{_INSTALL}/TransportRoles/Logs/MessageTracking"
# Transport, submission from a mailbox, delivery to a mailbox: three files, as in reality.
TRACKING, TRACKING_SUBMISSION, TRACKING_DELIVERY = (
    Log("message_tracking", _TRACKING, prefix + "{day}00-1.LOG", "Message Tracking Log", tracking_rows.FIELDS)
    for prefix in ("MSGTRK", "MSGTRKMS", "MSGTRKMD")
)


class EvidenceTree:
    """Collects rows and events, writes a day at a time, counts the data rows (or event records) of each file.

    ``sources`` names the logs that exist at all; ``not_before`` gives a source's first millisecond, for logs that were
    cleared or began late. Rows outside [``start``, ``end``) are not written: the logs were collected at ``end``.
    """

    def __init__(
        self,
        root: Path,
        organisation: Organisation,
        *,
        start: int,
        end: int,
        sources: Collection[str] = SOURCES,
        not_before: Mapping[str, int] | None = None,
    ) -> None:
        self.counts: dict[str, int] = {}
        self._root = root
        self._organisation = organisation
        self._end = end
        given = not_before or {}
        self._first = {source: max(start, given.get(source, start)) for source in SOURCES if source in sources}
        self._days: dict[int, dict[tuple[Server, Log], list[tuple[int, str]]]] = {}
        self._restarts: dict[int, int] = {}
        self._events = EventLogs(root)

    def add(self, server: Server, log: Log, ms: int, row: str) -> None:
        if self._first.get(log.source, self._end) <= ms < self._end:
            self._days.setdefault(ms // DAY, {}).setdefault((server, log), []).append((ms, row))

    def add_event(self, server: Server, event: Event) -> None:
        if self._first.get(source_of(event), self._end) <= event.time < self._end:
            self._events.add(server, event)

    def write_file(self, source: str, path: str, data: bytes) -> bool:
        """Write a file of no server below the root, if its source is among those that exist; whether it is."""
        if source not in self._first:
            return False
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return True

    def restart(self, ms: int) -> None:
        """All servers were restarted: IIS writes its header again into the file of that day."""
        self._restarts[ms // DAY] = ms

    def flush(self, day: int) -> None:
        """Write the files of a day (``ms // DAY``) and its events. They must all have been added; days come in order."""
        self._events.flush(day)
        for (server, log), rows in self._days.pop(day, {}).items():
            rows.sort(key=itemgetter(0))
            date = day_of(day).isoformat().replace("-", "")
            name = log.file.format(day=date, short=date[2:])
            path = f"{server.name}/{log.folder}/{name}"
            lines = self._iis_lines(day, rows) if log.source == "iis" else self._exchange_lines(day, log, rows)
            text = "\r\n".join(lines) + "\r\n"
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8"))
            self.counts[path] = len(rows)

    def close(self) -> None:
        """Complete the files that hold more than a day."""
        self.counts.update(self._events.close())

    def _iis_lines(self, day: int, rows: list[tuple[int, str]]) -> list[str]:
        restart = self._restarts.get(day)
        lines = list(iis_rows.preamble(rows[0][0]))
        for ms, row in rows:
            if restart is not None and ms >= restart:
                lines.extend(iis_rows.preamble(ms))
                restart = None
            lines.append(row)
        return lines

    def _exchange_lines(self, day: int, log: Log, rows: list[tuple[int, str]]) -> list[str]:
        first = rows[0][0]
        version = log.version or self._organisation.build_at(first).padded
        lines = list(exchange_csv.preamble(log.log_type, version, iso(first), log.fields))
        # Both shapes exist in the field: only the `#Fields` line, or a byte order mark and a bare header row as well.
        if log.source == "httpproxy" and day % 2:
            lines[0] = "\ufeff" + lines[0]
            lines.append(log.fields)
        lines.extend(row for _, row in rows)
        return lines
