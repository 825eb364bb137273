from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from brokenseal.report import shape
from brokenseal.report.document import dump, schema, validate

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "sample_document.json").read_text(encoding="utf-8"))
SCHEMA: Any = schema()
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x0A}


def changed(path: str, value: object) -> dict[str, Any]:
    """The sample with one place changed, such as 'findings/0/level'."""
    document = copy.deepcopy(SAMPLE)
    *parents, last = path.split("/")
    target: Any = document
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[int(last) if last.isdigit() else last] = value
    return document


def test_the_schema_is_a_valid_2020_12_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_property_has_a_description() -> None:
    def missing(node: object, where: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = []
        for name, inner in node.get("properties", {}).items():
            target = SCHEMA["$defs"][inner["$ref"].split("/")[-1]] if "$ref" in inner else inner
            found += [] if "description" in inner or "description" in target else [f"{where}.{name}"]
        for name, inner in node.items():
            children = inner if isinstance(inner, list) else [inner]
            found += [problem for child in children for problem in missing(child, f"{where}.{name}")]
        return found

    assert missing(SCHEMA, "") == []


def test_the_sample_is_valid_and_uses_every_member_of_the_schema() -> None:
    assert validate(SAMPLE) == []
    defs = SCHEMA["$defs"]
    used = {
        "host": SAMPLE["hosts"],
        "build": [build for host in SAMPLE["hosts"] for build in host["builds"]],
        "coverage": [one for host in SAMPLE["hosts"] for one in host["coverage"]],
        "campaign": SAMPLE["campaigns"],
        "intrusion": SAMPLE["intrusions"],
        "webshell": [shell for one in SAMPLE["intrusions"] for shell in one["webshells"]],
        "process": [process for one in SAMPLE["intrusions"] for process in one["processes"]],
        "mailbox": SAMPLE["mailboxes"],
        "change": [*SAMPLE["changes"], *(change for one in SAMPLE["mailboxes"] for change in one.get("changes", []))],
        "tracked_message": [message for one in SAMPLE["mailboxes"] for message in one.get("tracked", [])],
        "tracked_total": [one["tracked_total"] for one in SAMPLE["mailboxes"] if one.get("tracked_total")],
        "hint": SAMPLE["hints"],
        "client": SAMPLE["outflow"]["clients"],
        "reference": [reference for finding in SAMPLE["findings"] for reference in finding["evidence"]],
        "finding": SAMPLE["findings"],
        "evidence_file": SAMPLE["evidence"],
        "cited_line": SAMPLE["cited"]["lines"],
        "told": SAMPLE["sentences"],
    }
    for name, items in used.items():
        assert {key for item in items for key in item} == set(defs[name]["properties"]), name
    assert set(SAMPLE) == set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("verdict", "hacked", "verdict"),
        ("sumary", "a typo", "document"),
        ("hosts/0/reason", ["a typo"], "hosts[0]"),
        ("hosts/0/builds/0/build", "15.1.2176", "hosts[0].builds[0].build"),
        ("hosts/0/coverage/1/gaps/0/hours", "five", "hosts[0].coverage[1].gaps[0].hours"),
        ("campaigns/1/window/form", None, "campaigns[1].window"),
        ("campaigns/1/window", "2021", "campaigns[1].window"),
        ("intrusions/0/first_seen", "2021-03-03 04:10:55", "intrusions[0].first_seen"),
        ("intrusions/0/first_seen", "2021-03-03T05:10:55.203+01:00", "intrusions[0].first_seen"),
        ("intrusions/0/cves/0/id", "cve.2021-26855", "intrusions[0].cves[0].id"),
        ("intrusions/0/webshells/0/state", "dead", "intrusions[0].webshells[0].state"),
        ("intrusions/0/processes/1/time", "04:20", "intrusions[0].processes[1].time"),
        ("intrusions/0/processes/1/pid", 5012, "intrusions[0].processes[1].pid"),
        ("intrusions/0/processes/1/guid", "{}", "intrusions[0].processes[1]"),
        ("intrusions/0/processes/1/evidence/0/recrod", 1, "intrusions[0].processes[1].evidence[0]"),
        ("intrusions/0/techniques/0/id", "attack.t1190", "intrusions[0].techniques[0].id"),
        ("mailboxes/0/bytes_at_least", -1, "mailboxes[0].bytes_at_least"),
        ("mailboxes/0/complete", "yes", "mailboxes[0].complete"),
        ("mailboxes/0/bytes_at_lest", 1, "mailboxes[0]"),
        ("findings/0/level", "severe", "findings[0].level"),
        ("findings/0/evidence/0/line", 0, "findings[0].evidence[0].line"),
        ("findings/0/evidence/0/sha256", "ABC", "findings[0].evidence[0].sha256"),
        ("findings/0/evidence/0/colum", 3, "findings[0].evidence[0]"),
        ("findings/8/evidence/0/record", "918233", "findings[8].evidence[0].record"),
        ("findings/8/evidence/0/detail", "x" * 301, "findings[8].evidence[0].detail"),
        ("findings/0/evidence", [SAMPLE["findings"][0]["evidence"][0]] * 26, "findings[0].evidence"),
        ("evidence/0/host_from", "guess", "evidence[0].host_from"),
        ("evidence/0/reject_reasons", {"short": "many"}, "evidence[0].reject_reasons.short"),
        ("rules/loded", 3, "rules"),
        ("cited/lines/0/text", "x" * 2001, "cited.lines[0].text"),
        ("cited/lines/0/form", "raw", "cited.lines[0].form"),
        ("cited/lines/0/lien", 3, "cited.lines[0]"),
    ],
)
def test_a_wrong_member_is_named(path: str, value: object, where: str) -> None:
    problems = validate(changed(path, value))
    assert problems
    assert all(problem.startswith(f"{where}: ") for problem in problems), problems


