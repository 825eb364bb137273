"""Make the benchmark's data: IIS and HttpProxy logs of one Exchange server, hostile lines and a small attack among them.

The same options make the same bytes (with the same numpy). Logs go to OUT/evidence, laid out like the server's disk;
OUT/expected.json says how many data lines each file holds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python bench/make_logs.py`

from bench import planted_attack
from bench.hostile_lines import HTTPPROXY_CHANGES, IIS_CHANGES, cut_off, hostile_places
from bench.httpproxy_lines import FEWER_FIELDS, FIELDS, PROTOCOLS, HttpProxyRows, directives, header_row
from bench.iis_lines import DEFAULT_FIELDS, MORE_FIELDS, IisRows, header
from bench.log_file import Change, MakeRows, Section, Written, rows_for, write_log
from bench.population import Person, people

MIB = 1 << 20
DAYS = ("2021-02-28", "2021-03-01", "2021-03-02", "2021-03-03", "2021-03-04", "2021-03-05")
ATTACK_DAY = "2021-03-04"
SITES = ("W3SVC1", "W3SVC2")  # front end, Exchange Back End
PROXY_STARTS = ("2021-02-28", "2021-03-03")
PROXY_DAYS = 3
IIS_FOLDER = Path("C/inetpub/logs/LogFiles")
PROXY_FOLDER = Path("C/Program Files/Microsoft/Exchange Server/V15/Logging/HttpProxy")
BOM = b"\xef\xbb\xbf"


def iis_file(
    folder: Path, number: int, target: int, users: list[Person], hostile: int, seed: int
) -> tuple[Path, Written]:
    """One day of one site; in every second file the fields change at noon."""
    day, site = DAYS[number // len(SITES)], SITES[number % len(SITES)]
    rng = np.random.default_rng([seed, 1, number])
    back_end = site == SITES[1]
    # Alternating by day and site: half of the files of each site change. The attack's rows are in the default fields.
    changing = (number // len(SITES) + number % len(SITES)) % 2 == 1
    plain = IisRows(rng, users, day, back_end=back_end)
    sections = [Section(header(day, DEFAULT_FIELDS), plain)]
    if changing:
        sections.append(Section(header(day, MORE_FIELDS), IisRows(rng, users, day, back_end=back_end, more=True)))
    total = rows_for(target, plain)
    changes = hostile_places(total, IIS_CHANGES, hostile, rng)
    if day == ATTACK_DAY and not back_end:
        _plant(changes, planted_attack.iis_rows(day), total, 0, 1)
    if day == DAYS[-1]:
        changes[total - 1] = cut_off
    path = folder / IIS_FOLDER / site / f"u_ex{day[2:].replace('-', '')}.log"
    return path, write_log(path, sections, total, changes)


def httpproxy_file(
    folder: Path, number: int, target: int, users: list[Person], hostile: int, seed: int
) -> tuple[Path, Written]:
    """Three days of one protocol, with one of the headers that are seen in the field."""
    protocol, start = list(PROTOCOLS)[number % len(PROTOCOLS)], PROXY_STARTS[number // len(PROTOCOLS)]
    rng = np.random.default_rng([seed, 2, number])
    moment, first = f"{start}T00:00:00.000Z", np.datetime64(f"{start}T00:00:00.000", "ms")

    def rows(fields: list[str]) -> MakeRows:
        return HttpProxyRows(rng, users, protocol, first, PROXY_DAYS, fields)

    plain = rows(FIELDS)
    sections = {
        "header row, then directives": [Section(header_row(FIELDS) + directives(moment, FIELDS), plain)],
        "directives, BOM, header row": [Section(BOM + directives(moment, FIELDS) + header_row(FIELDS), plain)],
        "directives only, again later": [Section(directives(moment, FIELDS), plain)] * 2,
        "fewer fields later": [
            Section(directives(moment, FIELDS), plain),
            Section(directives(moment, FEWER_FIELDS), rows(FEWER_FIELDS)),
        ],
        "no header": [Section(b"", plain)],
        "directives only": [Section(directives(moment, FIELDS), plain)],
    }
    chosen = list(sections.values())[(number + number // len(PROTOCOLS)) % len(sections)]
    total = rows_for(target, plain)
    changes = hostile_places(total, HTTPPROXY_CHANGES, hostile, rng)
    if protocol == "Ecp" and start == PROXY_STARTS[-1]:
        offset = DAYS.index(ATTACK_DAY) - DAYS.index(start)
        _plant(changes, planted_attack.httpproxy_rows(ATTACK_DAY), total, offset, PROXY_DAYS)
    changes.pop(0, None)  # a file without a header is known by its first row
    if start == PROXY_STARTS[-1]:
        changes[total - 1] = cut_off
    path = folder / PROXY_FOLDER / protocol / f"HttpProxy_{start.replace('-', '')}00-1.LOG"
    return path, write_log(path, chosen, total, changes)


def _plant(changes: dict[int, Change], rows: list[tuple[float, Change]], total: int, day: int, days: int) -> None:
    """Put the attack's rows where their time belongs, each into a place of its own."""
    for hour, change in rows:
        at = int(total * (day + hour / 24) / days)
        while at in changes:
            at += 1
        changes[at] = change


