"""Random rules on random Windows events, held against a small matcher that knows nothing of the code under test."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.rule import SigmaRule

from brokenseal.detections.criteria_reading import criterion_of
from brokenseal.detections.regex_engine import POLICY
from brokenseal.detections.rules import Rule
from brokenseal.detections.taxonomy import kinds_of_logsource
from brokenseal.detections.windows_matching import BATCH_COLUMNS, WindowsRules
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers.base import parser_of_table

SYSMON = "Microsoft-Windows-Sysmon/Operational"
SCHEMA = pa.schema([parser_of_table("windows_event").schema().field(name) for name in BATCH_COLUMNS])
LEVELS = {"critical": 1, "error": 2, "warning": 3, "information": 4, "informational": 4, "verbose": 5}
INTEGRITY = {"S-1-16-8192": "Medium", "S-1-16-12288": "High"}
DASHES = "-/–—―"

Event = Mapping[str, object]
Tree = tuple[object, ...]

# -- the reference ---------------------------------------------------------------------------------------------------


def lower(text: str) -> str:
    return "".join("i" if c == "\u0130" else c.lower() for c in text)


def shown(value: object) -> str | None:
    """A value of an event as text: null and the empty text are none, what is nested is its JSON."""
    if isinstance(value, str):
        return value or None
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def own(event: Event, name: str) -> str | None:
    data = cast(Mapping[str, object], event["Data"])
    found = [shown(data[key]) for key in sorted(data) if key.lower() == name.lower()]
    return next((value for value in found if value is not None), None)


def value_of(event: Event, name: str) -> str | int | None:
    lowered = name.lower()
    if lowered in ("level", "eventid"):
        return cast(int | None, event["Level" if lowered == "level" else "EventID"])
    if lowered in ("message", "keywords"):
        return cast(str | None, event["Message" if lowered == "message" else "Keywords"])
    if lowered == "channel":
        return own(event, "Channel") or cast(str, event["Channel"])
    if lowered == "computer":
        return cast(str | None, event["host"])
    if event["EventID"] != 4688:
        return own(event, name)
    if lowered == "image":
        return own(event, "NewProcessName")
    if lowered == "user":
        parts = own(event, "SubjectDomainName"), own(event, "SubjectUserName")
        return None if None in parts else f"{parts[0]}\\{parts[1]}"
    if lowered == "processid":
        number = own(event, "NewProcessId")
        return number if number is None or not number.startswith("0x") else str(int(number, 16))
    if lowered == "integritylevel":
        label = own(event, "MandatoryLabel")
        return INTEGRITY.get(label, label) if label is not None else None
    return own(event, name)


def haystack(event: Event) -> str:
    values = [event["Channel"], event["Provider_Name"], event["Message"]]
    values += [shown(value) for value in cast(Mapping[str, object], event["Data"]).values()]
    return "\n".join(str(value) for value in values if value is not None)


def tokens_of(pattern: str) -> list[str | int | None]:
    """Sigma's pattern as characters, None for ``*`` and 1 for ``?``; a backslash makes ``*``, ``?`` and itself plain."""
    tokens: list[str | int | None] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\" and pattern[at + 1 : at + 2] in ("*", "?", "\\"):
            tokens.append(pattern[at + 1])
            at += 1
        else:
            tokens.append({"*": None, "?": 1}.get(pattern[at], pattern[at]))
        at += 1
    return tokens


def wildcard_match(tokens: Sequence[str | int | None], value: str) -> bool:
    parts = {None: ".*", 1: "."}
    pattern = "".join(parts[t] if t is None or t == 1 else re.escape(cast(str, t)) for t in tokens)
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def text_matches(pattern: str, value: str | int | None, modifiers: Sequence[str]) -> bool:
    tokens = tokens_of(pattern if "cased" in modifiers else lower(pattern))
    if {"contains", "endswith"} & set(modifiers) and tokens[:1] != [None]:
        tokens = [None, *tokens]
    if {"contains", "startswith"} & set(modifiers) and tokens[-1:] != [None]:
        tokens = [*tokens, None]
    if value is None:
        return tokens == []
    if isinstance(value, int) and not {None, 1} & set(tokens):
        plain = "".join(map(str, tokens))
        return str(LEVELS.get(lower(plain), plain)) == str(value) if value < 10 else plain == str(value)
    return wildcard_match(tokens, str(value) if "cased" in modifiers else lower(str(value)))


