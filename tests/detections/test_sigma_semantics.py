"""Random rules on random events, held against a small matcher that knows nothing of the code under test."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

Event = Mapping[str, object]
Item = tuple[str, object]
Tree = tuple[object, ...]

TEXT_FIELDS = ("UrlStem", "UserAgent", "ClientIpAddress")
INT_FIELDS = ("HttpStatus", "RequestBytes")
UNKNOWN = "NoSuchField"
DASHES = "-/–—―"

# -- the reference ---------------------------------------------------------------------------------------------------


def lower(text: str) -> str:
    return "".join("i" if c == "\u0130" else c.lower() for c in text)


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
    """By the set of places in the pattern that the text read so far can reach."""

    def skip_stars(places: set[int]) -> set[int]:
        found = set(places)
        for place in range(len(tokens)):
            if place in found and tokens[place] is None:
                found.add(place + 1)
        return found

    places = skip_stars({0})
    for character in value:
        stay = {p for p in places if p < len(tokens) and tokens[p] is None}
        step = {p + 1 for p in places if p < len(tokens) and tokens[p] is not None and tokens[p] in (1, character)}
        places = skip_stars(stay | step)
    return len(tokens) in places


def text_matches(pattern: str, value: object, modifiers: Sequence[str]) -> bool:
    """``value`` is the field's value, None if it is missing."""
    tokens = tokens_of(pattern if "cased" in modifiers else lower(pattern))
    if {"contains", "endswith"} & set(modifiers) and tokens[:1] != [None]:
        tokens = [None, *tokens]
    if {"contains", "startswith"} & set(modifiers) and tokens[-1:] != [None]:
        tokens = [*tokens, None]
    if value is None:
        return tokens in ([], ["-"])
    return wildcard_match(tokens, str(value) if "cased" in modifiers else lower(str(value)))


def value_matches(event: Event, field: str, modifiers: Sequence[str], wanted: object) -> bool:
    value = event.get(field)
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
        other = event.get(cast(str, wanted))
        if value is None or other is None:
            return False
        left, right = lower(str(value)), lower(str(other))
        return left.startswith(right) if "startswith" in modifiers else left == right
    for name, holds in COMPARISONS.items():
        if name in modifiers:
            number = as_number(value)
            return number is not None and holds(number, cast(float, wanted))
    if isinstance(wanted, bool):
        return isinstance(value, str) and lower(value) == str(wanted).lower()
    if isinstance(wanted, int):
        return value == wanted if isinstance(value, int) else value is not None and value == str(wanted)
    texts = [cast(str, wanted)]
    if "windash" in modifiers:
        texts = [dash + texts[0][1:] for dash in DASHES] if re.match(r"[-/]\w", texts[0]) else texts
    return any(text_matches(text, value, modifiers) for text in texts)


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def as_number(value: object) -> float | None:
    if isinstance(value, int):
        return float(value)
    return float(value) if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value) else None


