"""A line of evidence as the document names it: by file, hash, line and byte."""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.events import Source
from brokenseal.events.sources import rfc3339
from brokenseal.incident.findings import Line


def reference(line: Line, by_id: Mapping[int, Source]) -> dict[str, object]:
    """The ``reference`` of ``incident.schema.json``. ``by_id``: the case's sources by their number."""
    source = by_id[line.source_id]
    return {
        "file": source.name,
        "sha256": source.sha256,
        "line": line.line,
        "offset": line.offset,
        "time": rfc3339(line.time_ms),
        **({} if line.record is None else {"record": line.record}),
        **({} if line.detail is None else {"detail": line.detail}),
    }