def whole_sextets(data: bytes, offset: int) -> str:
    """The base64 letters that *data* determines by itself when it stands *offset* bytes after a multiple of three."""
    letters = base64.b64encode(b"\0" * offset + data + b"\0\0").decode()
    return letters[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6]


def texts_of(wanted: str, modifiers: Sequence[str]) -> list[str]:
    if "windash" in modifiers:
        return [dash + wanted[1:] for dash in DASHES] if re.match(r"[-/]\w", wanted) else [wanted]
    data = wanted.encode("utf-16-le" if {"wide", "utf16le"} & set(modifiers) else "utf-8")
    if "base64" in modifiers:
        return [base64.b64encode(data).decode()]
    return [whole_sextets(data, n) for n in range(3)] if "base64offset" in modifiers else [wanted]


def in_network(text: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(network)
    except ValueError:
        return False


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def as_number(value: str | int | None) -> float | None:
    if isinstance(value, int):
        return float(value)
    return float(value) if value is not None and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value) else None


def value_matches(event: Event, field: str, modifiers: Sequence[str], wanted: object) -> bool:
    value = value_of(event, field)
    if "exists" in modifiers:
        return (value is not None) is wanted
    if wanted is None:
        return value is None
    if "re" in modifiers:
        flags = re.IGNORECASE if "i" in modifiers else re.NOFLAG
        return value is not None and re.search(cast(str, wanted), str(value), flags) is not None
    if "cidr" in modifiers:
        return isinstance(value, str) and in_network(value, cast(str, wanted))
    if "fieldref" in modifiers:
        other = value_of(event, cast(str, wanted))
        if value is None or other is None:
            return False
        left, right = lower(str(value)), lower(str(other))
        if "contains" in modifiers:
            return right in left
        if "startswith" in modifiers:
            return left.startswith(right)
        return left.endswith(right) if "endswith" in modifiers else left == right
    for name, holds in COMPARISONS.items():
        if name in modifiers:
            number = as_number(value)
            return number is not None and holds(number, cast(float, wanted))
    if isinstance(wanted, bool):
        return isinstance(value, str) and lower(value) == str(wanted).lower()
    if isinstance(wanted, int):
        return value is not None and str(value) == str(wanted)
    return any(text_matches(text, value, modifiers) for text in texts_of(cast(str, wanted), modifiers))


def keyword_matches(event: Event, keyword: object) -> bool:
    return wildcard_match([None, *tokens_of(lower(str(keyword))), None], lower(haystack(event)))


def item_matches(event: Event, key: str, values: object) -> bool:
    field, *modifiers = key.split("|")
    listed = values if isinstance(values, list) else [values]
    hits = [
        keyword_matches(event, value) if field == "" else value_matches(event, field, modifiers, value)
        for value in listed
    ]
    result = all(hits) if "all" in modifiers else any(hits)
    return not result if "neq" in modifiers else result


def selection_matches(event: Event, selection: object) -> bool:
    if isinstance(selection, dict):
        return all(item_matches(event, key, values) for key, values in selection.items())
    return any(
        selection_matches(event, part) if isinstance(part, dict) else keyword_matches(event, part)
        for part in cast(list[object], selection)
    )


def condition_matches(event: Event, tree: Tree, selections: Mapping[str, object]) -> bool:
    head, *rest = tree
    if head == "name":
        return selection_matches(event, selections[cast(str, rest[0])])
    if head in ("1 of", "all of"):
        hits = [
            selection_matches(event, part) for name, part in selections.items() if name.startswith(cast(str, rest[0]))
        ]
        return any(hits) if head == "1 of" else all(hits)
    parts = [condition_matches(event, cast(Tree, part), selections) for part in rest]
    return not parts[0] if head == "not" else all(parts) if head == "and" else any(parts)


def condition_text(tree: Tree) -> str:
    head, *rest = tree
    if head == "name":
        return cast(str, rest[0])
    if head in ("1 of", "all of"):
        return f"{head} {rest[0]}*" if rest[0] else f"{head} them"
    parts = [f"({condition_text(cast(Tree, part))})" for part in rest]
    return f"not {parts[0]}" if head == "not" else f" {head} ".join(parts)


# -- random events and rules ------------------------------------------------------------------------------------------

