"""What an event's text must hold for a rule, as a formula of texts and event ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from brokenseal.detections.criteria import Criterion
from brokenseal.detections.literal_formula import (
    Both,
    Either,
    Formula,
    HasEventID,
    OneOf,
    necessary_formula,
    rows_of,
    texts_of,
)
from brokenseal.detections.literals import in_json
from brokenseal.detections.windows_kind import windows_kind

Criteria = Callable[..., Criterion]


def one(*texts: str) -> OneOf:
    return OneOf(frozenset(texts))


def event(*numbers: int) -> HasEventID:
    return HasEventID(frozenset(numbers))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"Image|endswith": "\\\\Evil.exe"}, one("\\evil.exe")),
        ({"CommandLine|contains": ["alpha one", "beta two"]}, one("alpha one", "beta two")),
        (
            {"CommandLine|contains|all": ["alpha one", "beta two"]},
            Both((one("alpha one"), one("beta two"))),
        ),
        ({"EventID": 4625}, event(4625)),
        ({"EventID": [4624, "4625"]}, Either((event(4624), event(4625)))),
        ({"event_id": 4625, "TargetUserName": "administrator"}, Both((event(4625), one("administrator")))),
        # A short text says little where there is more to go by.
        ({"EventID": 4625, "TargetUserName": "anna"}, event(4625)),
        ({"TargetUserName": "anna"}, one("anna")),
        # Any event may be meant.
        ({"EventID|gt": 4624}, None),
        ({"EventID|contains": "46"}, None),
        ({"TargetUserName|neq": "administrator"}, None),
        ({"TargetUserName": None}, None),
        ({"TargetUserName": ""}, None),
        ({"TargetUserName|exists": False}, None),
        ({"CommandLine|contains": "ab"}, None),
        ({"Image|endswith": ".exe"}, None),
        ({"Image|startswith": "C:\\\\Windows\\\\System32\\\\"}, None),
        ({"Image|contains": ["mimikatz", "ab"]}, None),
        # '-' is a value, but a short one; '*' is any.
        ({"TargetUserName": "-"}, None),
        ({"TargetUserName": "*"}, None),
        # What is put together or translated does not stand in the event as it is.
        ({"User": "CORP\\\\administrator"}, None),
        ({"ProcessId": 50000}, None),
        ({"IntegrityLevel": "Medium"}, None),
        ({"Channel": "Microsoft-Windows-Sysmon/Operational"}, None),
        ({"Computer": "ex01.corp.example"}, None),
        # Beyond ASCII only letters without case are compared as they are.
        ({"CommandLine|contains": "Müller und Söhne"}, one("ller und s")),
        ({"CommandLine|contains": "🦆🦆"}, one("🦆🦆")),
        # Quotes are written otherwise in JSON.
        ({"CommandLine|contains": 'say "hello there"'}, one("hello there")),
        ({"CommandLine|re": r"(?:whoami|hostname)\s"}, one("whoami", "hostname")),
    ],
)
def test_formula_of_a_selection(criterion: Criteria, selection: Mapping[str, object], expected: Formula | None) -> None:
    kind = windows_kind("windows_event:process_creation")
    assert necessary_formula(criterion({"selection": selection}), kind) == expected


def test_conditions(criterion: Criteria) -> None:
    parts = {
        "sel": {"CommandLine|contains": "alpha one"},
        "other": {"EventID": 1, "Image|endswith": "beta two"},
        "filter": {"CommandLine|contains": "gamma three"},
        "anything": {"Image|endswith": ".exe"},
    }
    kind = windows_kind("windows_event:process_creation")

    def formula(condition: str) -> Formula | None:
        return necessary_formula(criterion({**parts, "condition": condition}), kind)

    alpha, beta = one("alpha one"), Both((event(1), one("beta two")))
    assert formula("sel and not filter") == alpha
    assert formula("not filter") is None
    assert formula("sel or not filter") is None
    assert formula("sel or anything") is None
    assert formula("sel and anything") == alpha
    assert formula("sel or other") == Either((alpha, beta))
    assert formula("sel and other") == Both((alpha, beta))
    assert formula("sel or filter") == one("alpha one", "gamma three")


def test_keywords_stand_in_the_message_as_they_are_and_in_the_data_as_json(criterion: Criteria) -> None:
    kind = windows_kind("windows_event:application")
    assert necessary_formula(criterion({"selection": [r"Temp\\evil.exe"]}), kind) == one(
        "temp\\evil.exe", "temp\\\\evil.exe"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", {"plain"}),
        # A single backslash at an end is in two of them as well.
        ("\\cmd.exe", {"\\cmd.exe"}),
        ("temp\\", {"temp\\"}),
        ("system32\\cmd.exe", {"system32\\\\cmd.exe"}),
        # The text of a nested value is JSON: there these are a line end and a tab.
        ("c:\\new\\file", {"c:\\\\new\\\\file", "c:\\new\\file"}),
        ("\\", {"\\"}),
    ],
)
def test_backslashes_in_json(text: str, expected: set[str]) -> None:
    assert in_json(text) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (one("a"), 0b0011),
        (one("a", "b"), 0b0111),
        (one(), 0),
        (event(1), 0b1010),
        (event(1, 2), 0b1011),
        (Both((one("a"), event(1))), 0b0010),
        (Both((one("c"), one("a"))), 0),
        (Either((one("a"), event(1))), 0b1011),
        (Either((Both((one("b"), one("a"))), event(2))), 0b0011),
    ],
)
def test_rows_of_which_a_formula_is_true(formula: Formula, expected: int) -> None:
    texts = {"a": 0b0011, "b": 0b0110}
    events = {1: 0b1010, 2: 0b0001}
    assert rows_of(formula, lambda text: texts.get(text, 0), lambda number: events.get(number, 0)) == expected


def test_all_texts_of_a_formula_are_searched_for() -> None:
    formula = Either((Both((one("a", "b"), event(1))), one("c")))
    assert sorted(texts_of(formula)) == ["a", "b", "c"]
    assert list(texts_of(None)) == []
