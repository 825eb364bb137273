"""Zircolite beside us: its rules made from the same Sigma folders by its own converter, and the command that runs it.

Zircolite (3 or 4) is a checkout with a ``zircolite.py`` and what it needs installed for the Python that is named; nothing of
it is part of this project.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bench.measure import measure

from brokenseal.simulate import windows_events
from brokenseal.simulate.clock import midnight
from brokenseal.simulate.evtx_file import Event, EvtxWriter

#: Pipelines that give a rule both of its log sources: Sysmon, and Windows' own audit (Security 4688 and others).
BOTH_SOURCES = (("sysmon", "windows-logsources"), ("windows-audit", "windows-logsources"))


@dataclass(frozen=True, slots=True)
class Zircolite:
    """A checkout of Zircolite and the Python that runs it."""

    script: Path
    python: str

    @classmethod
    def at(cls, checkout: Path, python: Path | None) -> Zircolite:
        """Raises SystemExit when there is no ``zircolite.py``."""
        script = checkout if checkout.is_file() else checkout / "zircolite.py"
        if not script.is_file():
            raise SystemExit(f"{script} is not there: --zircolite names a checkout of Zircolite")
        own = script.parent / ".venv" / "bin" / "python"
        # Not resolved: a virtual environment's interpreter is a link, and is found by its own place.
        chosen = python or (own if own.exists() else None)
        return cls(script.absolute(), str(chosen.absolute()) if chosen else "python3")

    def scan(self, events: Path, rules: Sequence[Path], out: Path) -> list[str]:
        """The command that holds *rules* against *events* and writes the matches to *out*."""
        named = [part for path in rules for part in ("-r", str(path))]
        log = out.with_suffix(".log")
        return [self.python, str(self.script), "-e", str(events), *named, "-o", str(out), "-l", str(log), "-q"]

    def convert_for_both_sources(self, sigma: Sequence[Path], work: Path, environment: Mapping[str, str]) -> Path:
        """One rule set with each rule for Sysmon and for Windows' own audit, as far as it has such a source.

        For a log source that a pipeline does not know its converter leaves the source out: the statement would look at
        every event, slowly, and hit what the rule is not about. Such statements are dropped where the first set has the
        rule with its source.
        """
        first, *more = (self.convert(sigma, names, work, environment) for names in BOTH_SOURCES)
        rules = _rules(first)
        known = {rule["id"] for rule in rules}
        for path in more:
            rules += [rule for rule in _rules(path) if rule["id"] not in known or all(map(_on_a_channel, rule["rule"]))]
        merged = work / "zircolite-rules.json"
        merged.write_text(json.dumps(rules), "utf-8")
        return merged

    def convert(
        self, sigma: Sequence[Path], pipelines: Sequence[str], work: Path, environment: Mapping[str, str]
    ) -> Path:
        """Its rule set made of the Sigma rules in *sigma*: the file, below *work*. Saved while it scans a single event.

        Raises RuntimeError when it ends with an error or saves nothing.
        """
        folder = work / "-".join(pipelines)
        folder.mkdir(parents=True)
        single = folder / "single.evtx"
        single_event(single)
        command = self.scan(single, [path.absolute() for path in sigma], folder / "out.json")
        command += [*(part for name in pipelines for part in ("-p", name)), "-sr"]
        # It saves the rule set into the folder it is started in.
        measure(["env", "-C", str(folder), *command], folder / "said.txt", environment)
        saved = sorted(folder.glob("ruleset-*.json"))
        if not saved:
            raise RuntimeError(f"Zircolite saved no rule set: {(folder / 'said.txt').read_text('utf-8', 'replace')}")
        return saved[0]


def _rules(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_bytes()))


def _on_a_channel(statement: str) -> bool:
    return "Channel=" in statement


def single_event(path: Path) -> None:
    """Write an event log with one ordinary event."""
    writer = EvtxWriter(path)
    time = midnight(date(2021, 3, 2))
    writer.add(Event(time, windows_events.SHADOW_COPY_IDLE, "EX01.contoso.example", ("",)))
    writer.close()