LETTERS = "aAbBkKnu!%_'\"\\ .-/5\n" + "éÉıİ\u212aſßΣς🦀"
#: Long enough to be searched for; the letters after the backslashes are those that JSON escapes begin with.
WORDS = (
    *(r"C:\Users\Public\net.exe", r"\temp\a.exe", r"users\new\bin", "mimikatz", 'say "hello" now', "/c whoami"),
    *(
        "Müller & Söhne",
        "zürich",
        "кошка",
        "🦆🦆 ducks",
        "\\\\EX01\\c$\\file",
        "a\nb\tc",
        "-encodedCommand",
        "192.0.2.7",
    ),
)
FIELDS = (
    *(
        "Image",
        "CommandLine",
        "User",
        "ProcessId",
        "IntegrityLevel",
        "NewProcessName",
        "Größe",
        "line",
        "source_id",
        "x#lc",
    ),
    *("a.b c", "Level", "EventID", "Message", "Keywords", "Channel", "Computer"),
)
#: Names of an event's own fields; those of the header may stand there too.
OWN = (*FIELDS, "SubjectDomainName", "SubjectUserName", "NewProcessId", "MandatoryLabel")

_words = st.sampled_from(WORDS)
_text = st.one_of(
    st.text(LETTERS, max_size=6),
    _words,
    _words.map(str.upper),
    st.tuples(st.text("ab \\", max_size=2), _words, st.text("ab \\n", max_size=2)).map("".join),
    st.sampled_from(["-", "", "5", "10.5", "true", "False", "0x1f4", "500", "S-1-16-8192", "2001:db8::5", "high"]),
    _words.map(lambda word: base64.b64encode(f"x{word}".encode()).decode()),
    _words.map(lambda word: base64.b64encode(f"{word}!".encode("utf-16-le")).decode()),
)
_value = st.one_of(
    _text,
    _text,
    st.none(),
    st.booleans(),
    st.integers(0, 600),
    st.dictionaries(st.sampled_from(["a", "b c"]), st.one_of(_text, st.integers(0, 9), st.none()), max_size=2),
    st.lists(_text, max_size=2),
)
_names = st.sampled_from(OWN)
_name = _names | _names.map(str.upper) | _names.map(str.lower)
_events = st.fixed_dictionaries(
    {
        "source_id": st.integers(1, 2),
        "Level": st.none() | st.integers(1, 5),
        "Message": st.none() | _text.filter(bool),
        "Keywords": st.none() | st.sampled_from(["0x80", "0x8020000000000000"]),
        "Provider_Name": st.sampled_from([None, "Microsoft-Windows-Sysmon"]),
        "host": st.sampled_from([None, "EX01.example"]),
        # Most rules and events are about the same field, or few rules would be true of any event.
        "Data": st.builds(
            lambda data, line: {**data, "CommandLine": line}, st.dictionaries(_name, _value, max_size=4), _value
        ),
        "log": st.sampled_from([(SYSMON, 1), (SYSMON.lower(), 1), ("Security", 4688)]),
    }
)


def _pattern(word: str) -> str:
    """Sigma's text for exactly *word*."""
    return re.sub(r"([\\*?])", r"\\\1", word)


_patterns = st.one_of(
    st.text(LETTERS.replace("\n", "") + "***??", max_size=5),
    _words.map(_pattern),
    _words.map(lambda word: _pattern(word)[2:-1]),
    _words.map(lambda word: f"*{_pattern(word[:3])}*{_pattern(word[5:])}"),
    st.sampled_from(["*", "", "-", "ab", "5", "Error", "1", "46*", "High", SYSMON, "sysmon/oper", "*ex01*"]),
)
#: The modifier 'wide' is for ASCII only.
_ascii_words = st.sampled_from([word for word in WORDS if word.isascii() and "\\" not in word])
_any = st.just("CommandLine") | st.sampled_from(FIELDS)


