"""How long the mailbox ledger takes over many rows, beside the engine's plain pass over the same rows.

``python bench/ledger_speed.py [--rows 500000] [--runs 3]`` makes HttpProxy and EWS logs of so many rows each (a hundred
users, one intruder who is signed in as three of them), reads them into a case once, and then measures side by side:

    plain    sum of bytes by client over all HttpProxy rows, and of item ids over all EWS rows
    ledger   who is the intruder, requests by mailbox joined to the back end, audit records, bytes by client and hour

Nothing is asserted; the ratio is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))  # for `python bench/ledger_speed.py`

import numpy as np

from brokenseal.events import Case, EventStore, default_jobs, ingest
from brokenseal.evidence import collect
from brokenseal.incident.actors import Actor, register_actors
from brokenseal.incident.hosts import Hosts
from brokenseal.incident.identities import Identities
from brokenseal.incident.ledger import account_for_mail
from brokenseal.incident.mail_requests import build_mail_requests
from brokenseal.incident.matches import build_matches
from brokenseal.incident.named_actors import NOBODY
from brokenseal.incident.outflow import outflow
from brokenseal.parsers import Settings

PROXY = (
    "DateTime,RequestId,Protocol,UrlStem,IsAuthenticated,AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,"
    "ServerHostName,HttpStatus,Method,RoutingHint,ResponseBytes"
)
EWS = (
    "DateTime,RequestId,AuthenticatedUser,SoapAction,HttpStatus,ServerHostName,ActAsUser,ImpersonatedUser,LocalIdCount"
)
INTRUDER = "203.0.113.7"


def write_logs(folder: Path, rows: int) -> None:
    """Logs of one day; request ids are the same in both."""
    draws = np.random.default_rng(7)
    users, sizes, counts = draws.integers(0, 100, rows), draws.integers(200, 90_000, rows), draws.integers(1, 10, rows)
    stolen = draws.random(rows) < 0.002
    with (folder / "HttpProxy.LOG").open("w") as proxy, (folder / "Ews.LOG").open("w") as ews:
        proxy.write(f"#Software: Microsoft Exchange Server\n#Log-type: HttpProxy Logs\n#Fields: {PROXY}\n")
        ews.write(f"#Software: Microsoft Exchange Server\n#Log-type: EWS Logs\n#Fields: {EWS}\n")
        for number in range(rows):
            user = int(users[number]) % 3 if stolen[number] else int(users[number])
            address = INTRUDER if stolen[number] else f"192.0.2.{user}"
            seconds = number * 86_000 // rows
            at = f"2021-03-03T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{number % 1000:03}Z"
            request = f"{number:08x}-0000-4000-8000-000000000000"
            proxy.write(
                f"{at},{request},Ews,/EWS/Exchange.asmx,true,CORP\\user{user},,Client/1.0,{address},EX01,200,POST,,"
                f"{sizes[number]}\n"
            )
            ews.write(f"{at},{request},CORP\\user{user},GetItem,200,EX01,,user{user}@corp.example,{counts[number]}\n")


def plain(store: EventStore) -> None:
    store.engine.query(f"SELECT ClientIpAddress, sum(ResponseBytes) FROM {store.events('httpproxy')} GROUP BY ALL")
    store.engine.query(f"SELECT AuthenticatedUser, sum(LocalIdCount) FROM {store.events('ews')} GROUP BY ALL")


def ledger(store: EventStore) -> tuple[int, int]:
    register_actors(store, [Actor(None, INTRUDER, None, -(1 << 60), 1 << 60)], NOBODY)
    build_mail_requests(store)
    rows = account_for_mail(store, [], [], Identities(), "NULL").rows
    left = outflow(store, "NULL")
    return len(rows), len(left.clients)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of each of the two logs")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "evidence"
        folder.mkdir()
        write_logs(folder, options.rows)
        with Case(Path(name) / "case") as case:
            ingest(case, collect([folder]).files, Settings(), None, jobs=default_jobs())
            store = EventStore(case, threads=default_jobs())
            _prepare(store)
            best = {"plain": float("inf"), "ledger": float("inf")}
            for _ in range(options.runs):
                for what, run in (("plain", plain), ("ledger", ledger)):
                    started = time.perf_counter()
                    result = run(store)
                    best[what] = min(best[what], time.perf_counter() - started)
            store.close()
    print(f"{2 * options.rows:,} rows: plain {best['plain']:.2f} s, ledger {best['ledger']:.2f} s {result}")
    print(f"ratio {best['ledger'] / best['plain']:.1f}")
    return 0


def _prepare(store: EventStore) -> None:
    """The tables that the account of a scan makes before the ledger."""
    import pyarrow as pa

    hosts = Hosts(store.all_sources)
    store.register_hosts({number: found.host for number, found in hosts.of.items()})
    spelled = hosts.spellings()
    store.engine.register("host_spellings", pa.table({"lowered": list(spelled), "spelling": list(spelled.values())}))
    ids = [source.id for source in store.all_sources]
    ranks = pa.table({"source_id": pa.array(ids, pa.int32()), "rank": pa.array(range(len(ids)), pa.int64())})
    store.engine.register("source_ranks", ranks)
    build_matches(store, [])


if __name__ == "__main__":
    sys.exit(main())
