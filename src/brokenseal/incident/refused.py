"""Evidence that was not opened at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """A piece of evidence that was not opened, and why. ``nothing_lost``: its content is read by another name."""

    name: str
    reason: str
    nothing_lost: bool = False
