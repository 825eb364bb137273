"""The place of an event in the order of time: by time, then file, then line. It names an event in addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"(-?[0-9]{1,15})\.([0-9]{1,10})\.([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """``ms``: milliseconds since 1970 UTC; ``source_id``: number of the file in the case; ``line`` from 1."""

    ms: int
    source_id: int
    line: int

    def __str__(self) -> str:
        return f"{self.ms}.{self.source_id}.{self.line}"

    @classmethod
    def parse(cls, text: str) -> EventKey | None:
        """None for what is no key."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            return None
        key = cls(*map(int, found.groups()))
        return key if key.source_id < 1 << 31 else None
