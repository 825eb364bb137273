"""Folders of YARA rules made into one set: every rule that compiles runs, every one that does not is named.

Each file is a namespace of its own, so that two files may use one rule name. Where a file has a syntax error, its other
rules are compiled one by one. ``include`` is followed only inside the folder that was given, and only where the file's own
rules need what it brings: every rule file of a folder is read anyway, and a set's index must not run all rules twice.

References:
    https://virustotal.github.io/yara-x/docs/api/python/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yara_x

from brokenseal.errors import ContentError

RULE_SUFFIXES = frozenset({".yar", ".yara", ".rule", ".rules"})
#: Variables that public rule sets ask for, in the order of :func:`compiler_for`'s caller.
VARIABLES = ("filename", "filepath", "extension", "filetype", "owner")
_COMMENT_OR_TEXT = re.compile(r"//[^\n]*+|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]++|\\.)*+\"?", re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*include[ \t]+"([^"\n]*)"[^\n]*', re.MULTILINE)
_IMPORT = re.compile(r'^[ \t]*import[ \t]+"[^"\n]*"', re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:(?:global|private)[ \t]+)*rule[ \t\n]+\w+", re.MULTILINE)
_SYNTAX, _UNKNOWN, _DUPLICATE = "E001", "E009", "E012"
#: Files that one file may include, all told.
_MOST_INCLUDES = 500


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules. ``root``: the folder that was given; ``namespace``: the path inside it."""

    root: Path
    path: Path
    namespace: str


def compiler_for_files() -> yara_x.Compiler:
    """A compiler that leaves out wrong rules and knows the variables."""
    compiler = yara_x.Compiler()
    compiler.ignore_invalid_rules(True)
    compiler.enable_includes(False)
    for variable in VARIABLES:
        compiler.define_global(variable, "")
    return compiler


@dataclass(slots=True)
class RuleCompiler:
    """Collects rules; ``finish`` gives them compiled. ``problems``: one sentence for each rule or file that is left out."""

    problems: list[str] = field(default_factory=list)
    _compiler: yara_x.Compiler = field(default_factory=compiler_for_files)
    _seen: int = 0

    def add_text(self, namespace: str, text: str) -> None:
        """The rules of *text* under the namespace *namespace*."""
        self._compiler.new_namespace(namespace)
        if all(error.get("code") != _SYNTAX for error in self._add(namespace, text)):
            return
        imports = "".join(found[0] + "\n" for found in _IMPORT.finditer(_bare(text)))
        for line, chunk in _rules_of(text):
            # The rules in front of the error are compiled already: a rule that is there is no problem.
            self._add(namespace, imports + "\n" * max(0, line - 1 - imports.count("\n")) + chunk, again=True)

    def add_file(self, file: RuleFile) -> None:
        """The rules of *file*, which may use rules that it includes."""
        try:
            text = file.path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            self.problems.append(f"{file.namespace}: {error.strerror or error}")
            return
        own = _without_includes(text)
        if own == text:
            self.add_text(file.namespace, text)
        elif _RULE.search(_bare(own)):
            if _needs_more(own):
                text = self._with_includes(file, text)
                self.add_text(file.namespace, text)
            else:
                self.add_text(file.namespace, own)
                self._with_includes(file, text)
        else:
            self._with_includes(file, text)

    def finish(self) -> yara_x.Rules:
        """The compiled rules; nothing can be added afterwards."""
        rules = self._compiler.build()
        # yara-x wants it freed by the thread that made it: no cycle may keep it for the collector of another one.
        del self._compiler
        return rules

    def _add(self, origin: str, text: str, *, again: bool = False) -> list[Mapping[str, object]]:
        """Adds rules; the errors that this made. *again*: rules that are there already are no error."""
        try:
            self._compiler.add_source(text, origin)
        except (yara_x.CompileError, ValueError) as error:
            self.problems.append(f"{origin}: {str(error).splitlines()[0]}")
            return []
        errors: list[Mapping[str, object]] = self._compiler.errors()
        new, self._seen = errors[self._seen :], len(errors)
        for problem in new:
            sentence = _sentence(problem, origin)
            if not (again and problem.get("code") == _DUPLICATE) and sentence not in self.problems:
                self.problems.append(sentence)
        return new

    def _with_includes(self, file: RuleFile, text: str) -> str:
        """*text* with what it includes in its place; an include that is not followed is a problem."""
        taken = {file.path.resolve()}
        root = file.root.resolve()

        def bring(found: re.Match[str], beside: Path) -> str:
            path = (beside / found[1].replace("\\", "/")).resolve()
            if not path.is_relative_to(root):
                self.problems.append(f'{file.namespace}: include "{found[1]}" leads out of the folder and is left out')
                return ""
            if path in taken or len(taken) > _MOST_INCLUDES:
                return ""
            if not path.is_file():
                self.problems.append(f'{file.namespace}: include "{found[1]}": no such file in the folder')
                return ""
            taken.add(path)
            inner = path.read_bytes().decode("utf-8", "replace")
            return replaced(inner, path.parent) + "\n"

        def replaced(inner: str, beside: Path) -> str:
            bare = _bare(inner)
            out: list[str] = []
            at = 0
            for found in _INCLUDE.finditer(inner):
                if bare[found.start() : found.end()].strip():
                    out += (inner[at : found.start()], bring(found, beside))
                    at = found.end()
            return "".join([*out, inner[at:]])

        return replaced(text, file.path.parent)


