"""brokenseal: was this Exchange mail server broken into, how, what was left behind, and whose mail was read?

    import brokenseal

    incident = brokenseal.scan(["/evidence"])
    print(incident.verdict, incident.summary)
    for mailbox in incident.document["mailboxes"]:
        print(mailbox["mailbox"], mailbox["bytes_at_least"])

Everything in ``__all__`` is the public API; it is imported when first used, so that ``import brokenseal`` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokenseal.errors import (
    BrokensealError,
    CaseError,
    ContentError,
    EvidenceError,
    EvidenceNotFound,
    OutputInsideEvidence,
    UsageError,
)
from brokenseal.version import __version__

if TYPE_CHECKING:
    from brokenseal.incident.scan import Incident, scan

__all__ = [
    "BrokensealError",
    "CaseError",
    "ContentError",
    "EvidenceError",
    "EvidenceNotFound",
    "Incident",
    "OutputInsideEvidence",
    "UsageError",
    "__version__",
    "scan",
]


def __getattr__(name: str) -> object:
    if name in ("Incident", "scan"):
        from brokenseal.incident import scan as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