def in_network(text: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(network)
    except ValueError:
        return False


def keyword_matches(event: Event, keyword: object) -> bool:
    if not str(keyword).strip("*"):
        return True  # any log line contains the empty text
    return any(
        wildcard_match([None, *tokens_of(lower(str(keyword))), None], lower(cast(str, event[field])))
        for field in TEXT_FIELDS
        if event.get(field) is not None
    )


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
        prefix = cast(str, rest[0])
        hits = [selection_matches(event, part) for name, part in selections.items() if name.startswith(prefix)]
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

LETTERS = "aAbBkK!%_'\"\\ .-/5" + "éÉıİKſßΣσς🦀"
_text_values = st.text(LETTERS, min_size=1, max_size=6) | st.sampled_from(
    ["true", "False", "5", "10.5", "-", "Ab", "ab"]
)
_addresses = st.sampled_from(["10.0.0.1", "192.0.2.7", "2001:db8::5", "::1", "10.0.0.300", "ab"])
events = st.fixed_dictionaries(
    {
        "UrlStem": st.none() | _text_values,
        "UserAgent": st.none() | _text_values,
        "ClientIpAddress": st.none() | _addresses,
        "HttpStatus": st.none() | st.sampled_from([0, 5, 10, 55, 200]),
        "RequestBytes": st.none() | st.sampled_from([0, 5, 10, 2**40]),
    }
)

_patterns = st.text(LETTERS + "***??", max_size=5) | st.sampled_from(
    ["*", "", "-", "ab", "*b*", "a*b", "5", "10*", r"a\*"]
)
_any_field = st.sampled_from([*TEXT_FIELDS, *INT_FIELDS, UNKNOWN])
_match = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
_cased = st.sampled_from(["", "|cased"])


def _of(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return values | st.lists(values, min_size=1, max_size=3)


def _key(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


_items: st.SearchStrategy[Item] = st.one_of(
    st.tuples(_key(_any_field, _match, _cased), _of(_patterns)),
    st.tuples(_key(_any_field, "|contains|all"), st.lists(_patterns, min_size=2, max_size=3)),
    st.tuples(_key(_any_field, _match, "|neq"), _of(_patterns)),
    st.tuples(_any_field, _of(st.none() | st.sampled_from([0, 5, 10, 200, True, False]))),
    st.tuples(_key(_any_field, "|exists"), st.booleans()),
    st.tuples(_key(_any_field, "|re"), _of(st.sampled_from(["a", "^[ab]+$", "b.*b", "a|5", "K", "(5|b){2}", "^$"]))),
    st.tuples(_key(_any_field, "|re|i"), _of(st.sampled_from(["a", "k", "^A.B", "S", "é"]))),
    st.tuples(_key(_any_field, "|cidr"), _of(st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "::/0"]))),
    st.tuples(
        _key(_any_field, st.sampled_from(["|gt", "|gte", "|lt", "|lte"])), st.sampled_from([0, 5, 9.5, 10, 2**41])
    ),
    st.tuples(_key(_any_field, "|fieldref"), st.sampled_from([*TEXT_FIELDS, *INT_FIELDS, UNKNOWN])),
    st.tuples(_key(_any_field, "|fieldref|startswith"), st.sampled_from(TEXT_FIELDS)),
    st.tuples(_key(_any_field, "|windash|contains"), st.sampled_from(["-a", "/b", "/ab", "-", "a"])),
    st.tuples(st.just("|all"), st.lists(_patterns, min_size=2, max_size=3)),
)
_maps = st.lists(_items, min_size=1, max_size=3).map(dict)
selections = st.one_of(
    _maps, st.lists(_maps, min_size=1, max_size=2), st.lists(_patterns | st.just(5), min_size=1, max_size=3)
)
detections = st.fixed_dictionaries({"sel_a": selections, "sel_b": selections, "filter": selections})
_leaves: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("name"), st.sampled_from(["sel_a", "sel_b", "filter"])),
    st.tuples(st.sampled_from(["1 of", "all of"]), st.sampled_from(["sel_", ""])),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=120, deadline=None)
@given(given_events=st.lists(events, min_size=1, max_size=12), detection=detections, tree=trees)
def test_random_rules_on_random_events(
    matching: Callable[..., list[int]], given_events: list[Event], detection: dict[str, object], tree: Tree
) -> None:
    found = matching({**detection, "condition": condition_text(tree)}, given_events)
    assert found == [n for n, event in enumerate(given_events) if condition_matches(event, tree, detection)]


@settings(max_examples=80, deadline=None)
@given(given_events=st.lists(events, min_size=1, max_size=20), item=_items)
def test_random_items_on_random_events(
    matching: Callable[..., list[int]], given_events: list[Event], item: Item
) -> None:
    key, values = item
    found = matching({"selection": {key: values}}, given_events)
    assert found == [n for n, event in enumerate(given_events) if item_matches(event, key, values)]
