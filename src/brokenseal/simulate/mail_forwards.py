"""Settings that send a mailbox's mail on, whoever made them: known while the mail of all days is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forward:
    """Mail of a mailbox goes on to ``to`` from ``since`` (ms): by an inbox rule, or (``by_rule`` false) by its address.

    ``of_intruder`` is false where its owner or an administrator made it.
    """

    since: int
    to: str
    by_rule: bool
    of_intruder: bool


@dataclass(frozen=True, slots=True)
class SentOn:
    """A message that left for a forwarding address: when it was handed over (ms), and its size."""

    mailbox: str
    forward: Forward
    at: int
    size: int


class Forwards:
    """All forwards by mailbox (its address), and what they sent on."""

    def __init__(self) -> None:
        self._forwards: dict[str, list[Forward]] = {}
        self.sent: list[SentOn] = []

    def add(self, mailbox: str, forward: Forward) -> None:
        self._forwards.setdefault(mailbox, []).append(forward)

    def of(self, mailbox: str, at: int) -> list[Forward]:
        """The forwards in force at ``at``."""
        return [forward for forward in self._forwards.get(mailbox, ()) if forward.since <= at]
