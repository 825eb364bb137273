"""Rules are made ready while the first files are read: neither waits for the other until a line must be searched."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.prefilter import LinePrefilter
from brokenseal.events.reading import Stopped
from brokenseal.incident.knowledge import Knowledge
from brokenseal.parsers.blocks import Positions


class KnowledgeAhead:
    """Campaigns and all rules, with the prefilter made of them, which this object stands for while files are read."""

    def __init__(self, rules: Sequence[Path]) -> None:
        self._rules = rules
        self._made: tuple[Knowledge, LinePrefilter] | None = None
        self._error: BaseException | None = None
        # A daemon: who interrupts the scan does not wait for rules.
        self._thread = threading.Thread(target=self._make, name="rules", daemon=True)
        self._thread.start()

    def get(self) -> tuple[Knowledge, LinePrefilter]:
        """Both, as soon as they are there. Raises what making them raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._made is not None
        return self._made

    @property
    def fingerprint(self) -> str:
        return self._prefilter().fingerprint

    def match(self, kind: str, block: bytes, newline_positions: Positions) -> Positions:
        return self._prefilter().match(kind, block, newline_positions)

    def _prefilter(self) -> LinePrefilter:
        try:
            return self.get()[1]
        except Exception as error:
            # Of no file: reading ends, and ``get`` says why.
            raise Stopped from error

    def _make(self) -> None:
        try:
            knowledge = Knowledge.load(load_campaigns(), self._rules)
            self._made = knowledge, LinePrefilter(knowledge.literals())
        except BaseException as error:  # noqa: BLE001 - raised where it is asked for
            self._error = error
