"""Which events a filter leaves that no column of theirs tells: those of findings, and those that people marked. As SQL."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from brokenseal.events.engine import sql_text
from brokenseal.review.event_columns import IN_A_ROW
from brokenseal.review.event_key import EventKey

#: So many numbers of findings stand in a question; more are given in the table :data:`NUMBERS`.
WRITTEN_NUMBERS = 500
NUMBERS = "asked_numbers"
#: Letters shown around a text that was found where the row does not show it.
_BEFORE_FOUND, _EXCERPT = 60, 240


@dataclass(frozen=True, slots=True)
class Chosen:
    """The events that findings and marks leave, both sorted: those of the numbers ``told`` (see
    :mod:`brokenseal.review.event_findings`), and those that are ``marked``; None: any."""

    told: Sequence[int] | None = None
    marked: Sequence[EventKey] | None = None

    def conditions(self, first_ms: int, end_ms: int | None) -> list[str]:
        """SQL conditions on the index's events from ``first_ms`` on and before ``end_ms``."""
        conditions = [] if self.told is None else [told_sql(self.told)]
        if self.marked is not None:
            first = bisect_left(self.marked, first_ms, key=lambda key: key.ms)
            end = len(self.marked) if end_ms is None else bisect_left(self.marked, end_ms, key=lambda key: key.ms)
            pairs = ", ".join(f"({key.source_id}, {key.line})" for key in self.marked[first:end])
            conditions.append(f"(source_id, line) IN (VALUES {pairs})" if pairs else "false")
        return conditions


def told_sql(numbers: Sequence[int]) -> str:
    """SQL: an event's number is one of these, which are sorted."""
    if not numbers:
        return "false"
    if len(numbers) > WRITTEN_NUMBERS:
        return f"told IN (SELECT told FROM {NUMBERS})"
    alone, ranges = [], []
    for first, last in _runs(numbers):
        if first == last:
            alone.append(str(first))
        else:
            ranges.append(f"told BETWEEN {first} AND {last}")
    listed = [f"told IN ({', '.join(alone)})"] if alone else []
    return f"({' OR '.join([*ranges, *listed])})"


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow one another."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def excerpt_sql(text: str) -> str:
    """SQL: what stands around a text that was looked for, where that is not in the part that a row shows; else null."""
    if not text:
        return "NULL"
    sought = f"lower({sql_text(text)})"

    def around(column: str) -> str:
        begin = f"greatest(strpos(lower({column}), {sought}) - {_BEFORE_FOUND}, 1)"
        return f"substr({column}, {begin}, {_EXCERPT})"

    return (
        f"CASE WHEN strpos(lower(text), {sought}) + length({sought}) > {IN_A_ROW} THEN {around('text')} "
        f"WHEN NOT contains(lower(text), {sought}) THEN {around('more')} END"
    )
