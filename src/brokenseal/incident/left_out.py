"""Findings that people took for false positives, left out when a case is judged again. What is left keeps its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import pyarrow as pa

from brokenseal.events import EventStore
from brokenseal.incident.findings import Finding, Key
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.matches import MATCHES


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``keys``: the findings that do not count. ``findings``: the id of each finding of the scan; ``intrusions``: that of
    the scan's intrusion that it is of, if any."""

    keys: frozenset[Key] = frozenset()
    findings: Mapping[Key, str] = field(default_factory=dict)
    intrusions: Mapping[Key, str] = field(default_factory=dict)

    def remove(self, store: EventStore) -> None:
        """Take the matches of these findings out of the table ``matches``."""
        if not self.keys:
            return
        columns = zip(*sorted(self.keys), strict=True)
        names = ("rule", "host", "source_ip")
        store.engine.register(
            "left_out",
            pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}),
        )
        store.engine.execute(
            f"DELETE FROM {MATCHES} WHERE (rule, coalesce(host, ''), coalesce(source_ip, '')) "
            "IN (SELECT (rule, host, source_ip) FROM left_out)"
        )

    def name_findings(self, findings: Sequence[Finding]) -> None:
        """Give findings the ids that they had."""
        new = _after(self.findings.values(), "F")
        for finding in findings:
            if self.findings:
                finding.id = self.findings.get(finding.key) or next(new)

    def name_intrusions(self, intrusions: Sequence[Intrusion]) -> None:
        """Give each intrusion the id of the one that its first findings were of; of one that fell apart the first part."""
        new = _after(self.intrusions.values(), "I")
        taken: set[str] = set()
        for intrusion in intrusions:
            if self.findings:
                before = (self.intrusions.get(finding.key) for finding in intrusion.findings)
                intrusion.id = next((name for name in before if name is not None and name not in taken), "") or next(
                    new
                )
                taken.add(intrusion.id)


NOTHING = LeftOut()


def _after(names: Iterable[str], letter: str) -> Iterator[str]:
    """Ids that none of *names* is, in order."""
    return (f"{letter}{number}" for number in count(max((int(name[1:]) for name in names), default=0) + 1))