def _of(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return values | st.lists(values, min_size=1, max_size=3)


def _key(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


_match = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
_expressions = [
    *(
        "a",
        "^[ab]+",
        "b.*b",
        "a|5",
        "K",
        "(5|b){2}",
        r"\\net\.exe",
        "whoam[ij]",
        r"mimi(katz|x)",
        "кошка",
        r"192\.0\.2\.7",
    ),
    *(r"C:\\Users\\[A-Z]+\\net", r"(?:temp|new)\\"),
]
_items = st.one_of(
    st.tuples(_key(_any, _match, st.sampled_from(["", "", "|cased"])), _of(_patterns)),
    st.tuples(_key(_any, "|contains|all"), st.lists(_patterns, min_size=2, max_size=3)),
    st.tuples(_key(_any, _match, "|neq"), _of(_patterns)),
    st.tuples(_any, _of(st.none() | st.sampled_from([1, 2, 5, 500, 4688, True, False]))),
    st.tuples(_key(_any, "|exists"), st.booleans()),
    st.tuples(_key(_any, "|re"), _of(st.sampled_from(_expressions))),
    st.tuples(_key(_any, "|re|i"), _of(st.sampled_from(["a", "k", "^A.B", "S", "é", "WHOAM", "mimi.atz"]))),
    st.tuples(_key(_any, "|cidr"), _of(st.sampled_from(["192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"]))),
    st.tuples(_key(_any, st.sampled_from(["|gt", "|gte", "|lt", "|lte"])), st.sampled_from([0, 5, 9.5, 500, 2**41])),
    st.tuples(_key(_any, "|fieldref", _match), _any),
    st.tuples(_key(_any, "|windash|contains"), st.sampled_from(["-a", "/c whoami", "-encodedCommand", "-", "a"])),
    st.tuples(_key(_any, st.sampled_from(["|base64offset", "|wide|base64offset"]), "|contains"), _ascii_words),
    st.tuples(_key(_any, "|base64"), st.sampled_from(["x/c whoami", "xmimikatz"])),
    st.tuples(st.just("|all"), st.lists(_patterns, min_size=2, max_size=3)),
)
_maps = st.lists(_items, min_size=1, max_size=3).map(dict)
_selections = st.one_of(
    _maps, st.lists(_maps, min_size=1, max_size=2), st.lists(_patterns | st.just(5), min_size=1, max_size=3)
)
_detections = st.fixed_dictionaries({"sel_a": _selections, "sel_b": _selections, "filter": _selections})
_leaves: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("name"), st.sampled_from(["sel_a", "sel_b", "filter"])),
    st.tuples(st.sampled_from(["1 of", "all of"]), st.sampled_from(["sel_", ""])),
)
_trees: st.SearchStrategy[Tree] = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)),
    max_leaves=4,
)
_told = st.tuples(_detections, _trees) | _items.map(
    lambda item: ({"sel_a": {item[0]: item[1]}}, cast(Tree, ("name", "sel_a")))
)


def rule(number: int, detection: Mapping[str, object], tree: Tree) -> Rule:
    data = {
        "title": "r",
        "logsource": {"category": "process_creation", "product": "windows"},
        "detection": {**detection, "condition": condition_text(tree)},
    }
    return Rule(
        id=f"00000000-0000-4000-8000-{number:012}",
        title="r",
        level="high",
        path="r.yml",
        line=1,
        file="r.yml",
        kinds=kinds_of_logsource("process_creation", "windows", None),
        criterion=criterion_of(SigmaRule.from_dict(data, policy=POLICY)),
    )


def batch(events: Sequence[Event]) -> pa.Table:
    rows = [
        {
            **{name: value for name, value in event.items() if name != "log"},
            "line": line,
            "time": datetime(2021, 3, 3, tzinfo=UTC),
            "Data": json.dumps(event["Data"], ensure_ascii=False, separators=(",", ":")),
        }
        for line, event in enumerate(events, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    given_events=st.lists(_events, min_size=1, max_size=14),
    told=st.lists(_told, min_size=1, max_size=6),
)
def test_random_rules_on_random_events(
    engine: DuckEngine, given_events: list[dict[str, object]], told: list[tuple[dict[str, object], Tree]]
) -> None:
    events = [{**event, "Channel": log[0], "EventID": log[1]} for event in given_events for log in [event["log"]]]  # type: ignore[index]
    rules = [rule(number, detection, tree) for number, (detection, tree) in enumerate(told)]
    found = WindowsRules(rules).match(engine, batch(events))
    assert not found.failures
    hits = sorted((row["rule"], row["line"]) for row in found.table.to_pylist())
    assert hits == [
        (own_rule.id, line)
        for own_rule, (detection, tree) in zip(rules, told, strict=True)
        for line, event in enumerate(events, start=1)
        if condition_matches(event, tree, detection)
    ]
