"""What other defenders can search for: addresses of intruders, hashes and paths of web shells."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from brokenseal.report.exports.exported_text import shown
from brokenseal.report.shape import IncidentDocument, WebShell

_LONGEST_PATH = 1000

# Not ``is_private``: it counts the documentation ranges, which exercises use as addresses of attackers.
_INNER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/128",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def address(text: str | None) -> str | None:
    """*text* in the usual form if it is an IP address, else None: what a log gives as address can be anything."""
    if text is None or len(text) > 64 or "%" in text:
        return None
    try:
        parsed = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def is_inner(text: str) -> bool:
    """Whether the (valid) address is of a local network: nobody elsewhere can search for it."""
    parsed = ip_address(text)
    return any(parsed in network for network in _INNER if network.version == parsed.version)


def addresses(document: IncidentDocument) -> dict[str, str]:
    """Intruders' addresses that mean something elsewhere → why, sorted."""
    found: dict[str, list[str]] = {}
    for intrusion in document["intrusions"]:
        for given in intrusion["source_ips"]:
            known = address(given)
            if known and not is_inner(known):
                found.setdefault(known, []).append(intrusion["id"])
    return {ip: f"Source of intrusion {shown(', '.join(found[ip]))}" for ip in sorted(found)}


def shells(document: IncidentDocument) -> list[tuple[str, WebShell]]:
    """Web shells that were there, with the id of their intrusion; a path that never answered is a guess of the scanner."""
    return [
        (intrusion["id"], shell)
        for intrusion in document["intrusions"]
        for shell in intrusion["webshells"]
        if shell["state"] != "never_answered"
    ]


def shell_hashes(document: IncidentDocument) -> dict[str, str]:
    found: dict[str, str] = {}
    for intrusion, shell in shells(document):
        sha256 = shell.get("sha256")
        if is_sha256(sha256):
            found.setdefault(str(sha256), f"Web shell {shown(shell_name(shell))} of intrusion {shown(intrusion)}")
    return dict(sorted(found.items()))


def shell_paths(document: IncidentDocument) -> dict[str, str]:
    """Paths of URLs; those with control characters are left out, they could not be found again as written."""
    found: dict[str, str] = {}
    for intrusion, shell in shells(document):
        url = shell["url"]
        if url and len(url) < _LONGEST_PATH and shown(url, _LONGEST_PATH) == url:
            found.setdefault(url, f"Web shell of intrusion {shown(intrusion)}")
    return dict(sorted(found.items()))


def shell_name(shell: WebShell) -> str:
    return shell["url"] or shell.get("path") or "(not known)"


def is_sha256(text: str | None) -> bool:
    return text is not None and len(text) == 64 and set(text) <= set("0123456789abcdef")
