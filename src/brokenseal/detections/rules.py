"""Sigma rules, ready to run. How they are read from files is in ``rule_loading``.

References:
    https://sigmahq.io/sigma-specification/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

from brokenseal.detections.criteria import Criterion
from brokenseal.detections.literals import necessary_literals
from brokenseal.detections.rule_files import Problem
from brokenseal.detections.rule_header import RuleHeader
from brokenseal.detections.sigma_correlation import Correlation
from brokenseal.detections.sigma_sql import condition_sql
from brokenseal.detections.taxonomy import event_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(RuleHeader):
    """A rule on single events, ready to run; immutable, and can be pickled.

    ``kinds``: the event tables it sees. ``reported``: False for a rule that only feeds correlations (``generate:
    false``).
    """

    kinds: tuple[str, ...]
    criterion: Criterion
    reported: bool = True
    _packed: bytes = field(default=b"", init=False, repr=False, compare=False)

    @classmethod
    def kept(cls, values: Mapping[str, object], criterion: bytes) -> Self:
        """The rule with the fields ``KEPT``, as it was kept between runs; its criterion is read when it is looked at."""
        rule = object.__new__(cls)
        for name in KEPT:
            object.__setattr__(rule, name, values[name])
        object.__setattr__(rule, "_packed", criterion)
        return rule

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            # Python asks here only for what is not there yet. Most rules are candidates of no event.
            if name != "criterion" or not self._packed:
                raise AttributeError(name)
            from brokenseal.detections.kept_types import read_criterion

            found = read_criterion(self._packed)
            object.__setattr__(self, "criterion", found)
            return found

    def condition_sql(self, kind: str, shadows: Collection[str] = ()) -> str:
        """SQL condition on a relation of *kind*, for WHERE (null means no); ``shadows``: shadow columns it has."""
        return condition_sql(self.criterion, event_kind(kind), shadows)

    def literals(self, kind: str) -> frozenset[str] | None:
        """Texts of which each matching event of *kind* has one in its raw line; None: the rule must see every event."""
        return necessary_literals(self.criterion, event_kind(kind))


#: The fields of a rule that are kept as they are.
KEPT = tuple(each.name for each in fields(Rule) if each.name not in ("criterion", "_packed"))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """``rules`` sorted by id; ``correlations`` so that each comes after those it builds on; ``problems`` sorted by
    place.

    ``not_run``: how many rules and correlations were found but cannot be run.
    """

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...] = ()
    problems: tuple[Problem, ...] = ()
    not_run: int = 0


def load_rules(folders: Sequence[Path]) -> RuleSet:
    """All rules in *folders* (folders, or single files), in a fixed order whatever the file system's."""
    # Imported here because rules that are kept ready need not be read, and loading pySigma takes longer than the rest.
    from brokenseal.detections.rule_loading import read_rules

    return read_rules(folders)
