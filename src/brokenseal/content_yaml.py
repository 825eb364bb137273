"""YAML of the knowledge that comes with brokenseal, by the parser in C where PyYAML has it: ten times as fast."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str | bytes) -> Any:
    """What *text* says: mappings, lists and plain values only. Raises yaml.YAMLError, with line and column."""
    return yaml.load(text, Loader=_LOADER)