def rule_files(folder: Path) -> list[RuleFile]:
    """All rule files of *folder* (or the one file that it is), sorted. ContentError where there is none."""
    if folder.is_file():
        return [RuleFile(folder.parent, folder, folder.name)]
    if not folder.is_dir():
        raise ContentError(f"{folder}: no such folder or file of YARA rules")
    found = [
        RuleFile(folder, path, path.relative_to(folder).as_posix())
        for path in folder.rglob("*")
        if path.suffix.lower() in RULE_SUFFIXES and path.is_file()
    ]
    if not found:
        raise ContentError(
            f"{folder}: has no YARA rules ({', '.join('*' + suffix for suffix in sorted(RULE_SUFFIXES))})"
        )
    return sorted(found, key=lambda file: file.namespace)


def compiled(texts: Sequence[tuple[str, str]], folders: Sequence[Path]) -> tuple[yara_x.Rules, tuple[str, ...]]:
    """The rules of *texts* (namespace, text) and of *folders*, and what was left out."""
    compiler = RuleCompiler()
    for namespace, text in texts:
        compiler.add_text(namespace, text)
    for folder in folders:
        for file in rule_files(folder):
            compiler.add_file(file)
    return compiler.finish(), tuple(dict.fromkeys(compiler.problems))


def _bare(text: str) -> str:
    """*text* of the same length with blanks for its comments."""
    return _COMMENT_OR_TEXT.sub(lambda found: found[0] if found[0][0] == '"' else re.sub(r"[^\n]", " ", found[0]), text)


def _without_includes(text: str) -> str:
    bare = _bare(text)
    return _INCLUDE.sub(lambda found: "" if bare[found.start() : found.end()].strip() else found[0], text)


def _needs_more(text: str) -> bool:
    """Whether the rules of *text* name something that *text* does not have."""
    trial = compiler_for_files()
    try:
        trial.add_source(text)
    except (yara_x.CompileError, ValueError):
        return False
    return any(error.get("code") == _UNKNOWN for error in trial.errors())


def _rules_of(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each rule of *text*, cut where a line begins a rule."""
    starts = [found.start() for found in _RULE.finditer(_bare(text))]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield 1 + text.count("\n", 0, start), text[start:end]


def _sentence(error: Mapping[str, object], origin: str) -> str:
    """One of the compiler's errors as a sentence that names the file and line."""
    labels = error.get("labels")
    first: Mapping[str, object] = labels[0] if isinstance(labels, list) and labels else error
    said = first.get("text")
    return f"{origin}, line {first.get('line', '?')}: {error.get('title')}{f' ({said})' if said else ''}"