@pytest.mark.parametrize(
    "member", sorted(set(SAMPLE) - {"scope", "changes", "hints", "outflow", "actors", "sentences", "cited"})
)
def test_a_missing_member_is_named(member: str) -> None:
    document = {key: value for key, value in SAMPLE.items() if key != member}
    assert any(member in problem for problem in validate(document))


def test_ids_that_nothing_has_and_ids_twice_are_named() -> None:
    assert validate(changed("intrusions/0/cves/0/findings", ["F99"])) == [
        "intrusions[0].cves[0].findings: nothing has the id F99"
    ]
    assert validate(changed("mailboxes/0/intrusion", "I9")) == ["mailboxes[0].intrusion: nothing has the id I9"]
    assert validate(changed("findings/1/id", "F1"))[0] == "findings[1]: F1 is there more than once"
    assert validate(changed("intrusions/0/processes/1/findings", ["F99"])) == [
        "intrusions[0].processes[1].findings: nothing has the id F99"
    ]
    assert validate(changed("intrusions/0/processes/3/id", "P2")) == [
        "intrusions[0].processes[3]: P2 is there more than once"
    ]


def test_a_process_that_comes_before_its_parent_is_named() -> None:
    assert validate(changed("intrusions/0/processes/1/parent", "P3")) == [
        "intrusions[0].processes[1].parent: nothing before it has the id P3"
    ]


def test_processes_of_two_intrusions_may_have_the_same_id() -> None:
    intrusion = SAMPLE["intrusions"][0]
    assert validate({**SAMPLE, "intrusions": [intrusion, {**intrusion, "id": "I2"}]}) == []


@pytest.mark.parametrize("member", ["record", "detail", "offset", "time"])
def test_a_reference_need_not_have_what_only_some_logs_have(member: str) -> None:
    document = copy.deepcopy(SAMPLE)
    del document["findings"][8]["evidence"][0][member]
    assert validate(document) == []


def test_a_problem_never_shows_raw_text_of_the_document() -> None:
    (problem,) = validate(changed("verdict", "\x1b[31m" * 500))
    assert problem.isprintable()
    assert len(problem) < 400


def test_dump_keeps_the_order_of_keys_and_ends_in_a_newline() -> None:
    assert (
        dump({"b": "ü", "a": [1, None, True]})
        == '{\n  "b": "ü",\n  "a": [\n    1,\n    null,\n    true\n  ]\n}\n'.encode()
    )


def test_dump_escapes_what_acts_on_a_terminal() -> None:
    assert dump({"x": "\x1b\x7f\x9b\u202e\u2066\u200f\udc80\U000e0041"}) == (
        b'{\n  "x": "\\u001b\\u007f\\u009b\\u202e\\u2066\\u200f\\udc80\\udb40\\udc41"\n}\n'
    )


def test_dump_refuses_numbers_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump({"x": float("nan")})


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4))
def test_dump_gives_back_what_it_was_given_and_nothing_to_act_on_a_terminal(document: dict[str, object]) -> None:
    data = dump(document)
    text = data.decode("utf-8")
    assert not FORBIDDEN & set(map(ord, text))
    assert json.loads(text) == json.loads(json.dumps(document))


def test_python_types_have_the_members_of_the_schema() -> None:
    defs, top = SCHEMA["$defs"], SCHEMA["properties"]
    pairs = [
        (shape.IncidentDocument, SCHEMA),
        (shape.Generator, top["generator"]),
        (shape.Scope, top["scope"]),
        (shape.Rules, top["rules"]),
        (shape.RuleNotRun, top["rules"]["properties"]["not_run"]["items"]),
        (shape.Host, defs["host"]),
        (shape.Build, defs["build"]),
        (shape.Coverage, defs["coverage"]),
        (shape.Gap, defs["coverage"]["properties"]["gaps"]["items"]),
        (shape.Campaign, defs["campaign"]),
        (shape.Window, defs["campaign"]["properties"]["window"]),
        (shape.Intrusion, defs["intrusion"]),
        (shape.Flaw, defs["intrusion"]["properties"]["cves"]["items"]),
        (shape.Technique, defs["intrusion"]["properties"]["techniques"]["items"]),
        (shape.WebShell, defs["webshell"]),
        (shape.Process, defs["process"]),
        (shape.Mailbox, defs["mailbox"]),
        (shape.Change, defs["change"]),
        (shape.Received, defs["received"]),
        (shape.Estimate, defs["estimate"]),
        (shape.TrackedMessage, defs["tracked_message"]),
        (shape.TrackedTotal, defs["tracked_total"]),
        (shape.Hint, defs["hint"]),
        (shape.PlacesFile, top["scope"]["properties"]["geoip"]["anyOf"][0]),
        (shape.Action, defs["mailbox"]["properties"]["actions"]["items"]),
        (shape.Outflow, top["outflow"]),
        (shape.OutflowHour, top["outflow"]["properties"]["hours"]["items"]),
        (shape.Client, defs["client"]),
        (shape.Actor, top["actors"]["items"]),
        (shape.Finding, defs["finding"]),
        (shape.Reference, defs["reference"]),
        (shape.EvidenceRecord, defs["evidence_file"]),
        (shape.Cited, top["cited"]),
        (shape.CitedLine, defs["cited_line"]),
    ]
    for typed, described in pairs:
        assert list(typed.__annotations__) == list(described["properties"]), typed
        optional = {name for name, hint in typed.__annotations__.items() if "NotRequired" in str(hint)}
        assert set(typed.__annotations__) - optional == set(described["required"]), typed
