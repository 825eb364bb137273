"""The version of the incident document's shape: on its own, so that it is known without loading what makes the document."""

from __future__ import annotations

#: As ``schema_version`` in the document; the number before the dot changes when a reader of the old form would be wrong.
SCHEMA_VERSION = "1.4"
