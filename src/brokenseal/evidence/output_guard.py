"""Keeping output out of the evidence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from brokenseal.errors import OutputInsideEvidence
from brokenseal.evidence.folders import is_inside


def refuse_output_inside(output: Path, inventory_roots: Sequence[Path]) -> None:
    """Raises ``OutputInsideEvidence`` when ``output`` would be written in, or over, a piece of evidence.

    ``output`` need not exist. A root that is a folder covers everything below it, under any name the file system knows
    it by (links, other case, a second mount); a root that is a file covers itself alone.
    """
    target = os.path.realpath(output)
    for root in inventory_roots:
        resolved = os.path.realpath(root)
        if is_inside(target, resolved) or _is_same_place(target, resolved):
            raise OutputInsideEvidence(
                f"the output {output} lies inside the evidence {root}; evidence is never written to: "
                "choose a place outside of it"
            )


def _is_same_place(target: str, root: str) -> bool:
    if not os.path.isdir(root):
        return _same_file(target, root)
    while True:
        if _same_file(target, root):
            return True
        parent = os.path.dirname(target)
        if parent == target:
            return False
        target = parent


def _same_file(first: str, second: str) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False
