"""Every exception brokenseal raises on purpose, as one tree.

``BrokensealError`` is the root. ``UsageError`` means that the caller asked for something impossible (exit code 2);
``EvidenceError`` that one piece of evidence could not be read: a run counts and names it and goes on.
"""

from __future__ import annotations


class BrokensealError(Exception):
    """Root of all exceptions that brokenseal raises on purpose."""


class UsageError(BrokensealError):
    """The request itself cannot be carried out; the message says what to change."""


class EvidenceNotFound(UsageError):
    """A path given as evidence does not exist or cannot be opened at all."""


class OutputInsideEvidence(UsageError):
    """An output path lies inside the evidence, which must stay as it was found."""


class EvidenceError(BrokensealError):
    """One piece of evidence cannot be read (any further).

    ``file`` is the printed name of the evidence, ``offset`` the byte at which reading stopped, where known.
    """

    def __init__(self, message: str, *, file: str, offset: int | None = None) -> None:
        where = file if offset is None else f"{file} at byte {offset}"
        super().__init__(f"{where}: {message}")
        self.file = file
        self.offset = offset
        self.reason = message

    def __reduce__(self) -> tuple[object, ...]:
        # Made with keywords, so that pickling (to another process) has to be told how.
        return _evidence_error, (self.reason, self.file, self.offset)


def _evidence_error(reason: str, file: str, offset: int | None) -> EvidenceError:
    return EvidenceError(reason, file=file, offset=offset)


class ContentError(BrokensealError):
    """Campaign knowledge shipped or given by the user (rules, campaign.yaml, tables) is wrong."""


class CaseError(UsageError):
    """The case directory cannot be used: of another version, in use, or not a case."""
