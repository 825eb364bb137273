"""Make a big Windows event log (EVTX): ordinary events of simulated Exchange servers and an intrusion, or real chunks again.

Simulated: the events of two servers over a few weeks, written again and again, each round later than the one before it, so
that no two records are the same. The one file holds several channels, as ``ForwardedEvents.evtx`` does.

``--from FOLDER``: the chunks of all EVTX files below the folders, in the order of their names, repeated until the size is
met. A chunk of 64 KiB stands alone; repeated records keep their numbers and times.

The same options make the same bytes.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/make_events.py`

from brokenseal.simulate import event_logs, simulate
from brokenseal.simulate.evtx_file import Event, EvtxWriter

MIB = 1 << 20
FILE_HEADER, CHUNK = 4096, 1 << 16
CHUNK_MAGIC = b"ElfChnk\0"
#: The file header counts chunks in 16 bits; a longer file is given the most, as the event log service does.
MOST_CHUNKS = 0xFFFF
START, DAYS, SERVERS, USERS = date(2021, 2, 15), 28, 2, 12
DAY_MS = 86_400_000
#: The size of the file is looked at after so many events.
EVENTS_AT_A_TIME = 500


class _Kept:
    """Takes the place of the simulator's writers: keeps the events of all logs instead of writing a file for each."""

    def __init__(self, events: list[Event]) -> None:
        self.records = 0
        self._events = events

    def add(self, event: Event) -> int:
        self._events.append(event)
        self.records += 1
        return self.records

    def close(self) -> None:
        """Nothing is written."""


def simulated_events(scenario: str, seed: int) -> list[Event]:
    """All events of the simulated servers' logs, in order of time."""
    events: list[Event] = []

    def kept(path: Path, first_record: int = 1) -> _Kept:
        return _Kept(events)

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, patch.object(event_logs, "EvtxWriter", kept):
        simulate(
            Path(folder) / "set",
            scenario,
            seed=seed,
            users=USERS,
            start=START,
            days=DAYS,
            servers=SERVERS,
            sources=event_logs.EVENT_SOURCES,
        )
    return sorted(events, key=lambda event: event.time)


def write_simulated(out: Path, size: int, scenario: str, seed: int) -> int:
    """Write at least *size* bytes of simulated events; how many records it were."""
    quiet, attacked = (simulated_events(name, seed) for name in ("quiet", scenario))
    writer = EvtxWriter(out)
    for number, event in enumerate(_rounds(attacked, quiet)):
        if number % EVENTS_AT_A_TIME == 0 and out.stat().st_size >= size:
            break
        writer.add(event)
    writer.close()
    return writer.records


def _rounds(first: Sequence[Event], later: Sequence[Event]) -> Iterator[Event]:
    """The intrusion once, then ordinary weeks for ever."""
    yield from first
    moved = 0
    while True:
        moved += DAYS * DAY_MS
        for event in later:
            yield event._replace(time=event.time + moved)


def chunks_below(folders: Sequence[Path]) -> list[bytes]:
    """The chunks of all EVTX files below *folders*."""
    found: list[bytes] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.evtx")):
            content = path.read_bytes()
            for at in range(FILE_HEADER, len(content) - CHUNK + 1, CHUNK):
                if content.startswith(CHUNK_MAGIC, at):
                    found.append(content[at : at + CHUNK])
    return found


def write_repeated(out: Path, size: int, chunks: Sequence[bytes]) -> int:
    """Write *chunks* again and again until the file has *size* bytes; how many it were."""
    count = max(1, -(-(size - FILE_HEADER) // CHUNK))
    header = struct.pack(
        "<8s3QIHHHH", b"ElfFile\0", 0, count - 1, 1 << 32, 128, 1, 3, FILE_HEADER, min(count, MOST_CHUNKS)
    ).ljust(120, b"\0")
    header += struct.pack("<II", 0, zlib.crc32(header))
    with out.open("wb") as file:
        file.write(header.ljust(FILE_HEADER, b"\0"))
        for number in range(count):
            file.write(chunks[number % len(chunks)])
    return count


def main() -> int:
    options = _options()
    began = time.perf_counter()
    size = options.mb * MIB
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.source:
        chunks = chunks_below(options.source)
        if not chunks:
            raise SystemExit("no EVTX file with a chunk below " + ", ".join(map(str, options.source)))
        made = f"{write_repeated(options.out, size, chunks):,} chunks of {len(chunks):,} that were found"
    else:
        made = f"{write_simulated(options.out, size, options.scenario, options.seed):,} records"
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {made}, in {time.perf_counter() - began:.1f} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the EVTX file to write")
    parser.add_argument("--mb", type=int, default=400, metavar="N", help="its size in MiB (default: 400)")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="repeat the chunks of the EVTX files below FOLDER instead of simulated events; can be repeated",
    )
    parser.add_argument("--scenario", default="hafnium", help="of the simulator (default: hafnium)")
    parser.add_argument("--seed", type=int, default=2021, metavar="N", help="other seeds make other events")
    options = parser.parse_args()
    if options.mb < 1:
        parser.error("--mb must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
