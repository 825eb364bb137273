"""No forged request is passed over, however its target is spelled: the value is the attacker's own text."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.matching import match_rules
from brokenseal.detections.rules import Rule, load_rules
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers.base import parser_for

HOSTS = (
    "a]@ex01.corp.example:444",
    "ex01.corp.example",
    "ex01:81",
    "a/b]@ex01.corp.example:444",
    "a?b#c]@ex01.corp.example:444",
    "localhost/x.js?]@ex01.corp.example:444",
    "a@b]@[2001:db8::5]:444",
)
MAIL = (
    "EWS/Exchange.asmx",
    "x/../EWS/Exchange.asmx",
    "./ews/exchange.asmx",
    "%65ws/Exchange.asmx",
    "%2565ws/Exchange%2easmx",
    "owa/../ews/Exchange.asmx",
    "autodiscover/../ews/Exchange.asmx",
    "x/y/../..\\ews/exchange.asmx",
    "x/%2e%2e/ews%2fexchange.asmx",
    "EWS/Exchange.asmx/s/GetItem?a=~1942062522",
    "EWS/Exchange.asmx/x.js",
)
SETTINGS = (
    "ecp/DDI/../DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory",
    "ECP/x/../ddi/ddiservice.svc/SetObject?schema=OABVirtualDirectory",
    "%65cp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory",
)
OTHER = (
    "mapi/emsmdb/?MailboxId=f26bc937-b7b3-4402-b890-96c46713e5d5@corp.example",
    "ecp/../mapi/emsmdb",
    "owa/mapi/emsmdb",
    "mapi/nspi",
    "ecp/proxyLogon.ecp",
    "oab/x/proxyLogon.ecp",
    "ecp/foo.asmx",
    "owa/ev.owa2.asmx",
    "rpc/x.asmx",
    "owa/service.svc?action=GetItem",
    "owa/ews/Exchange.asmx",
    "ecp/RulesEditor/InboxRules.svc/NewObject",
    "powershell",
    "x/y/z",
    "ecp/page.aspx/x.js",
    "e%63p/x.js",
    "ecp/..;/x.js",
    "owa?x=]@localhost/",
    "autodiscover/../owa/x",
    "autodiscover%2f..%2fews/x",
)
HARMLESS = (
    "",
    "?",
    "ecp/",
    "ecp/default.flt",
    "owa/auth/logon.aspx?",
    "ecp/15.1.2176.2/themes/main.css?#",
    "a/x.png~3",
)
LOCAL = ("localhost", "a]@localhost:444", "127.0.0.1:444", "a@[::1]")
ENDS = ("", "?#", "?a=~1942062522#")
STATUSES = (None, 0, 200, 204, 302, 401, 403, 404, 500, 503)
BACK_END = (None, 200, 401, 500)
METHODS = ("POST", "GET", "RPC_IN_DATA", None)

Answer = tuple[int | None, int | None, str | None]


@cache
def graded() -> dict[str, Rule]:
    found = load_rules([campaign.rules_folder for campaign in load_campaigns()])
    return {Path(rule.path).stem: rule for rule in found.rules if "httpproxy" in rule.kinds and rule.outcome}


def graded_rows(rows: list[tuple[str, Answer]]) -> list[set[str]]:
    """For each row (anchor, then status, back end's status and method) the names of the rules that match it."""
    schema = parser_for("httpproxy").schema()
    with DuckEngine(threads=1) as engine:
        events = [
            {
                **dict.fromkeys(schema.names),
                "AnchorMailbox": anchor,
                "HttpStatus": status,
                "BackEndStatus": back_end,
                "Method": method,
                "source_id": 1,
                "line": line,
                "offset": 0,
            }
            for line, (anchor, (status, back_end, method)) in enumerate(rows)
        ]
        engine.register("candidates", pa.Table.from_pylist(events, schema=schema))
        found = match_rules(engine, "httpproxy", "candidates", graded().values())
    assert not found.failures
    names = {rule.id: name for name, rule in graded().items()}
    seen: list[set[str]] = [set() for _ in rows]
    for row in found.table.to_pylist():
        seen[row["line"]].add(names[row["rule"]])
    return seen


def answered(answer: Answer) -> bool:
    status, back_end, _ = answer
    return status is not None and 200 <= status < 300 and (back_end or 0) < 300


def outcomes(names: set[str]) -> set[str | None]:
    return {graded()[name].outcome for name in names}


def test_each_forged_request_is_graded_and_an_answered_one_is_no_probe() -> None:
    answers = list(itertools.product(STATUSES, BACK_END, METHODS))
    targets = [(host, page) for host in HOSTS for page in (*MAIL, *SETTINGS, *OTHER)]
    rows = [
        (f"ServerInfo~{host}/{page}{ENDS[n % 3]}", answer)
        for n, (host, page) in enumerate(targets)
        for answer in answers
    ]
    for (anchor, answer), names in zip(rows, graded_rows(rows), strict=True):
        assert names, (anchor, answer)
        if answered(answer):
            assert outcomes(names) & {"attempted", "succeeded"}, (anchor, answer, names)


def test_a_harmless_target_is_a_probe_and_nothing_else() -> None:
    plain = HOSTS[:3]
    targets = [f"{host}/{page}" for host in plain for page in HARMLESS]
    targets += [f"{host}/{page}" for host in LOCAL for page in ("x/y", "owa/x.aspx", "mapi/nspi", "x?y=a@b")]
    rows = [
        (f"ServerInfo~{target}", answer)
        for target in targets
        for answer in itertools.product(STATUSES, BACK_END, METHODS)
    ]
    for row, names in zip(rows, graded_rows(rows), strict=True):
        assert outcomes(names) == {"probed"}, (row, names)


@pytest.mark.parametrize(("pages", "stage"), [(MAIL, "mail_read"), (SETTINGS, "oab_poisoned")])
def test_the_spelling_of_a_target_hides_no_step(pages: tuple[str, ...], stage: str) -> None:
    rows: list[tuple[str, Answer]] = [
        (f"ServerInfo~{host}/{page}{end}", (200, 200, "POST")) for host in HOSTS for page in pages for end in ENDS
    ]
    for row, names in zip(rows, graded_rows(rows), strict=True):
        assert stage in {graded()[name].stage for name in names}, (row, names)


_TEXT = st.lists(
    st.sampled_from([*"aex/.?#%@]\\;:~", "ews", "..", "/x.js", ".asmx", "localhost", "svc", "]@"]), max_size=14
).map("".join)
_ANSWER = st.sampled_from([(200, 200, "POST"), (200, None, "GET"), (404, 404, "POST"), (None, None, None)])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(_TEXT.map(lambda text: f"ServerInfo~a{text}/z"), _ANSWER), min_size=1, max_size=40))
def test_any_text_with_a_path_is_graded(rows: list[tuple[str, Answer]]) -> None:
    for row, names in zip(rows, graded_rows(rows), strict=True):
        assert names, row
