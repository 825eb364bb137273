"""The mailbox ledger for people: as a table for the terminal, as CSV, and as a list of whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from brokenseal.report.csv_cells import csv_bytes
from brokenseal.report.shape import IncidentDocument, Mailbox, OutflowHour
from brokenseal.report.text import plain
from brokenseal.report.wording import (
    ACCESS,
    HINTS,
    SETTINGS_CHANGED,
    bytes_in_words,
    change_in_words,
    count,
    estimate_in_words,
    hint_in_words,
    in_words,
    moment,
    not_listed,
    received_in_words,
    seen_in_words,
    span,
    sure_in_words,
    tracked_in_words,
)

COLUMNS = (
    "mailbox",
    "display_name",
    "known_as",
    "intrusion",
    "access",
    "first_utc",
    "last_utc",
    "requests",
    "items_at_least",
    "items_at_most",
    "bytes_at_least",
    "bytes_at_most",
    "complete",
    "incomplete_because",
    "confidence",
    "confidence_because",
    "protocols",
    "source_ips",
    "users",
    "folders",
    "changes",
    "received_since_utc",
    "received_messages",
    "received_bytes",
    "estimated_messages",
    "tracked_messages",
    "tracked_bytes",
    "tracked_not_listed",
    "evidence",
)
NOTIFY_COLUMNS = ("person", "period_utc", "what", "how_much", "how_sure", "evidence")
#: What of the ledger no answer of the front end holds.
_ELSEWHERE = {"forwarded": "forwarded mail", "audited": "mail in audit records"}
_BARS = " ▁▂▃▄▅▆▇█"
_WIDTH = 72


def ledger_csv(document: IncidentDocument) -> bytes:
    """One line a row of ``mailboxes[]``; lists in a cell are divided by ``; ``."""
    return csv_bytes(COLUMNS, (_cells(row) for row in document["mailboxes"]))


def notify_csv(document: IncidentDocument) -> bytes:
    """For the privacy officer: person, period, what, how much, how sure, in plain words."""
    return csv_bytes(NOTIFY_COLUMNS, (_notice(row) for row in document["mailboxes"]))


def print_ledger(document: IncidentDocument, console: Console, *, verbose: bool) -> None:
    """Totals by intrusion and by day, each row, what left hour by hour, and the clients that nothing explains."""
    rows = document["mailboxes"]
    if not rows:
        _say(
            console, "No access to mail by an intruder was found. What could not be seen is in the report of the scan."
        )
    for line in _totals(rows):
        _say(console, line)
    for row in rows:
        _say(console, "")
        _say(console, plain(row["mailbox"]) or "(mailbox not known)", style="bold")
        for label, text in _labelled(row, verbose=verbose):
            _say(console, f"  {label:<9} {text}")
    changes = document.get("changes", [])
    if changes:
        _say(console, "")
        _say(console, "Settings that an intruder changed for the whole organisation (they reach every mailbox):")
    for change in changes:
        _say(console, f"  {change_in_words(change)}")
    _hints(document, console, verbose=verbose)
    outflow = document.get("outflow")
    if outflow is None:
        return
    elsewhere = [words for access, words in _ELSEWHERE.items() if any(row["access"] == access for row in rows)]
    for line in plot(outflow["hours"], elsewhere):
        _say(console, line)
    clients = [client for client in outflow["clients"] if client["unexplained_bytes"]]
    shown = clients if verbose else clients[:10]
    if shown:
        _say(console, "")
        _say(console, "Bytes to addresses that no user's normal use explains (also where no rule found anything):")
    for client in shown:
        whose = f"intrusion {plain(client['intrusion'])}" if client["intrusion"] else "nothing ties it to an intrusion"
        users = f", signed in: {', '.join(map(plain, client['users'][:3]))}" if client["users"] else ""
        size = bytes_in_words(client["unexplained_bytes"])
        _say(console, f"  {plain(client['ip']):<20} {size}, {span(client['first'], client['last'])}, {whose}{users}")
    if len(shown) < len(clients):
        _say(console, f"  … and {len(clients) - len(shown)} more (-v)")


def _hints(document: IncidentDocument, console: Console, *, verbose: bool) -> None:
    others = document.get("hints", [])
    if not others and not any(row.get("hints") for row in document["mailboxes"]):
        return
    _say(console, "")
    _say(console, HINTS)
    shown = others if verbose else others[:10]
    for hint in shown:
        _say(console, f"  {hint_in_words(hint)}")
    if len(shown) < len(others):
        _say(console, f"  … and {len(others) - len(shown)} more (-v)")


def plot(hours: Sequence[OutflowHour], elsewhere: Sequence[str] = ()) -> list[str]:
    """Bytes out over time as two rows of bars, intruders and everybody else; empty where nothing left.

    ``elsewhere``: what of the ledger is not in the intruders' bars, because it is no answer of the front end.
    """
    known = [hour for hour in hours if hour["actor_bytes"] or hour["other_bytes"]]
    if not known:
        return []
    first, last = known[0]["hour"], known[-1]["hour"]
    buckets = _buckets(known)
    lines = ["", f"Bytes out by hour, {moment(first)} to {moment(last)} UTC:"]
    for name, key in (("intruders", 0), ("others", 1)):
        values = [bucket[key] for bucket in buckets]
        most = max(values)
        bars = "".join(_BARS[0 if not value else max(1, round(value / most * 8))] for value in values)
        without = f" (answers of the front end, without {' and '.join(elsewhere)})" if elsewhere and key == 0 else ""
        lines.append(f"  {name:<10} {bars} at most {bytes_in_words(most)}{without}")
    return lines


def _buckets(hours: Sequence[OutflowHour]) -> list[tuple[int, int]]:
    """The hours of the whole time in at most :data:`_WIDTH` equal parts."""
    start = _hour_number(hours[0]["hour"])
    length = _hour_number(hours[-1]["hour"]) - start + 1
    width = min(_WIDTH, length)
    sums = [[0, 0] for _ in range(width)]
    for hour in hours:
        at = (_hour_number(hour["hour"]) - start) * width // length
        sums[at][0] += hour["actor_bytes"]
        sums[at][1] += hour["other_bytes"]
    return [(actor, other) for actor, other in sums]


def _hour_number(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 3600


def _totals(rows: Sequence[Mailbox]) -> Iterable[str]:
    by_intrusion: dict[str, list[Mailbox]] = {}
    for row in rows:
        by_intrusion.setdefault(row["intrusion"] or "", []).append(row)
    for intrusion, own in by_intrusion.items():
        named = {row["mailbox"] for row in own if row["mailbox"] and row["access"] != SETTINGS_CHANGED}
        size = sum(row["bytes_at_least"] or 0 for row in own)
        items = sum(row["items_at_least"] or 0 for row in own)
        name = f"Intrusion {plain(intrusion)}" if intrusion else "Named by --actor-ip or --actor-agent only"
        boxes = count(len(named), "mailbox", "mailboxes")
        yield f"{name}: {boxes}, at least {count(items, 'item')} and {bytes_in_words(size)}"
        changed = len({row["mailbox"] for row in own if row.get("changes")})
        if changed:
            yield f"  settings of {count(changed, 'mailbox', 'mailboxes')} were changed so that somebody else gets mail"
        days: dict[str, int] = {}
        for row in (row for row in own if row["access"] != SETTINGS_CHANGED):
            days[row["first"][:10]] = days.get(row["first"][:10], 0) + (row["bytes_at_least"] or 0)
        for day, amount in sorted(days.items()):
            yield f"  begun on {day}: {bytes_in_words(amount)}"


def _labelled(row: Mailbox, *, verbose: bool) -> Iterable[tuple[str, str]]:
    if row.get("display_name"):
        yield "Person", plain(row["display_name"])
    other = [plain(name) for name in row.get("known_as", []) if name != row["mailbox"]]
    if other:
        yield "Known as", ", ".join(other)
    yield "How", in_words(ACCESS, row["access"]) + _more(row)
    yield "When", span(row["first"], row["last"])
    read = row["access"] != SETTINGS_CHANGED
    yield "Taken", f"{_amount(row)}, {seen_in_words(row)}" if read else "nothing that is shown"
    because = [plain(reason) for reason in row.get("incomplete_because", [])]
    yield "Complete", "yes" if row["complete"] else f"NO: {'; '.join(because)}"
    yield "Sure", sure_in_words(row)
    lists = (("From", row.get("source_ips", [])), ("As", row.get("users", [])), ("Folders", row.get("folders", [])))
    for label, values in lists:
        if values:
            shown = values if verbose else values[:5]
            rest = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
            yield label, ", ".join(map(plain, shown)) + rest
    actions = [f"{plain(each['operation'])} {each['count']:,}" for each in row.get("actions", [])]
    if actions:
        yield "Records", ", ".join(actions)
    for change in row.get("changes", []):
        yield "Changed", change_in_words(change)
    received, estimate, tracked = row.get("received"), row.get("estimate"), row.get("tracked_total")
    if received:
        yield "Arrived", received_in_words(received)
    if estimate:
        yield "Estimate", estimate_in_words(estimate)
    if tracked:
        yield "Tracked", tracked_in_words(tracked)
        for message in row.get("tracked", []) if verbose else []:
            size = bytes_in_words(message["bytes"] or 0)
            told = [moment(message["delivered"]), plain(message["sender"]), size, plain(message["subject"])]
            yield "", ", ".join(part for part in told if part)
        if verbose and not_listed(row):
            yield "", f"… {not_listed(row)}"
    hints = row.get("hints", [])
    for hint in hints if verbose else hints[:3]:
        yield "Hint", hint_in_words(hint)
    for subject in row.get("subjects", []) if verbose else []:
        yield "Subject", plain(subject)
    for reference in row.get("evidence", [])[: None if verbose else 1]:
        yield "Shown by", f"{plain(reference['file'])}:{reference['line']}"


def _more(row: Mailbox) -> str:
    protocols = ", ".join(map(plain, row.get("protocols", [])[:5]))
    whose = f"intrusion {plain(row['intrusion'])}" if row["intrusion"] else "named by the user"
    return f" ({protocols}), {whose}" if protocols else f", {whose}"


def _amount(row: Mapping[str, object]) -> str:
    items = _bounds(row, "items", lambda value: count(value, "item"))
    size = _bounds(row, "bytes", bytes_in_words)
    return f"{items} and {size}"


def _bounds(row: Mapping[str, object], unit: str, words: Callable[[int], str]) -> str:
    least, most = row.get(f"{unit}_at_least"), row.get(f"{unit}_at_most")
    low = words(least) if isinstance(least, int) else "an unknown number"
    if not isinstance(most, int):
        return f"at least {low} (no upper bound)" if least else f"an unknown number of {unit}"
    return low if most == least else f"{low} to {words(most)}"


def _cells(row: Mailbox) -> list[object]:
    evidence = [f"{each['file']}:{each['line']}" for each in row.get("evidence", [])]
    listed = {
        "known_as": "; ".join(row.get("known_as", [])),
        "protocols": "; ".join(row.get("protocols", [])),
        "source_ips": "; ".join(row.get("source_ips", [])),
        "users": "; ".join(row.get("users", [])),
        "folders": "; ".join(row.get("folders", [])),
    }
    return [
        row["mailbox"],
        row.get("display_name"),
        listed["known_as"],
        row["intrusion"],
        row["access"],
        row["first"],
        row["last"],
        row["requests"],
        row["items_at_least"],
        row.get("items_at_most"),
        row["bytes_at_least"],
        row.get("bytes_at_most"),
        row["complete"],
        "; ".join(row.get("incomplete_because", [])),
        row.get("confidence"),
        row.get("confidence_because"),
        *(listed[name] for name in ("protocols", "source_ips", "users", "folders")),
        "; ".join(change_in_words(change) for change in row.get("changes", [])),
        *_from_tracking(row),
        "; ".join(evidence),
    ]


def _from_tracking(row: Mailbox) -> list[object]:
    received, estimate, tracked = row.get("received"), row.get("estimate"), row.get("tracked_total")
    listed = row.get("tracked")
    return [
        received["first"] if received else None,
        received["messages"] if received else None,
        received["bytes"] if received else None,
        estimate["messages"] if estimate else None,
        tracked["messages"] if tracked else None,
        tracked["bytes"] if tracked else None,
        tracked["messages"] - len(listed) if tracked and listed is not None else None,
    ]


def _notice(row: Mailbox) -> list[object]:
    person = row.get("display_name") or row["mailbox"] or "not known: data left, but no log names the mailbox"
    if row.get("display_name") and row["mailbox"]:
        person = f"{row['display_name']} <{row['mailbox']}>"
    what = in_words(ACCESS, row["access"])
    if row.get("changes"):
        what += "; " + "; ".join(change_in_words(change) for change in row["changes"])
    if row.get("folders"):
        what += f"; folders: {', '.join(row['folders'][:10])}"
    received = row.get("received")
    if received:
        what += f"; {received_in_words(received)}"
    sure = sure_in_words(row)
    if not row["complete"]:
        sure += "; note: " if row["access"] == SETTINGS_CHANGED else "; it may be more: "
        sure += "; ".join(row.get("incomplete_because", []))
    evidence = [f"{each['file']}:{each['line']} (SHA-256 {each['sha256']})" for each in row.get("evidence", [])[:3]]
    return [person, f"{moment(row['first'])} to {moment(row['last'])}", what, _amount(row), sure, "; ".join(evidence)]


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(Text(text, style=style or ""), soft_wrap=True)
