"""Ids and times of exported objects: from the document alone, so that a second export is the same export."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID, uuid5

from brokenseal.report.exports.exported_text import instant
from brokenseal.report.shape import IncidentDocument

#: UUIDv5 of ``https://brokenseal.example/exports`` (a URL in name only); never change it: all ids follow from it.
NAMESPACE = UUID("52abcbf0-60af-5edd-834a-e44f259d20fe")
#: Time of objects that are alike in every export, such as techniques: the day the first flaws were made public.
FIXED = "2021-03-02T00:00:00.000Z"


def content_uuid(content: Mapping[str, object]) -> str:
    """UUIDv5 of JSON *content*: equal content has an equal id, whoever exports it."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return str(uuid5(NAMESPACE, text))


def evidence_time(document: IncidentDocument) -> str:
    """The last time that the evidence speaks of, which stands for the time of the export; :data:`FIXED` without any."""
    times = [one["last_seen"] for one in document["intrusions"]]
    times += [one["last"] for one in document["mailboxes"]]
    times += [time for one in document["findings"] for time in (one["time"], one.get("last")) if time]
    if not times:
        times = [one["last"] for one in document["evidence"] if one["last"]]
    return max((time for time in times if instant(time)), default=FIXED)
