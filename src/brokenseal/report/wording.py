"""The document's ids and numbers in plain words."""

from __future__ import annotations

from datetime import datetime, timedelta

from brokenseal.report.shape import Change, Estimate, Hint, IncidentDocument, Mailbox, Received, TrackedTotal
from brokenseal.report.text import plain

# From best to worst: the words after a server's name, and Rich's style. The words say it all: colour only repeats them.
VERDICTS: dict[str, tuple[str, str]] = {
    "no_evidence": ("no evidence of a break-in", "bold green"),
    "cannot_tell": ("cannot tell", "bold yellow"),
    "probed": ("probed, nothing more", "bold cyan"),
    "attempted": ("attacked, no sign that it worked", "bold yellow"),
    "breached": ("broken into", "bold red"),
    "mail_read": ("broken into, and mail was read", "bold red"),
}

#: In place of the words for ``mail_read``, where nobody was seen reading.
SENT_ON = "broken into, and mail was sent on"

# For a document whose summary is empty.
VERDICT_SENTENCES = {
    "no_evidence": "The logs show no break-in.",
    "cannot_tell": "The logs that would show a break-in are not all there.",
    "probed": "Somebody looked whether the server can be attacked; nothing more was seen.",
    "attempted": "The server was attacked; nothing shows that it worked.",
    "breached": "The server was broken into.",
    "mail_read": "The server was broken into and mail was read.",
}

OUTCOMES = ("succeeded", "attempted", "probed", "observed")

ACCESS = {
    "ews-ssrf": "EWS through the SSRF (CVE-2021-26855)",
    "other-ssrf": "other inner pages through the SSRF (CVE-2021-26855)",
    "export-request": "export to a file (New-MailboxExportRequest)",
    "export-download": "the exported file was fetched over the web",
    "signed-in": "signed in as a user, from an intruder's address",
    "audited": "by the audit log",
    "forwarded": "mail sent on to an intruder's address (message tracking)",
    "settings-changed": "settings changed; no reading is shown",
}
#: The access of a row that shows no reading.
SETTINGS_CHANGED = "settings-changed"

CHANGES = {
    "forwarding": "mail is forwarded",
    "inbox-rule": "inbox rule",
    "permission": "rights on the mailbox given",
    "folder-permission": "rights on a folder given",
    "send-as": "right to send in its name given",
    "send-on-behalf": "right to send on its behalf given",
    "app-access": "an application was let in",
    "role": "a role that opens mailboxes was given",
    "transport-rule": "transport rule",
    "journal-rule": "journal rule",
    "transport-agent": "transport agent",
}

#: Words for a row's confidence, and for what it rests on.
SURE = {
    "high": "sure: the server's own logs name the mailbox and the intruder",
    "medium": "likely: the logs name the mailbox; that it was the intruder follows from address and time",
    "low": "not sure: the logs do not name the mailbox or the intruder",
}
SURE_BECAUSE = {
    "logs": SURE["high"],
    "time": "likely: the request is the intruder's; that it was for this mailbox follows from the time",
    "address": SURE["medium"],
    "setting-address": "likely: the logs name the mailbox; that the setting is the intruder's follows from address and time",
    "setting-server": "likely: the logs name the mailbox; that the setting is the intruder's follows from who made it: the "
    "server's own account, or a process of his, while he was inside",
    "setting-address-server": "likely: the logs name the mailbox; that the settings are the intruder's follows from address "
    "and time, and from who made them: the server's own account, or a process of his, while he was inside",
    "mailbox-unknown": "not sure: the logs do not name the mailbox",
    "named-by-user": "not sure: nothing but your word ties it to an intruder",
}

STATES = {
    "alive": "ALIVE: nothing seen says that it is gone",
    "removed": "removed: it was there, and no longer is",
    "never_answered": "never answered: asked for, but not there",
}

#: The kind of evidence whose entries are records of an event log, not lines of a text.
WINDOWS_EVENT = "windows_event"

