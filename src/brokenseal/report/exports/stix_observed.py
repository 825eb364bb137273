"""What was seen, as STIX cyber-observables and observations of them."""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.report.exports.exported_text import LONG, instant, shown
from brokenseal.report.exports.indicators import address, is_sha256
from brokenseal.report.exports.stix_bundle import Bundle, Json
from brokenseal.report.shape import Process, WebShell

_MOST = 999_999_999
_REFERENCES = 100


def address_object(bundle: Bundle, text: str | None) -> str | None:
    ip = address(text)
    if ip is None:
        return None
    return bundle.observable("ipv6-addr" if ":" in ip else "ipv4-addr", {"value": ip})


def file_object(bundle: Bundle, name: str | None, sha256: str | None, size: int | None, folder: str | None) -> str:
    content: Json = {"name": shown(name, 1000) or "(not known)"}
    if is_sha256(sha256):
        content["hashes"] = {"SHA-256": sha256}
    if size is not None:
        content["size"] = size
    if folder:
        content["parent_directory_ref"] = bundle.observable("directory", {"path": shown(folder, 1000)})
    return bundle.observable("file", content)


def shell_objects(bundle: Bundle, shell: WebShell) -> list[str]:
    """The web shell's URL and its file, as far as known."""
    found = []
    url, host, path = shell["url"], shell.get("host"), shell.get("path")
    if url and host:
        found.append(bundle.observable("url", {"value": shown(f"https://{host}{url}", 1000)}))
    if path or shell.get("sha256"):
        folder, _, name = (path or "").replace("/", "\\").rpartition("\\")
        found.append(file_object(bundle, name or None, shell.get("sha256"), shell.get("size"), folder or None))
    return found


def process_object(bundle: Bundle, process: Process, parent: str | None) -> str:
    content: Json = {"command_line": shown(process["command_line"] or process["image"], LONG) or "(not logged)"}
    started = instant(process["time"])
    if started:
        content["created_time"] = process["time"]
    pid = process["pid"]
    if pid and pid.isascii() and pid.isdigit() and len(pid) < 16:
        content["pid"] = int(pid)
    if process["image"]:
        folder, _, name = process["image"].replace("/", "\\").rpartition("\\")
        content["image_ref"] = file_object(bundle, name or process["image"], None, None, folder or None)
    if process["user"]:
        content["creator_user_ref"] = bundle.observable("user-account", {"user_id": shown(process["user"])})
    if parent:
        content["parent_ref"] = parent
    return bundle.observable("process", content, deterministic=False)


def observe(bundle: Bundle, objects: Sequence[str], first: str | None, last: str | None, count: int) -> str:
    """An observation; without a time of its own it has that of the export."""
    times = sorted(time for time in (first, last) if time and instant(time)) or [bundle.time]
    content: Json = {
        "first_observed": times[0],
        "last_observed": times[-1],
        "number_observed": min(count, _MOST),
        "object_refs": list(dict.fromkeys(objects))[:_REFERENCES],
    }
    return bundle.add("observed-data", content)
