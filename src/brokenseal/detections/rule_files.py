"""Read YAML files of rules: documents with the lines their keys stand on, and problems that never stop a run.

References:
    https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

#: A rule is a few KiB; a larger file is no rule, and reading it would only cost time and memory.
MAX_FILE_BYTES = 1 << 20
#: Deeper nesting would exhaust the C stack of the YAML reader. Small files cannot hold as many levels as it takes.
MAX_DEPTH = 100
_SMALL = 8 << 10
#: Campaign descriptions lie beside the rules and are read elsewhere.
_NOT_RULES = frozenset({"campaign.yaml", "campaign.yml"})

Severity = Literal["error", "not_run", "no_source", "warning"]

_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something to tell about a rule file.

    ``error``: the file or document is wrong; ``not_run``: a valid rule that cannot be run here; ``no_source``: a
    valid rule for a log that this version does not read; ``warning``: it is run, but look at it. ``path`` is the
    printed name, ``line`` counts from 1 (0: not known), ``rule_id`` may be empty.
    """

    path: str
    line: int
    severity: Severity
    reason: str
    rule_id: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: content, file and its printed name, first line, and the first line of each key."""

    data: dict[str, object]
    file: Path
    path: str
    line: int
    key_lines: dict[str, int]

    def problem(self, severity: Severity, reason: str, *, key: str | None = None, rule_id: str = "") -> Problem:
        line = self.line if key is None else self.key_lines.get(key, self.line)
        return Problem(self.path, line, severity, reason, rule_id)

    def line_of_field(self, field: str) -> int:
        """The line of the first key that is *field* or *field* with modifiers."""
        lines = [line for key, line in self.key_lines.items() if key.split("|", 1)[0] == field]
        return min(lines, default=self.line)


class _Misplaced(yaml.YAMLError):
    """What this module itself does not accept, said like the YAML reader's own errors."""

    def __init__(self, problem: str, mark: object) -> None:
        super().__init__(problem)
        self.problem, self.problem_mark = problem, mark


def rule_paths(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Every rule file in *folders* (a file given itself is one) with its printed name, in a fixed order.

    The printed name begins with the folder's own name and has '/' separators. Links to folders are not followed.
    """
    for path, name in rule_names(folders):
        yield Path(path), name


def rule_names(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """The same with paths as texts: making a path takes longer than looking at its file."""
    for folder in folders:
        if not folder.is_dir():
            yield os.fspath(folder), folder.name
            continue
        found: list[tuple[str, str]] = []
        top = os.fspath(folder)
        for root, _, names in os.walk(top):
            inner = root[len(top) :].strip(os.sep).replace(os.sep, "/")
            found += [
                (f"{inner}/{name}" if inner else name, os.path.join(root, name))
                for name in names
                if name.lower().endswith((".yml", ".yaml")) and name not in _NOT_RULES
            ]
        base = folder.resolve().name
        for name, path in sorted(found):
            yield path, f"{base}/{name}"


def read_documents(path: Path, name: str) -> tuple[list[Document], list[Problem]]:
    """The YAML documents of a file and what is wrong with it; documents before a syntax error are kept."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return [], [Problem(name, 0, "error", f"cannot be read: {error.strerror or error}")]
    if len(content) > MAX_FILE_BYTES:
        return [], [Problem(name, 0, "error", f"larger than {MAX_FILE_BYTES >> 20} MiB: no rule")]
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        _check_depth(content)
        loader = _Loader(content)
        try:
            while loader.check_node():
                node = loader.get_node()
                _document(loader, node, (path, name), documents, problems)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, name))
    except RecursionError:
        problems.append(Problem(name, 0, "error", "nested too deeply"))
    except (ValueError, OverflowError) as error:
        # Plain values that only look like dates or numbers, e.g. 2021-02-30.
        problems.append(Problem(name, 0, "error", f"a value cannot be read: {error}"))
    return documents, problems


def _document(
    loader: yaml.SafeLoader | yaml.CSafeLoader,
    node: yaml.Node | None,
    place: tuple[Path, str],
    documents: list[Document],
    problems: list[Problem],
) -> None:
    file, name = place
    if node is None or (isinstance(node, yaml.ScalarNode) and node.value == ""):
        return
    line = node.start_mark.line + 1
    try:
        key_lines = _key_lines(node)
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, name))
        return
    data = loader.construct_document(node)
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        problems.append(Problem(name, line, "error", "document is not a mapping of names to values"))
        return
    # Imported here because rules that are kept ready are not read, and loading pySigma takes longer than all the rest.
    from sigma.exceptions import SigmaError
    from sigma.rule.base import check_alias_expansion

    try:
        check_alias_expansion(data)
    except SigmaError as error:
        problems.append(Problem(name, line, "error", str(error)))
        return
    documents.append(Document(data, file, name, line, key_lines))


def _key_lines(root: yaml.Node) -> dict[str, int]:
    """The first line of each key; raises YAMLError where a mapping has a key twice."""
    lines: dict[str, int] = {}
    seen: set[int] = set()
    pending: list[yaml.Node] = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[Hashable] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in keys:
                        raise _Misplaced(f"key '{key.value}' occurs twice", key.start_mark)
                    keys.add(key.value)
                    line = key.start_mark.line + 1
                    lines[key.value] = min(line, lines.get(key.value, line))
                pending += [key, value]
    return lines


def _check_depth(content: bytes) -> None:
    if len(content) <= _SMALL:
        return
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Misplaced("nested too deeply", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is None:
        return Problem(name, 0, "error", f"no valid YAML: {reason}")
    return Problem(name, mark.line + 1, "error", f"no valid YAML: {reason} (column {mark.column + 1})")
