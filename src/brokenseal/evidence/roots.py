"""The inputs of one inventory: resolved, each once, none inside another, labelled so that they stay apart."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from brokenseal.errors import EvidenceNotFound
from brokenseal.evidence.collected_names import printable


@dataclass(frozen=True, slots=True)
class Root:
    """One input. ``path``: absolute, links resolved. ``label``: what its files' names start with; '' for one folder."""

    path: str
    label: str
    status: os.stat_result


def resolve_roots(inputs: Sequence[Path]) -> list[Root]:
    """The inputs without those that another one covers, in the order of their paths.

    The label of a single folder is '', of a single file its base name. Several inputs are labelled by their own names,
    as the user spelled them, with as many of the folders before (below the one common to all) as it takes for all
    labels to differ: where the evidence as a whole lies never shows.

    Raises ``EvidenceNotFound``.
    """
    given: dict[str, str] = {}
    for item in inputs:
        spelled = os.path.abspath(item)
        try:
            path = os.path.realpath(spelled, strict=True)
        except (OSError, ValueError) as error:
            raise EvidenceNotFound(f"no such file or folder: {printable(str(item))}") from error
        given[path] = min(spelled, given.get(path, spelled))
    normal = {os.path.normcase(path) for path in given}
    outer = sorted(path for path in given if not any(above in normal for above in _folders_above(path)))
    statuses = {path: _status(path) for path in outer}
    if len(outer) == 1 and stat.S_ISDIR(statuses[outer[0]].st_mode):
        return [Root(outer[0], "", statuses[outer[0]])]
    labels = _labels([given[path] for path in outer])
    return [Root(path, label, statuses[path]) for path, label in zip(outer, labels, strict=True)]


def _status(path: str) -> os.stat_result:
    try:
        return os.lstat(path)
    except OSError as error:
        raise EvidenceNotFound(f"no such file or folder: {printable(path)}") from error


def _folders_above(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) != path:
        yield os.path.normcase(above)
        path = above


def _labels(paths: Sequence[str]) -> list[str]:
    try:
        common = len(Path(os.path.commonpath([os.path.dirname(path) for path in paths])).parts)
    except ValueError:
        # Inputs on different drives of a Windows machine: only the drive itself is dropped.
        common = 1
    below = [Path(path).parts[common:] for path in paths]
    length = 1
    while True:
        labels = ["/".join(parts[-length:]) for parts in below]
        if len(set(labels)) == len(labels) or length > max(map(len, below)):
            return labels
        length += 1