def main() -> int:
    options = _options()
    folder: Path = options.out / "evidence"
    if folder.exists():
        if not options.replace:
            raise SystemExit(f"{folder} exists; name another --out, or use --replace")
        shutil.rmtree(folder)
    began = time.perf_counter()
    users = people(np.random.default_rng([options.seed, 0]), options.users)
    files: dict[str, dict[str, object]] = {}
    kinds = {kind: Written() for kind in ("iis", "httpproxy")}
    for kind, mebibytes, count, make in (
        ("iis", options.iis_mb, len(DAYS) * len(SITES), iis_file),
        ("httpproxy", options.httpproxy_mb, len(PROTOCOLS) * len(PROXY_STARTS), httpproxy_file),
    ):
        for number in range(count if mebibytes else 0):
            path, written = make(folder, number, mebibytes * MIB // count, users, options.hostile, options.seed)
            name = path.relative_to(folder).as_posix()
            files[name] = {"kind": kind, **asdict(written)}
            sums = kinds[kind]
            sums.bytes, sums.lines = sums.bytes + written.bytes, sums.lines + written.lines
            sums.rows, sums.changed = sums.rows + written.rows, sums.changed + written.changed
            print(f"{written.bytes:>13,} bytes {written.lines:>9,} lines {written.rows:>9,} rows  {name}")
    expected = {
        "made_with": {"iis_mb": options.iis_mb, "httpproxy_mb": options.httpproxy_mb, "seed": options.seed},
        "kinds": {kind: asdict(sums) for kind, sums in kinds.items() if sums.rows},
        "planted": {"source_ip": planted_attack.SOURCE_IP, "webshell": planted_attack.SHELL},
        "files": files,
    }
    (options.out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", "utf-8")
    for kind, sums in kinds.items():
        odd = f"{sums.changed:,} hostile or planted"
        print(f"{kind}: {sums.bytes:,} bytes, {sums.lines:,} lines, {sums.rows:,} rows ({odd})")
    print(f"made in {time.perf_counter() - began:.1f} s; {options.out / 'expected.json'} has the counts")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where to write; made if it is not there"
    )
    parser.add_argument("--iis-mb", type=int, default=1024, metavar="N", help="MiB of IIS logs (default: 1024)")
    parser.add_argument(
        "--httpproxy-mb", type=int, default=512, metavar="N", help="MiB of HttpProxy logs (default: 512)"
    )
    parser.add_argument("--hostile", type=int, default=30, metavar="N", help="hostile lines a file (default: 30)")
    parser.add_argument("--users", type=int, default=2_000, metavar="N", help="mailbox owners (default: 2000)")
    parser.add_argument("--seed", type=int, default=20210302, metavar="N", help="other seeds make other data")
    parser.add_argument("--replace", action="store_true", help="remove what an earlier run made in --out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
