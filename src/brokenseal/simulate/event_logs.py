"""The servers' Windows event logs: one file a channel and server for the whole range, as on a real server's disk."""

from __future__ import annotations

import zlib
from pathlib import Path

from brokenseal.simulate.clock import DAY
from brokenseal.simulate.evtx_file import Event, EvtxWriter
from brokenseal.simulate.organisation import Server

_FOLDER = "C/Windows/System32/winevt/Logs"
# Channel: the name of the source, and of the file.
_LOGS = {
    "Security": ("security_events", "Security.evtx"),
    "Microsoft-Windows-Sysmon/Operational": ("sysmon_events", "Microsoft-Windows-Sysmon%4Operational.evtx"),
    "Application": ("application_events", "Application.evtx"),
    "MSExchange Management": ("exchange_management_events", "MSExchange Management.evtx"),
    "System": ("system_events", "System.evtx"),
}
EVENT_SOURCES = tuple(source for source, _ in _LOGS.values())
_MOST_EARLIER_RECORDS = 400_000


def source_of(event: Event) -> str:
    return _LOGS[event.kind.channel][0]


class EventLogs:
    """Keeps events until their day is flushed, then appends them in order of time to their server's logs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._days: dict[int, list[tuple[Server, Event]]] = {}
        self._writers: dict[str, EvtxWriter] = {}

    def add(self, server: Server, event: Event) -> None:
        self._days.setdefault(event.time // DAY, []).append((server, event))

    def flush(self, day: int) -> None:
        """Write the events of a day (``ms // DAY``). Days must be flushed in order."""
        events = self._days.pop(day, [])
        events.sort(key=lambda entry: entry[1].time)
        for server, event in events:
            self._writer(f"{server.name}/{_FOLDER}/{_LOGS[event.kind.channel][1]}").add(event)

    def close(self) -> dict[str, int]:
        """Complete the files; the number of records in each, by its path below the evidence folder."""
        for writer in self._writers.values():
            writer.close()
        return {path: writer.records for path, writer in self._writers.items()}

    def _writer(self, path: str) -> EvtxWriter:
        writer = self._writers.get(path)
        if writer is None:
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            # A server is older than its simulated range, so the numbers of its records do not begin at one.
            writer = EvtxWriter(target, 1 + zlib.crc32(path.encode()) % _MOST_EARLIER_RECORDS)
            self._writers[path] = writer
        return writer