SOURCES = {
    "iis": "IIS",
    "web_file": "web folders (files)",
    "mail_audit": "mail audit",
    "directory": "directory export",
    "file_listing": "file listing",
    "httpproxy": "HttpProxy",
    "ecp_server": "ECP Server",
    "oab_generator": "OABGenerator",
    "ews": "EWS",
    "mapi": "MapiHttp",
    "cmdlet": "CmdletInfra",
    "message_tracking": "Message tracking",
    WINDOWS_EVENT: "Windows events",
}

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_IDS = 6
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def verdict_style(verdict: str) -> str:
    return VERDICTS[verdict][1] if verdict in VERDICTS else "bold"


def only_sent_on(document: IncidentDocument) -> bool:
    """Whether ``mail_read`` means no more than that settings sent mail on: no row shows that somebody read."""
    ways = {row["access"] for row in document["mailboxes"]} - {SETTINGS_CHANGED, "other-ssrf"}
    return document["verdict"] == "mail_read" and ways == {"forwarded"}


def verdict_words(verdict: str, *, sent_on: bool = False) -> tuple[str, str]:
    """The words for a server's verdict and their style, as ``Text.assemble`` takes them; *sent_on*: :func:`only_sent_on`."""
    words = VERDICTS[verdict][0] if verdict in VERDICTS else plain(verdict)
    return SENT_ON if sent_on and verdict == "mail_read" else words, verdict_style(verdict)


def these_logs(verdict: str) -> str:
    """The logs, in a sentence on what they do not show: where logs are missing, it must not sound like an answer."""
    return "the logs that are there (see below what is missing)" if verdict == "cannot_tell" else "these logs"


def in_words(known: dict[str, str], identity: str) -> str:
    """The words for ``identity``, or itself made safe to show where this version has none."""
    return known.get(identity) or plain(identity)


def source_in_words(source: str) -> str:
    """``httpproxy/Owa`` (a part of that source) as ``HttpProxy/Owa``, but ``windows_event/A/B`` as ``Windows events: A/B``:
    the name of an event log has slashes of its own.
    """
    kind, slash, part = source.partition("/")
    between = ": " if slash and kind == WINDOWS_EVENT else slash
    return in_words(SOURCES, kind) + between + plain(part)


def entry_of(kind: str) -> str:
    """What one entry of a log of this kind is called."""
    return "record" if kind == WINDOWS_EVENT else "line"


def seen_in_words(mailbox: Mailbox) -> str:
    """How many requests a row is of; forwarded mail has messages, changed settings have changes."""
    words = {SETTINGS_CHANGED: "change", "forwarded": "message"}
    return count(mailbox["requests"], words.get(mailbox["access"], "request"))


def sure_in_words(mailbox: Mailbox) -> str:
    """How sure a row is, and why."""
    because = SURE_BECAUSE.get(mailbox.get("confidence_because", ""))
    return because or in_words(SURE, mailbox.get("confidence", ""))


def change_in_words(change: Change) -> str:
    """One changed setting in a line: what, when, by whom, from where, to whom, and what the log says of it."""
    whom = f" to {', '.join(map(plain, change['to']))}" if change["to"] else ""
    who = f" by {plain(change['by'])}" if change["by"] else ""
    where = f" from {plain(change['from'])}" if change["from"] else ""
    return f"{in_words(CHANGES, change['what'])}{whom}, {moment(change['when'])}{who}{where}: {plain(change['detail'])}"


def received_in_words(received: Received) -> str:
    """What bounds the mail of a time, in a line."""
    gaps = "" if received["complete"] else "; message tracking has gaps in this time, so it may be more"
    return (
        f"{count(received['messages'], 'message')} ({bytes_in_words(received['bytes'])}) came in "
        f"{day(received['first'])} to {moment(received['last'])}; of this mail no more can have been read, older mail is "
        f"not counted{gaps}"
    )


def estimate_in_words(estimate: Estimate) -> str:
    """An estimate that calls itself one."""
    return (
        f"about {count(estimate['messages'], 'message')}, if they are as large as the {estimate['of']:,} that the mailbox "
        f"got (mean {bytes_in_words(estimate['message_bytes'])}); an estimate, not evidence"
    )


