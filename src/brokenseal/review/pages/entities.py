"""Everything about one address, account, mailbox or file."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from brokenseal.report.shape import Finding, Mailbox, WebShell
from brokenseal.review.case_review import CaseReview
from brokenseal.review.filters import Filter
from brokenseal.review.rendering import page, review_of

TYPES = {"ip": "Addresses", "account": "Accounts", "mailbox": "Mailboxes", "file": "Files"}
_MOST, _MOST_GROUPS, _MOST_ENTRIES = 200, 20, 100


def entities(request: Request) -> Response:
    review = review_of(request)
    kind = request.query_params.get("type", "ip")
    kind = kind if kind in TYPES else "ip"
    part = Filter.parse({"text": request.query_params.get("text", "")}).text
    files = (
        [one for one in review.document["evidence"] if part.lower() in one["file"].lower()] if kind == "file" else []
    )
    return page(
        request,
        "entities",
        title="Entities",
        types=TYPES,
        type=kind,
        part=part,
        listed=review.timeline.entities(kind, part, _MOST + 1)[:_MOST] if kind != "file" else [],
        most=_MOST,
        files=files[:_MOST],
        told=_told(review),
    )


def entity(request: Request) -> Response:
    review = review_of(request)
    kind = request.query_params.get("type", "ip")
    kind = kind if kind in TYPES else "ip"
    value = Filter.parse({"text": request.query_params.get("value", "")}).text
    if not value:
        return entities(request)
    wanted = {"ip": Filter(ip=value.lower()), "file": Filter(text=value)}.get(kind, Filter(who=value))
    document = review.document
    shells = [
        (one["id"], shell) for one in document["intrusions"] for shell in one["webshells"] if _of_shell(shell, value)
    ]
    processes = [
        (one["id"], process)
        for one in document["intrusions"]
        for process in one["processes"]
        if _holds(value, (process["command_line"], process["image"], process["user"]))
    ]
    columns = [name for name in ("kind", "host", "ip", "account", "mailbox") if name != kind]
    # A text search over everything is what the timeline is for.
    grouped = {} if kind == "file" else {name: review.timeline.grouped(wanted, name, _MOST_GROUPS) for name in columns}
    known = review.timeline.entity(kind, value.lower() if kind == "ip" else value) if kind != "file" else None
    files = [one for one in document["evidence"] if kind == "file" and _holds(value, (one["file"],))]
    return page(
        request,
        "entity",
        title=f"{_ONE[kind]} {value}",
        type=kind,
        one=_ONE[kind],
        value=value,
        known=known,
        grouped=grouped,
        narrowed={
            name: {item: wanted.narrowed(_FILTER[name], item).query() for item, _ in items}
            for name, items in grouped.items()
        },
        query=wanted.query(),
        found=[one for one in document["findings"] if _of_finding(one, value)][:_MOST_ENTRIES],
        boxes=[one for one in document["mailboxes"] if _of_mailbox(one, value)][:_MOST_ENTRIES],
        shells=shells[:_MOST_ENTRIES],
        processes=processes[:_MOST_ENTRIES],
        actors=[one for one in document.get("actors", ()) if value.lower() == (one["ip"] or "").lower()],
        clients=[one for one in document.get("outflow", {"clients": []})["clients"] if one["ip"] == value.lower()],
        files=files[:_MOST_ENTRIES],
    )


_ONE = {"ip": "Address", "account": "Account", "mailbox": "Mailbox", "file": "File"}
_FILTER = {"kind": "kind", "host": "host", "ip": "ip", "account": "who", "mailbox": "who"}


def _told(review: CaseReview) -> set[str]:
    """Addresses that the document names as an intruder's."""
    named = {ip for one in review.document["intrusions"] for ip in one["source_ips"]}
    return named | {one["ip"] for one in review.document.get("actors", ()) if one["ip"]}


def _holds(value: str, texts: Iterable[str | None]) -> bool:
    return any(value.lower() in text.lower() for text in texts if text)


def _of_finding(one: Finding, value: str) -> bool:
    if (one["source_ip"] or "") == value.lower():
        return True
    return _holds(value, (text for line in one["evidence"] for text in (line["file"], line.get("detail"))))


def _of_mailbox(one: Mailbox, value: str) -> bool:
    names = (one["mailbox"], *one.get("known_as", ()), *one.get("users", ()))
    return value.lower() in one.get("source_ips", ()) or _holds(value, names)


def _of_shell(one: WebShell, value: str) -> bool:
    return value.lower() in one.get("source_ips", ()) or _holds(value, (one["url"], one.get("path"), one.get("sha256")))
