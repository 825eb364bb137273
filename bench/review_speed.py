"""How fast the review's pages are on a big case: a case of invented events is written straight to Parquet, then asked.

One event in ten is a match of the rule of finding F1, one in 97 of a rule with a finding for each address, all of the
intruder's are of F2; one in 20,011 is 4,000 characters long.

``python bench/review_speed.py --rows 10000000 --dir /path/with/space``; prints the median of each page in milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from starlette.testclient import TestClient

from brokenseal.events.kept_table import write_table
from brokenseal.events.sources import Source, rfc3339
from brokenseal.incident.kept_matches import SCHEMA
from brokenseal.parsers.base import parser_for
from brokenseal.parsers.columns import event_schema
from brokenseal.review.application import application
from brokenseal.review.case_review import CaseReview
from brokenseal.review.session import Session

_CHUNK = 500_000
_START_MS = 1_609_459_200_000  # 2021-01-01
_HOSTS = ("EX01", "EX02", "EX03")
_INTRUDER = "203.0.113.41"
_RARE = "Zk81Qw.aspx"
_FAR = "far away in it"
#: Of findings F1, F2 and of those of the addresses: number, rule, level, intrusion.
_RULES = {
    name: (f"00000000-0000-4000-8000-00000000000{number}", level, intrusion)
    for name, number, level, intrusion in (
        ("many", 1, "high", "I1"), ("intruder", 2, "critical", "I1"), ("addresses", 3, "medium", None),
    )
}  # fmt: skip
_PORT = 8000

Numbers = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    case = options.dir / f"review-{options.rows}"
    if not (case / "results" / "key.json").exists():
        begin = time.perf_counter()
        write_case(case, options.rows)
        print(f"case written in {time.perf_counter() - begin:.1f} s")
    begin = time.perf_counter()
    with CaseReview(case, threads=2) as review:
        print(f"opened in {time.perf_counter() - begin:.1f} s, {review.timeline.events:,} events, ", end="")
        matches = sum(finding["count"] for finding in review.document["findings"])
        print(f"{matches:,} matches of {len(review.findings):,} findings; load {os.getloadavg()[0]:.1f}")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")
        session = Session(_PORT)
        client = TestClient(application(review, session, failed=_raise), base_url=f"http://{session.hosts[0]}")
        client.get(session.address.removeprefix(f"http://{session.hosts[0]}"))
        medians = [measure(client, name, query, options.runs) for name, query in questions(options.rows)]
        print(f"median of all filters {statistics.median(medians):.0f} ms, slowest {max(medians):.0f} ms")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _raise(error: Exception) -> None:
    raise error


def questions(rows: int) -> list[tuple[str, str]]:
    """Name and address of what is measured."""
    middle = _START_MS + rows * 100
    day = {"from": rfc3339(middle), "to": rfc3339(middle + 86_400_000)}

    def timeline(**filters: str) -> str:
        return f"/timeline?{urlencode(filters)}"

    return [
        ("overview", "/"),
        ("timeline, first page", "/timeline"),
        ("timeline, last page", timeline(end="last")),
        ("timeline, from the middle", timeline(after=f"{middle}.1.1")),
        ("host", timeline(host="EX02")),
        ("log", timeline(kind="httpproxy")),
        ("a day", timeline(**day)),
        ("address, rare", timeline(ip=_INTRUDER)),
        ("address, frequent", timeline(ip="192.0.2.7")),
        ("address that is nowhere", timeline(ip="198.51.100.250")),
        ("account, part", timeline(who="user17@")),
        ("account and host and log", timeline(who="user4", host="EX03", kind="iis")),
        ("text, frequent", timeline(text="post")),
        ("text, rare", timeline(text=_RARE.lower())),
        ("text that is nowhere", timeline(text="no such words here")),
        ("text and address", timeline(text="ecp", ip=_INTRUDER)),
        ("text, far in an event", timeline(text=_FAR)),
        ("level, a tenth of all", timeline(level="high")),
        ("level, few", timeline(level="critical")),
        ("rule of many findings", timeline(rule=_RULES["addresses"][0])),
        ("finding, few", timeline(finding="F57")),
        ("intrusion, last page", timeline(intrusion="I1", end="last")),
        ("finding of many, a day", timeline(finding="F1", **day)),
        ("finding of many, rare text", timeline(finding="F1", text=_RARE.lower())),
        ("finding of many, rare address", timeline(finding="F1", ip=_INTRUDER)),
        ("finding of many, account", timeline(finding="F1", who="user17@")),
        ("findings", "/findings"),
        ("finding", "/findings/F1"),
        ("all of them on a day", timeline(host="EX01", kind="iis", who="user", text="owa", **day)),
        ("context", f"/timeline?around={middle // 200 * 200}.1.{(middle - _START_MS) // 200 + 1}"),
        ("entity", f"/entity?type=ip&value={_INTRUDER}"),
    ]


def measure(client: TestClient, name: str, address: str, runs: int) -> float:
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        answer = client.get(address)
        times.append((time.perf_counter() - begin) * 1000)
        assert answer.status_code in (200, 404), answer.text
    print(
        f"{name:28} median {statistics.median(times):7.0f} ms   first {times[0]:7.0f} ms   {len(answer.content):9,} bytes"
    )
    return statistics.median(times)


def write_case(case: Path, rows: int) -> None:
    """A case as a scan leaves it: two logs, one part for each half million rows, and a file of matches."""
    case.mkdir(parents=True)
    (case / "case.json").write_text('{"layout": 1}\n')
    sources, parts, matches = [], [], []
    random = np.random.default_rng(7)
    for number, first in enumerate(range(0, rows, _CHUNK), 1):
        kind = "httpproxy" if number % 3 == 0 else "iis"
        size = min(_CHUNK, rows - first)
        table = _rows(kind, number, first, size, random)
        part = f"part-{number:07d}"
        path = case / "events" / kind / f"{part}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=1 << 16, compression="lz4", write_statistics=False)
        name = f"{kind}-{number}.log"
        digest = hashlib.sha256(name.encode()).hexdigest()
        source = Source(number, name, name, name, "", "", None, part, kind=kind, sha256=digest, size=size, events=size)
        sources.append(source)
        matches.append(_matches(table, source, first))
        parts.append(path.relative_to(case).as_posix())
    record = {"parts": parts, "sources": [source.to_json() for source in sources]}
    (case / "journal.jsonl").write_text(json.dumps(record) + "\n")
    kept = case / "results" / "matches.parquet"
    write_table(kept, SCHEMA, matches, repeating=["finding", "rule", "level", "intrusion", "kind", "file", "sha256"])
    content = json.dumps(_document(pa.concat_tables(matches))).encode()
    (case / "results" / "incident.json").write_bytes(content)
    hashes = {
        "document_sha256": hashlib.sha256(content).hexdigest(),
        "matches_sha256": hashlib.sha256(kept.read_bytes()).hexdigest(),
    }
    (case / "results" / "key.json").write_text(json.dumps({"key": "", **hashes, "unread": []}))


def _matches(table: pa.Table, source: Source, first: int) -> pa.Table:
    """The matches among the events of a part, by time."""
    at = np.arange(first, first + table.num_rows)
    address = table.column("c-ip" if source.kind == "iis" else "ClientIpAddress").combine_chunks()
    last_number = pc.binary_join_element_wise("F", pc.replace_substring_regex(address, r"^.*\.", ""), "")
    own = pc.equal(address, _INTRUDER).to_numpy(zero_copy_only=False)
    found = []
    for name, chosen, finding in (
        ("many", at % 10 == 0, pa.array(["F1"] * len(at))),
        ("intruder", own, pa.array(["F2"] * len(at))),
        ("addresses", (at % 97 == 0) & ~own, pc.replace_substring_regex(last_number, r"^F([12])$", r"F20\1")),
    ):
        rule, level, intrusion = _RULES[name]
        rows = table.select(["line", "offset", "time"]).append_column("finding", finding).filter(pa.array(chosen))
        same = {"rule": rule, "level": level, "intrusion": intrusion, "kind": source.kind, "file": source.name}
        for column, value in {**same, "sha256": source.sha256}.items():
            rows = rows.append_column(column, pa.array([value] * len(rows), pa.string()))
        found.append(rows.select(SCHEMA.names).cast(SCHEMA))
    return pa.concat_tables(found).sort_by([("time", "ascending"), ("finding", "ascending")])


def _rows(kind: str, source: int, first: int, size: int, random: np.random.Generator) -> pa.Table:
    at = np.arange(first, first + size)
    users = pc.binary_join_element_wise("user", _text(random.integers(0, 2000, size)), "@corp.example", "")
    address = pc.binary_join_element_wise("192.0.2", _text(random.integers(1, 200, size)), ".")
    address = pc.if_else(pa.array(random.random(size) < 0.00002), _INTRUDER, address)
    paths = pa.array(
        ["/owa/auth/logon.aspx", "/ecp/default.aspx", "/EWS/Exchange.asmx", "/mapi/emsmdb/", "/rpc/rpcproxy.dll"]
    )
    stem = paths.take(pa.array(random.integers(0, 5, size)))
    stem = pc.if_else(pa.array(random.random(size) < 0.000005), f"/owa/auth/{_RARE}", stem)
    far = pa.array([f"{'long ' * 800}{_FAR if number % 5 == 0 else ''}" for number in range(10)])
    guid = pc.binary_join_element_wise(
        _text(random.integers(1 << 40, 1 << 50, size)), _text(random.integers(1 << 50, 1 << 60, size)), "-"
    )
    method = pa.array(["GET", "POST"]).take(pa.array(random.integers(0, 2, size)))
    agent = pa.array(
        ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/88.0", "Microsoft Office/16.0 (Outlook 16.0.13530)"]
    )
    agents = agent.take(pa.array(random.integers(0, 2, size)))
    found: dict[str, pa.Array] = {
        "host": pa.array(_HOSTS).take(pa.array(at % 3)),
        "time": pa.array(_START_MS + at * 200, pa.timestamp("ms", "UTC")),
        "source_id": pa.array(np.full(size, source), pa.int32()),
        "line": pa.array(at - first + 1),
        "offset": pa.array((at - first) * 250),
    }
    if kind == "iis":
        found |= {
            "cs-method": method,
            "cs-uri-stem": stem,
            "c-ip": address,
            "cs-username": users,
            "cs-user-agent": agents,
        }
        query = pc.binary_join_element_wise("&CorrelationID=<empty>;&cafeReqId", guid, "=")
        found["cs-uri-query"] = pc.if_else(pa.array(at % 20_011 == 0), far.take(pa.array(at % 10)), query)
        found["sc-status"] = pa.array(random.choice([200, 302, 401], size), pa.int32())
    else:
        found |= {
            "Method": method,
            "UrlStem": stem,
            "ClientIpAddress": address,
            "AuthenticatedUser": users,
            "UserAgent": agents,
        }
        found["AnchorMailbox"] = pc.binary_join_element_wise("SMTP", users, "~")
        found["RequestId"] = guid
        found["HttpStatus"] = pa.array(random.choice([200, 302, 401], size), pa.int32())
    reader = parser_for(kind)
    schema = event_schema(reader.columns, reader.derived)
    columns = [
        found[field.name].cast(field.type) if field.name in found else pa.nulls(size, field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _text(numbers: Numbers) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _document(matches: pa.Table) -> dict[str, object]:
    counts = Counter(matches.column("finding").to_pylist())
    names = sorted(counts, key=lambda name: int(name[1:]))
    findings = [_finding(name, counts[name], matches) for name in names]
    host = {"host": "EX01", "verdict": "attempted", "reasons": ["Invented (F1)."], "builds": [], "coverage": []}
    first, last = (rfc3339(matches.column("time")[place].value) for place in (0, len(matches) - 1))
    intrusion = {
        "id": "I1", "hosts": ["EX01"], "source_ips": [_INTRUDER], "first_seen": first, "last_seen": last, "stage": None,
        "cves": [], "webshells": [], "processes": [], "techniques": [], "findings": ["F1", "F2"],
    }  # fmt: skip
    return {
        "schema_version": "1.0", "generator": {"name": "bench", "version": "0"}, "verdict": "attempted",
        "summary": "An invented case.", "hosts": [host], "campaigns": [], "intrusions": [intrusion], "mailboxes": [],
        "findings": findings, "not_seen": [], "advice": [], "rules": {"loaded": 1, "not_run": []}, "evidence": [],
    }  # fmt: skip


def _finding(name: str, count: int, matches: pa.Table) -> dict[str, object]:
    own = matches.filter(pc.equal(matches.column("finding"), name))
    lines = own.slice(0, 25).select(["file", "sha256", "line", "offset"]).to_pylist()
    times = [rfc3339(moment.value) for moment in own.column("time")[:25]]
    last = rfc3339(own.column("time")[len(own) - 1].value)
    return {
        "id": name, "rule": own.column("rule")[0].as_py(), "title": f"Invented {name}", "count": count,
        "level": own.column("level")[0].as_py(), "outcome": "attempted", "time": times[0], "last": last, "host": "EX01",
        "source_ip": _INTRUDER, "tags": [], "campaign": None, "stage": None,
        "evidence": [{**line, "time": time} for line, time in zip(lines, times, strict=True)],
    }  # fmt: skip


if __name__ == "__main__":
    main()
