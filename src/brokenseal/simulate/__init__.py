"""Simulated evidence: the logs of invented Exchange servers, quiet or attacked, with the truth about them.

For exercises and tests. It writes log text and event records only; nothing in it can attack, and no web shell exists
anywhere.
"""

from __future__ import annotations

from brokenseal.simulate.evidence_tree import SOURCES
from brokenseal.simulate.scenarios import SCENARIOS
from brokenseal.simulate.simulation import simulate
from brokenseal.simulate.truth import ExportTruth, FileTruth, MailboxTruth, ProcessTruth, Truth, WebShellTruth

__all__ = [
    "SCENARIOS",
    "SOURCES",
    "ExportTruth",
    "FileTruth",
    "MailboxTruth",
    "ProcessTruth",
    "Truth",
    "WebShellTruth",
    "simulate",
]
