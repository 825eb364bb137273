"""One web shell in the report: its whole life."""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.report.page import Page, where
from brokenseal.report.shape import Finding, WebShell
from brokenseal.report.text import plain
from brokenseal.report.wording import STATES, bytes_in_words, count, in_words, moment, span

#: Proofs of one shell, and addresses, shown without -v.
_PROOFS, _CLIENTS, _REASONS = 3, 5, 4


def one_shell(shell: WebShell, intrusion: str, findings: Mapping[str, Finding], page: Page) -> None:
    """Print *shell*. ``findings``: those of the document by id."""
    page.sentence(f"Web shell {name_of(shell)}")
    if shell.get("host"):
        page.labelled("Server", plain(shell["host"]), 4)
    if shell.get("path") and shell["url"]:
        page.labelled("File", plain(shell["path"]), 4)
    if shell.get("kind"):
        page.labelled("Looks like", plain(shell["kind"]), 4)
    if shell.get("sha256"):
        size = shell.get("size")
        known = shell.get("known_hash")
        sized = "" if size is None else f", {bytes_in_words(size)}"
        page.labelled(
            "SHA-256", f"{plain(shell['sha256'])}{sized}" + (f"; published: {plain(known)}" if known else ""), 4
        )
    page.labelled("State", in_words(STATES, shell["state"]), 4)
    page.labelled("Came", _came(shell, findings), 4)
    page.labelled("Used", f"{_use(shell)} (intrusion {plain(intrusion)})", 4)
    clients = shell.get("source_ips", [])
    if clients:
        shown = clients if page.verbose else clients[:_CLIENTS]
        more = f" and {len(clients) - len(shown)} more" if len(clients) > len(shown) else ""
        page.labelled("From", ", ".join(map(plain, shown)) + more, 4)
    if shell.get("processes"):
        page.labelled(
            "Started",
            f"{count(len(shell['processes']), 'process', 'processes')} ({', '.join(map(plain, shell['processes'][:8]))})",
            4,
        )
    reasons = shell.get("reasons", [])
    page.labelled_list("Content", [plain(reason) for reason in (reasons if page.verbose else reasons[:_REASONS])], 4)
    shown_by = shell.get("findings", [])[:_PROOFS]
    page.labelled_list("Shown by", [_reference(identity, findings) for identity in shown_by], 4)


def name_of(shell: WebShell) -> str:
    """Its URL, or its path where no URL leads to it."""
    return plain(shell["url"]) or plain(shell.get("path")) or "(no name is known)"


def _came(shell: WebShell, findings: Mapping[str, Finding]) -> str:
    planted = shell.get("planted")
    said = "not known" if planted is None else f"{moment(planted['time'])} ({in_words(_SOURCES, planted['from'])})"
    if shell.get("times_set_back"):
        said += "; its own times were set back"
    writes = [
        plain(findings[each]["title"]) + f" ({plain(each)})" for each in shell.get("written_by", []) if each in findings
    ]
    return said + (f"; written by: {', '.join(writes)}" if writes else "")


_SOURCES = {
    "event log": "by an event log",
    "$MFT": "by the file system's own record",
    "listing": "by a listing of files",
    "file time": "by the file's own time, which an intruder can set",
}


def _use(shell: WebShell) -> str:
    requests = count(shell["requests"], "request")
    if shell["first_used"] is None and shell["last_used"] is None:
        return f"never: {requests}, none answered" if shell["requests"] else "no request for it is in the logs"
    size = shell.get("bytes_out")
    answered = "" if size is None else f", {bytes_in_words(size)} answered"
    return f"{span(shell['first_used'], shell['last_used'])}, {requests}{answered}"


def _reference(identity: str, findings: Mapping[str, Finding]) -> str:
    evidence = findings[identity]["evidence"][:1] if identity in findings else []
    return " ".join([plain(identity), *map(where, evidence)])
