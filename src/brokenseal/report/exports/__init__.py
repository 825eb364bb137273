"""The incident document in the forms of other tools: each target is a file here, found by its name in :data:`TARGETS`.

A target reads nothing but the document, so the same document gives the same bytes. What each holds and how it is
imported is written in ``docs/exports.md``.
"""

from __future__ import annotations

from brokenseal.report.exports import (
    csv_target,
    iris,
    jsonl_target,
    misp,
    navigator,
    parquet_target,
    sigma_hits,
    stix,
    timesketch,
)
from brokenseal.report.exports.target import TLP, Options, Target, Written

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        stix.TARGET,
        misp.TARGET,
        navigator.TARGET,
        timesketch.TARGET,
        timesketch.CSV_TARGET,
        iris.TARGET,
        csv_target.TARGET,
        jsonl_target.TARGET,
        parquet_target.TARGET,
        sigma_hits.TARGET,
    )
}

__all__ = ["TARGETS", "TLP", "Options", "Target", "Written"]
