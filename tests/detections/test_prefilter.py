"""The raw-line prefilter: same lines from both search engines, and never a line missed that a rule is true on."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.criteria import Criterion
from brokenseal.detections.literals import necessary_literals
from brokenseal.detections.prefilter import LinePrefilter, SearchEngine, available_engine
from brokenseal.detections.sigma_sql import condition_sql
from brokenseal.detections.taxonomy import event_kind
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers import Settings, parser_for
from brokenseal.parsers.blocks import Tally, read_blocks

ENGINES = [
    "ahocorasick",
    pytest.param("hyperscan", marks=pytest.mark.skipif(available_engine() != "hyperscan", reason="no Hyperscan here")),
]
engines = pytest.mark.parametrize("search", ENGINES)


def newlines(block: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10).astype(np.int64)


def lines_found(prefilter: LinePrefilter, block: bytes, kind: str = "iis") -> list[int]:
    return [int(line) for line in prefilter.match(kind, block, newlines(block))]


@engines
def test_lines_are_found_without_regard_to_case(search: SearchEngine) -> None:
    prefilter = LinePrefilter({"iis": ["evil.aspx", "cmd="], "ews": ["getitem"]}, engine=search)
    block = b"nothing\nGET /EVIL.aspx?CMD=1\n\ncmd=\ngetitem\nEvil.ASPX"
    assert lines_found(prefilter, block) == [1, 3, 5]
    assert lines_found(prefilter, block, "ews") == [4]
    assert lines_found(prefilter, block, "mapi") == []
    assert lines_found(prefilter, b"") == []
    assert prefilter.match("iis", memoryview(block), newlines(block)).tolist() == [1, 3, 5]


@engines
def test_texts_are_no_expressions(search: SearchEngine) -> None:
    prefilter = LinePrefilter({"iis": ["a.c", "(x|y)*", "\\d+", "[z]", "^q$", "a\\x41"]}, engine=search)
    assert lines_found(prefilter, b"abc\nA.C\nx\n(X|Y)*\n55\n\\d+\nz\n[z]\nq\n^q$\n\\X41 a\\x41") == [1, 3, 5, 7, 9, 10]


@engines
def test_a_text_does_not_reach_over_a_line_end(search: SearchEngine) -> None:
    prefilter = LinePrefilter({"iis": ["abcd"]}, engine=search)
    assert lines_found(prefilter, b"ab\ncd\nabcd\n") == [2]


@engines
def test_letters_that_fold_to_ascii_are_hits(search: SearchEngine) -> None:
    prefilter = LinePrefilter({"iis": ["evil"]}, engine=search)
    assert lines_found(prefilter, "plain\nx\u212ax\n\u0130\n\u017f\nÉ\nǰ".encode()) == [1, 2, 3]


@engines
def test_several_threads_at_once(search: SearchEngine) -> None:
    prefilter = LinePrefilter({"iis": [f"word{n:02}" for n in range(50)]}, engine=search)
    blocks = [b"".join(b"line %d word%02d\n" % (n, n % 60) for n in range(start, start + 3000)) for start in range(8)]
    alone = [lines_found(prefilter, block) for block in blocks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda block: lines_found(prefilter, block), blocks * 3))
    assert together == alone * 3


def test_fingerprint_follows_the_literals() -> None:
    one = LinePrefilter({"iis": ["abc", "def"], "ews": []}, engine="ahocorasick")
    assert one.fingerprint == LinePrefilter({"iis": {"def", "abc"}}).fingerprint
    others = [{"iis": ["abc"]}, {"ews": ["abc", "def"]}, {"iis": ["abcdef"]}, {"iis": ["abc", "deg"]}]
    assert len({one.fingerprint, *(LinePrefilter(other).fingerprint for other in others)}) == 5


_words = st.text("abcAB.*+(\\", min_size=1, max_size=4)
_lines = st.lists(st.text("abcABC.*+(\\ é\u212a\r\0", max_size=12), max_size=12).map(
    lambda lines: "\n".join(lines).encode()
)


@settings(max_examples=40, deadline=None)
@given(words=st.sets(_words.map(str.lower), max_size=6), block=_lines)
def test_both_engines_find_the_lines_that_plain_search_finds(words: set[str], block: bytes) -> None:
    expected = [
        number
        for number, line in enumerate(block.split(b"\n"))
        if words and any(text in line.lower() for text in [*(word.encode() for word in words), "\u212a".encode()])
    ]
    for search in {"ahocorasick", available_engine()}:
        assert lines_found(LinePrefilter({"iis": words}, engine=search), block) == expected


# -- soundness: from a raw log through the real parser -----------------------------------------------------------------

_value = st.text("abAB\"',;= +?%-./\\éİK\u017f\r\0", max_size=7) | st.sampled_from(
    ["evil.aspx", "EVIL", "", "-", "a'b", '""']
)
_web_value = st.text("abAB\"',;=+?%-./\\éİK", min_size=1, max_size=7) | st.sampled_from(["evil.aspx", "-", 'a"b'])
_pattern = st.text("abAB\"'=+ ?*é/.kKi", min_size=1, max_size=6) | st.sampled_from(
    ["evil", "*evil*", "eviL.aspx", 'a"b', "a''b"]
)
_modifier = st.sampled_from(["", "|contains", "|startswith", "|endswith", "|re|i", "|cased", "|contains|all", "|neq"])


def _csv(cell: str, quoted: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if quoted or set(cell) & set(',"') else cell


def httpproxy_log(rows: list[tuple[str, str, bool]]) -> bytes:
    lines = ["#Log-type: HttpProxy Logs", "#Fields: DateTime,RequestId,UrlStem,UserAgent,BuildVersion,ServerHostName"]
    for stem, agent, quoted in rows:
        lines.append(f"2021-03-03T04:05:06.789Z,id,{_csv(stem, quoted)},{_csv(agent, quoted)},2176,EX01")
    return "\r\n".join(lines).encode()


def iis_log(rows: list[tuple[str, str, bool]]) -> bytes:
    lines = [
        "#Software: Microsoft Internet Information Services 10.0",
        "#Fields: date time cs-uri-stem cs-uri-query cs(User-Agent)",
    ]
    lines += [f"2021-03-03 04:05:06 /{stem} {query or '-'} {'x' if other else '-'}" for stem, query, other in rows]
    return "\r\n".join(lines).encode()


def ecp_log(rows: list[tuple[str, str, bool]]) -> bytes:
    lines = ["#Log-type: ECP Server Log", "#Fields: TimeStamp,ServerName,EventId,EventData"]
    for value, url, quoted in rows:
        command = f"S:CMD=Set-OabVirtualDirectory.ExternalUrl=''{value}''.Identity=x"
        item = "'" + command + "'" if quoted else command
        lines.append(
            f"2021-03-03T04:05:06.789Z,EX01,ECP.Request,S:TIME=1;{item};S:URL=/ecp/{url}?msExchEcpCanary={value};S:EX="
        )
    return "\r\n".join(lines).encode()


def check_soundness(
    engine: DuckEngine, criterion: Callable[..., Criterion], kind: str, log: bytes, detection: Mapping[str, object]
) -> None:
    """Every event the rule is true on stands in a line that the prefilter finds."""
    tree = criterion(detection)
    literals = necessary_literals(tree, event_kind(kind))
    parser = parser_for(kind)("test.log", Settings())
    for block in read_blocks(io.BytesIO(log), Tally()):
        engine.register("parsed", parser.parse(block).table)
        true = (
            engine.query(f"SELECT line FROM parsed WHERE {condition_sql(tree, event_kind(kind))}")
            .column("line")
            .to_pylist()
        )
        if literals is None:
            continue
        for search in {"ahocorasick", available_engine()}:
            prefilter = LinePrefilter({kind: literals}, engine=search)
            found = prefilter.match(kind, block.data, block.starts[1:] - 1) + block.first_line
            assert set(true) <= set(found.tolist())


def _detections(*fields: str) -> st.SearchStrategy[dict[str, object]]:
    key = st.tuples(st.sampled_from(fields), _modifier).map("".join)
    values = st.lists(_pattern, min_size=2, max_size=3)

    def plain(pair: tuple[str, list[str]]) -> tuple[str, list[str]]:
        name, patterns = pair
        return (
            (name, [pattern.translate({ord(c): "." for c in "*?+"}) for pattern in patterns]) if "|re" in name else pair
        )

    items = st.tuples(key, values).map(plain) | st.tuples(st.just("|all"), values)
    maps = st.lists(items, min_size=1, max_size=2).map(dict)
    condition = st.sampled_from(["selection", "selection and other", "selection or other", "selection and not other"])
    return st.fixed_dictionaries(
        {"selection": maps | _pattern.map(lambda p: [p]), "other": maps, "condition": condition}
    )


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(_value, _value, st.booleans()), min_size=1, max_size=6),
    detection=_detections("UrlStem", "UserAgent", "Build"),
)
def test_no_line_of_httpproxy_is_missed(
    engine: DuckEngine,
    criterion: Callable[..., Criterion],
    rows: list[tuple[str, str, bool]],
    detection: dict[str, object],
) -> None:
    check_soundness(engine, criterion, "httpproxy", httpproxy_log(rows), detection)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(_web_value, _web_value, st.booleans()), min_size=1, max_size=6),
    detection=_detections("cs-uri-query", "query-only", "cs-uri-stem"),
)
def test_no_line_of_iis_is_missed(
    engine: DuckEngine,
    criterion: Callable[..., Criterion],
    rows: list[tuple[str, str, bool]],
    detection: dict[str, object],
) -> None:
    check_soundness(engine, criterion, "iis", iis_log(rows), detection)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(_value, _value, st.booleans()), min_size=1, max_size=6),
    detection=_detections("CMD", "Parameters", "EventData", "URL", "Canary"),
)
def test_no_line_of_the_ecp_server_log_is_missed(
    engine: DuckEngine,
    criterion: Callable[..., Criterion],
    rows: list[tuple[str, str, bool]],
    detection: dict[str, object],
) -> None:
    check_soundness(engine, criterion, "ecp_server", ecp_log(rows), detection)