def tracked_in_words(tracked: TrackedTotal) -> str:
    """Messages that records name, as message tracking has them, in a line."""
    when = f", {span(tracked['first'], tracked['last'])}" if tracked["first"] else ""
    of_them = f", {tracked['sent']:,} of them sent" if tracked["sent"] else ""
    size = f": {bytes_in_words(tracked['bytes'])} as they travelled" if tracked["bytes"] is not None else ""
    senders = f", from {count(tracked['senders'], 'sender')}" if tracked["senders"] else ""
    return (
        f"message tracking knows {count(tracked['messages'], 'message')} that the records name{of_them}"
        f"{size}{senders}{when}"
    )


def not_listed(mailbox: Mailbox) -> str:
    """How many of the messages that message tracking knows a list of them leaves out; empty where it has all."""
    total, listed = mailbox.get("tracked_total"), mailbox.get("tracked")
    left_out = total["messages"] - len(listed) if total and listed is not None else 0
    return (
        f"{count(left_out, 'more message')} not listed (the list has the first {len(listed or ()):,})"
        if left_out
        else ""
    )


def hint_in_words(hint: Hint) -> str:
    """One hint in a line, with what else can look like it."""
    first = f"{plain(hint['from'])} ({plain(hint['from_place'])})" if hint["from_place"] else plain(hint["from"])
    second = f"{plain(hint['to'])} ({plain(hint['to_place'])})" if hint["to_place"] else plain(hint["to"])
    return (
        f"{plain(hint['user'])}: {first} at {moment(hint['left'])}, then {second} at {moment(hint['arrived'])}: at least "
        f"{hint['km']:,} km in {hint['hours']:g} h"
    )


#: What must stand beside hints.
HINTS = (
    "Hints only: a user in two places within less time than the way takes. Phones in a carrier's network, VPNs, proxies and "
    "cloud services look the same. They change no verdict and no number."
)


def rank(order: tuple[str, ...], identity: str) -> int:
    """The place of ``identity`` in ``order``; what is not there comes last."""
    return order.index(identity) if identity in order else len(order)


def count(number: int, one: str, many: str | None = None) -> str:
    """``1,234 lines``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ids_in_brackets(ids: list[str]) -> str:
    """``(F1, F2 and 3 more)``; nothing where there are none."""
    shown = ", ".join(plain(identity) for identity in ids[:_IDS])
    more = f" and {len(ids) - _IDS:,} more" if len(ids) > _IDS else ""
    return f"({shown}{more})" if shown else ""


def bytes_in_words(size: int) -> str:
    """Rounded for the eye (decimal units) and exact: ``12.3 MB (12,345,678 bytes)``."""
    exact = count(size, "byte")
    if size < _STEP:
        return exact
    power = 1
    while round(size / _STEP**power, 1) >= _STEP and power < len(_UNITS):
        power += 1
    return f"{size / _STEP**power:.1f} {_UNITS[power - 1]} ({exact})"


def moment(time: str | None) -> str:
    """``2021-03-03T04:12:09.123Z`` as ``2021-03-03 04:12:09``; the page says once that times are UTC."""
    if not time:
        return "(time not known)"
    try:
        return _parsed(time).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return plain(time)


def day(time: str | None) -> str:
    return moment(time)[:10] if time else "(open)"


def span(first: str | None, last: str | None) -> str:
    """``2021-03-03 04:12:09 to 2021-03-05 10:22:41 (2 days 6 h)``; one time where both are of the same second."""
    if moment(first) == moment(last):
        return moment(first)
    text = f"{moment(first)} to {moment(last)}"
    try:
        return f"{text} ({_duration(_parsed(last or '') - _parsed(first or ''))})"
    except ValueError:
        return text


def day_span(first: str | None, last: str | None) -> str:
    """``2021-02-20 to 2021-03-09``; inside one day with the time of day."""
    if day(first) == day(last):
        return span(first, last)
    return f"{day(first)} to {day(last)}"


def _parsed(time: str) -> datetime:
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%f%z")


def _duration(length: timedelta) -> str:
    seconds = int(abs(length).total_seconds())
    days, hours, minutes = seconds // _DAY, seconds % _DAY // _HOUR, seconds % _HOUR // _MINUTE
    if days:
        return f"{count(days, 'day')} {hours} h" if hours else count(days, "day")
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
