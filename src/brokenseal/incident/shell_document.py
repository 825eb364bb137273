"""A web shell as the document shows it."""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.events import Source
from brokenseal.events.sources import rfc3339
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.references import reference
from brokenseal.incident.shell_files import ShellFile
from brokenseal.incident.webshells import WebShell

Json = dict[str, object]


def webshell_entry(shell: WebShell, intrusion: Intrusion, by_id: Mapping[int, Source]) -> Json:
    """The ``webshell`` of ``incident.schema.json``."""
    file = shell.file
    findings = [*intrusion.findings, *intrusion.context]
    return {
        "url": shell.url,
        "host": shell.host,
        "path": file.path,
        "kind": file.kind,
        "sha256": file.sha256,
        "size": file.size,
        "known_hash": file.known_hash,
        "times_set_back": file.set_back,
        "planted": _planted(file, by_id),
        "written_by": [finding.id for finding in findings if finding.key in shell.written_by],
        "first_used": None if shell.first_ms is None else rfc3339(shell.first_ms),
        "last_used": None if shell.last_ms is None else rfc3339(shell.last_ms),
        "state": shell.state,
        "requests": shell.requests,
        "bytes_out": shell.bytes_out,
        "source_ips": shell.clients,
        "processes": [process.id for process in shell.processes],
        "reasons": file.reasons,
        "findings": [finding.id for finding in findings if finding.key in shell.findings],
        "evidence": [reference(line, by_id) for line in file.lines],
    }


def _planted(file: ShellFile, by_id: Mapping[int, Source]) -> Json | None:
    if not file.planted:
        return None
    best = file.planted[0]
    return {"time": rfc3339(best.time_ms), "from": best.known_from, "evidence": reference(best.line, by_id)}
