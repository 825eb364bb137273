"""Reading YAML: places in the file, and files that are wrong in every way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brokenseal.detections.rule_files import MAX_FILE_BYTES, read_documents, rule_paths

Write = Callable[[Mapping[str, str]], Path]


def test_lines_of_documents_and_keys(write_rules: Write) -> None:
    text = "title: one\ndetection:\n  sel:\n    Field|contains: x\n---\n\ntitle: two\nid: 5\n---\n"
    documents, problems = read_documents(write_rules({"r.yml": text}) / "r.yml", "r.yml")
    assert problems == []
    assert [(document.data["title"], document.line) for document in documents] == [("one", 1), ("two", 7)]
    assert documents[0].key_lines["sel"] == 3
    assert documents[0].line_of_field("Field") == 4
    assert documents[1].problem("error", "why", key="id").line == 8


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: a\ndetection: [1, 2\n", 3, "no valid YAML"),
        ("title: a\n\ttab: x\n", 2, "no valid YAML"),
        ("title: a\ntitle: b\n", 2, "'title' occurs twice"),
        ("- a\n- b\n", 1, "not a mapping"),
        ("just text\n", 1, "not a mapping"),
        ("1: a\n", 1, "not a mapping"),
        ("title: a\ndate: 2021-02-30\n", 0, "cannot be read"),
        ("title: !!python/object:os.system x\n", 1, "no valid YAML"),
        (
            "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
            "d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e]\n",
            1,
            "alias",
        ),
        ("a: &a [*a]\n", 1, "Recursive"),
        ("a: " + "[" * 9000, 1, "nested too deeply"),
        ("x: '\x01'\n", 0, "no valid YAML"),
    ],
)
def test_wrong_files_are_problems_with_a_place(write_rules: Write, text: str, line: int, words: str) -> None:
    documents, problems = read_documents(write_rules({"r.yml": text}) / "r.yml", "shown.yml")
    assert documents == []
    assert len(problems) == 1
    assert (problems[0].path, problems[0].severity) == ("shown.yml", "error")
    assert words in problems[0].reason
    assert problems[0].line in (line, 0) if line == 0 else problems[0].line == line


def test_documents_before_an_error_are_kept(write_rules: Write) -> None:
    folder = write_rules({"r.yml": "title: a\n---\ntitle: b\ntitle: c\n---\ntitle: d\n---\n{"})
    documents, problems = read_documents(folder / "r.yml", "r.yml")
    assert [document.data["title"] for document in documents] == ["a", "d"]
    assert [problem.line for problem in problems] == [4, 9]


def test_files_that_cannot_be_rules(tmp_path: Path) -> None:
    large = tmp_path / "large.yml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"\xff\xfe\x00\xd8")
    for path in (large, binary, tmp_path / "absent.yml"):
        documents, problems = read_documents(path, path.name)
        assert documents == []
        assert [problem.severity for problem in problems] == ["error"]


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_bytes(b"\xef\xbb\xbftitle: a\n")
    assert [document.data for document in read_documents(path, "r.yml")[0]] == [{"title": "a"}]


def test_names_are_relative_and_in_a_fixed_order(write_rules: Write) -> None:
    folder = write_rules({"b.yml": "", "a/z.yaml": "", "a/B.YML": "", "note.txt": "", "campaign.yaml": ""})
    named = [name for _, name in rule_paths([folder, folder / "b.yml"])]
    assert named == ["rules/a/B.YML", "rules/a/z.yaml", "rules/b.yml", "b.yml"]
