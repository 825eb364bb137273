"""The tables of ``docs/sigma.md`` on log sources: ``python -m brokenseal.detections.logsource_reference`` prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from brokenseal.detections.windows_logs import Derivation, LogRows, categories, services

BEGIN = (
    "<!-- Made by `python -m brokenseal.detections.logsource_reference`; change content/windows/logsources.yaml. -->"
)
END = "<!-- End of what is made. -->"


def reference() -> str:
    """The part of the page from :data:`BEGIN` to :data:`END`."""
    return "\n".join([BEGIN, *_categories(), "", *_services(), END]) + "\n"


def _categories() -> Iterator[str]:
    yield "| category | channel | event ids | only where | fields under another name |"
    yield "|---|---|---|---|---|"
    for name, rows in sorted(categories().items()):
        for row in rows:
            cells = (", ".join(row.names), ", ".join(map(str, row.events)), _where(row), _fields(row))
            yield f"| `{name}` | {' | '.join(cells)} |"


def _services() -> Iterator[str]:
    yield "| service | channels |"
    yield "|---|---|"
    for name, channels in sorted(services().items()):
        yield f"| `{name}` | {', '.join(channels)} |"


def _where(row: LogRows) -> str:
    return "; ".join(f"{name}: {' or '.join(values)}" for name, values in row.where)


def _fields(row: LogRows) -> str:
    return "; ".join(f"{name} from {_source(found)}" for name, found in row.fields.items())


def _source(derivation: Derivation) -> str:
    text = derivation.texts[0]
    for name, after in zip(derivation.names, derivation.texts[1:], strict=True):
        text += name + after
    notes = [
        note
        for note, said in (
            ("hexadecimal", derivation.hexadecimal),
            ("translated", derivation.values or derivation.prefixes),
        )
        if said
    ]
    return f"`{text}`" + (f" ({', '.join(notes)})" if notes else "")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(reference())
