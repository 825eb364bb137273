"""Checked reading of a YAML mapping whose keys are known: every problem is collected with file and line, none stops it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

_EPOCH = date(1970, 1, 1)
_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_fields(path: Path, name: str, problems: list[str]) -> Fields | None:
    """The mapping in the YAML file *path*; *name* is how problems call it. ``None`` when there is none to read."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: cannot be read: {error}")
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = name if mark is None else f"{name}:{mark.line + 1}"
        problems.append(f"{where}: no valid YAML: {getattr(error, 'problem', None) or error}")
        return None
    if not isinstance(node, MappingNode):
        problems.append(f"{name}: the file is not a mapping of names to values")
        return None
    return Fields(node, name, problems)


class Fields:
    """The keys of one mapping. Each reader takes a key, notes what is wrong with it, and gives a harmless value instead."""

    def __init__(self, node: MappingNode | None, name: str, problems: list[str], line: int = 0, path: str = "") -> None:
        self._name = name
        self._problems = problems
        self._path = path
        self._line = line if node is None else node.start_mark.line + 1
        self._nodes: dict[str, Node] = {}
        self._read: set[str] = set()
        self._children: list[Fields] = []
        self._absent = node is None
        for key, value in [] if node is None else node.value:
            if str(key.value) in self._nodes:
                self._note(key.start_mark.line + 1, f"'{self._path}{key.value}' occurs twice")
            self._nodes[str(key.value)] = value

    def has(self, key: str) -> bool:
        """Whether the mapping has the key."""
        return key in self._nodes

    def text(self, key: str, shape: re.Pattern[str] | None = None) -> str:
        """A text that is not empty, of the given shape."""
        node = self._scalar(key)
        return "" if node is None else self._checked(key, node, shape)

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """One of the *allowed* texts."""
        value = self.text(key)
        if value and value not in allowed:
            self.wrong(key, f"'{value}' is none of {', '.join(allowed)}")
        return value

    def day(self, key: str) -> date:
        """A date written YYYY-MM-DD."""
        value = self.text(key)
        try:
            return date.fromisoformat(value) if value else _EPOCH
        except ValueError:
            self.wrong(key, f"'{value}' is not a date (YYYY-MM-DD)")
            return _EPOCH

    def texts(self, key: str, shape: re.Pattern[str] | None = None) -> tuple[str, ...]:
        """A list of texts that is not empty."""
        found = []
        for node in self._list(key):
            if isinstance(node.value, str):
                found.append(self._checked(key, node, shape))
            else:
                self._note(node.start_mark.line + 1, f"'{self._path}{key}' must hold texts")
        return tuple(found)

    def mapping(self, key: str) -> Fields:
        """A mapping, read by the same means."""
        node = self._node(key)
        if node is None or isinstance(node, MappingNode):
            return self._child(node, key)
        self._note(node.start_mark.line + 1, f"'{self._path}{key}' must be a mapping")
        return self._child(None, key)

    def mappings(self, key: str, *, optional: bool = False) -> list[Fields]:
        """A list of mappings that is not empty; an *optional* one may be absent."""
        if optional and key not in self._nodes:
            return []
        found = []
        for node in self._list(key):
            if isinstance(node, MappingNode):
                found.append(self._child(node, key))
            else:
                self._note(node.start_mark.line + 1, f"'{self._path}{key}' must hold mappings")
        return found

    def unique(self, key: str, ids: Iterable[str]) -> None:
        """Notes ids of the list *key* that occur twice."""
        listed = [value for value in ids if value]
        for value in sorted({value for value in listed if listed.count(value) > 1}):
            self.wrong(key, f"the id '{value}' occurs twice")

    def wrong(self, key: str, reason: str) -> None:
        """Notes that the value of *key* is wrong."""
        node = self._nodes.get(key)
        self._note(self._line if node is None else node.start_mark.line + 1, f"'{self._path}{key}': {reason}")

    def no_others(self) -> None:
        """Notes the keys that nobody asked for, here and below."""
        for key in sorted(self._nodes.keys() - self._read):
            self.wrong(key, "is not a known key")
        for child in self._children:
            child.no_others()

    def _child(self, node: MappingNode | None, key: str) -> Fields:
        child = Fields(node, self._name, self._problems, self._line, f"{self._path}{key}.")
        self._children.append(child)
        return child

    def _node(self, key: str) -> Node | None:
        self._read.add(key)
        node = self._nodes.get(key)
        if node is None and not self._absent:
            self._note(self._line, f"'{self._path}{key}' is missing")
        return node

    def _scalar(self, key: str) -> Node | None:
        node = self._node(key)
        if node is not None and not isinstance(node.value, str):
            self._note(node.start_mark.line + 1, f"'{self._path}{key}' must be a text")
            return None
        return node

    def _list(self, key: str) -> list[Node]:
        node = self._node(key)
        if node is None:
            return []
        if not isinstance(node, SequenceNode) or not node.value:
            self._note(node.start_mark.line + 1, f"'{self._path}{key}' must be a list that is not empty")
            return []
        return list(node.value)

    def _checked(self, key: str, node: Node, shape: re.Pattern[str] | None) -> str:
        value = str(node.value).strip()
        if not value:
            self._note(node.start_mark.line + 1, f"'{self._path}{key}' is empty")
        elif shape is not None and shape.fullmatch(value) is None:
            self._note(node.start_mark.line + 1, f"'{self._path}{key}': '{value}' is not of the form {shape.pattern}")
        return value

    def _note(self, line: int, reason: str) -> None:
        self._problems.append(f"{self._name}:{line}: {reason}")
