"""Names of ATT&CK techniques, from the table that ships with the content."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def _names() -> dict[str, str]:
    table = files("brokenseal") / "content" / "attack" / "techniques.csv"
    with table.open("r", encoding="utf-8") as stream:
        return {row["id"]: row["name"] for row in csv.DictReader(stream)}


def technique_name(identity: str) -> str:
    """The technique's name, with its parent's before it as ATT&CK writes it; the id itself if it is not known."""
    name = _names().get(identity, identity)
    parent = _names().get(identity.partition(".")[0])
    return f"{parent}: {name}" if "." in identity and parent else name
