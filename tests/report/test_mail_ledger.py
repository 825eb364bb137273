"""The ledger for people: bounds in words, CSV cells, the list of whom to tell, and the bars of bytes by hour."""

from __future__ import annotations

import csv
import io
from typing import Any, cast

from rich.console import Console

from brokenseal.report.mail_ledger import COLUMNS, NOTIFY_COLUMNS, ledger_csv, notify_csv, plot, print_ledger
from brokenseal.report.shape import IncidentDocument, OutflowHour

ROW: dict[str, Any] = {
    "mailbox": "anna@corp.example",
    "display_name": "Anna Berg",
    "known_as": ["corp\\anna"],
    "intrusion": "I1",
    "access": "signed-in",
    "first": "2021-03-03T03:00:00.000Z",
    "last": "2021-03-03T04:00:00.000Z",
    "requests": 3,
    "items_at_least": 4,
    "items_at_most": None,
    "bytes_at_least": 1000,
    "bytes_at_most": 2500,
    "complete": False,
    "incomplete_because": ["the logs of this protocol do not count messages"],
    "confidence": "medium",
    "protocols": ["mapi"],
    "source_ips": ["203.0.113.7"],
    "users": ["corp\\anna"],
    "folders": ["\\Inbox"],
    "actions": [{"operation": "MailItemsAccessed", "count": 2}],
    "evidence": [{"file": "proxy.log", "sha256": "ab" * 32, "line": 7}],
}


def document(*rows: dict[str, Any], hours: list[OutflowHour] | None = None) -> IncidentDocument:
    outflow = {"clients": [], "hours": hours or []}
    return cast("IncidentDocument", {"mailboxes": list(rows), "outflow": outflow})


def cells(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def printed(found: IncidentDocument, *, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    print_ledger(found, console, verbose=verbose)
    return cast("io.StringIO", console.file).getvalue()


def test_csv_has_every_column_and_defuses_formulas() -> None:
    (row,) = cells(ledger_csv(document({**ROW, "mailbox": "=cmd()"})))
    assert tuple(row) == COLUMNS
    assert (row["mailbox"], row["items_at_most"], row["bytes_at_most"]) == ("'=cmd()", "", "2500")
    assert (row["complete"], row["evidence"]) == ("no", "proxy.log:7")


def test_the_list_for_the_privacy_officer_is_in_plain_words() -> None:
    (row,) = cells(notify_csv(document(ROW)))
    assert tuple(row) == NOTIFY_COLUMNS
    assert row["person"] == "Anna Berg <anna@corp.example>"
    assert row["period_utc"] == "2021-03-03 03:00:00 to 2021-03-03 04:00:00"
    assert "no upper bound" in row["how_much"]
    assert "it may be more" in row["how_sure"]
    (unknown,) = cells(notify_csv(document({**ROW, "mailbox": None, "display_name": None})))
    assert unknown["person"].startswith("not known")


def test_bounds_are_told_both_ways() -> None:
    text = printed(document(ROW))
    assert "at least 4 items (no upper bound) and 1.0 kB (1,000 bytes) to 2.5 kB" in text
    exact = printed(document({**ROW, "items_at_most": 4, "bytes_at_most": 1000, "complete": True}))
    assert "4 items and 1.0 kB (1,000 bytes)," in exact
    nothing = printed(document({**ROW, "items_at_least": 0, "bytes_at_least": 0, "bytes_at_most": None}))
    assert "an unknown number of items and an unknown number of bytes" in nothing


def test_totals_are_of_mailboxes_and_not_of_rows() -> None:
    text = printed(document(ROW, {**ROW, "access": "audited"}))
    assert "Intrusion I1: 1 mailbox, at least 8 items" in text


def test_an_empty_ledger_says_so() -> None:
    assert "No access to mail" in printed(document())


def test_hostile_text_reaches_no_terminal() -> None:
    text = printed(document({**ROW, "mailbox": "\x1b[2Jx", "users": ["\u202eabc"], "folders": ["\x07"]}), verbose=True)
    assert not any(sign in text for sign in "\x1b\u202e\x07")


def hour(at: str, actor: int, other: int) -> OutflowHour:
    return {"hour": f"2021-03-{at}:00:00.000Z", "actor_bytes": actor, "other_bytes": other}


def test_bars_stand_where_the_bytes_left() -> None:
    lines = plot([hour("01T00", 0, 100), hour("01T01", 800, 50), hour("01T03", 100, 0)])
    intruders, others = lines[-2], lines[-1]
    assert intruders.split("  ")[1].strip().startswith("intruders")
    assert intruders[13:17] == " █ ▁"
    assert others[13:17] == "█▄  "
    assert not [line for line in lines if "without" in line]
    assert plot([]) == []
    assert plot([hour("01T00", 0, 0)]) == []


def test_months_are_put_together_to_one_line() -> None:
    many = [hour(f"{day:02}T{clock:02}", 0, 10) for day in range(1, 31) for clock in range(24)]
    assert len(plot(many)[-1]) < 130


CHANGE: dict[str, Any] = {
    "what": "forwarding",
    "when": "2021-03-03T03:00:00.000Z",
    "by": "CORP\\EX01$",
    "from": None,
    "to": ["drop@example.net"],
    "detail": "Set-Mailbox, ForwardingSmtpAddress '\x1b[2Jdrop@example.net'",
    "intrusion": "I1",
}
SETTINGS: dict[str, Any] = {
    **ROW,
    "mailbox": "bela@corp.example",
    "display_name": None,
    "access": "settings-changed",
    "items_at_least": 0,
    "bytes_at_least": 0,
    "bytes_at_most": None,
    "requests": 1,
    "incomplete_because": ["forwarding sends mail out: see message tracking"],
    "changes": [CHANGE],
}


def test_the_bars_say_what_is_not_in_them() -> None:
    hours: list[OutflowHour] = [{"hour": "2021-03-01T00:00:00.000Z", "actor_bytes": 0, "other_bytes": 100}]
    forwarded, audited = ({**ROW, "access": access} for access in ("forwarded", "audited"))
    text = printed(document(ROW, forwarded, hours=hours))
    (line,) = [line for line in text.splitlines() if line.startswith("  intruders")]
    assert line.endswith("at most 0 bytes (answers of the front end, without forwarded mail)")
    assert "without forwarded mail and mail in audit records)" in printed(document(audited, forwarded, hours=hours))
    assert "(answers of" not in printed(document(ROW, hours=hours))


def test_how_sure_a_row_is_has_its_own_reason() -> None:
    forwarded = {**ROW, "access": "forwarded", "source_ips": [], "confidence_because": "setting-server"}
    text = printed(document(forwarded))
    assert "the server's own account, or a process of his, while he was inside" in text
    assert "address and time" not in text
    assert "address and time" not in cells(notify_csv(document(forwarded)))[0]["how_sure"]
    assert "address and time" in printed(document({**ROW, "confidence_because": "address"}))
    assert "nothing but your word" in printed(
        document({**ROW, "confidence": "low", "confidence_because": "named-by-user"})
    )
    # A document of before has only the word.
    assert "address and time" in printed(document(ROW))


def test_a_changed_setting_is_shown_and_not_counted_as_reading() -> None:
    text = printed(document(ROW, SETTINGS))
    assert "Intrusion I1: 1 mailbox, at least 4 items" in text
    assert "settings of 1 mailbox were changed so that somebody else gets mail" in text
    assert "mail is forwarded to drop@example.net, 2021-03-03 03:00:00 by CORP\\EX01$: Set-Mailbox" in text
    assert "nothing that is shown" in text
    assert "\x1b" not in text
    _, notice = cells(notify_csv(document(ROW, SETTINGS)))
    assert notice["what"].startswith("settings changed; no reading is shown; mail is forwarded to drop@example.net")
    assert "it may be more" not in notice["how_sure"]
    assert cells(ledger_csv(document(SETTINGS)))[0]["changes"].startswith("mail is forwarded to drop@example.net")


def test_what_reaches_every_mailbox_stands_by_itself() -> None:
    found = document()
    found["changes"] = [cast("Any", {**CHANGE, "what": "transport-rule", "detail": "New-TransportRule, Name 'C'"})]
    text = printed(found)
    assert "Settings that an intruder changed for the whole organisation" in text
    assert "transport rule to drop@example.net" in text


def test_what_message_tracking_says_is_no_bound_of_the_row() -> None:
    row = {
        **ROW,
        "received": {"first": ROW["first"], "last": ROW["last"], "messages": 12, "bytes": 1200, "complete": False},
        "estimate": {"messages": 10, "message_bytes": 100, "of": 12},
        "tracked_total": {
            "messages": 2,
            "sent": 1,
            "senders": 1,
            "bytes": 70,
            "first": ROW["first"],
            "last": ROW["first"],
        },
    }
    text = printed(document(row))
    assert "12 messages (1.2 kB (1,200 bytes)) came in" in text
    assert "older mail is not counted" in text
    assert "message tracking has gaps in this time" in text
    assert "about 10 messages" in text and "an estimate, not evidence" in text
    assert "knows 2 messages that the records name, 1 of them sent: 70 bytes as they travelled" in text
    (cell,) = cells(ledger_csv(document(row)))
    assert (cell["items_at_most"], cell["received_messages"], cell["estimated_messages"]) == ("", "12", "10")
    assert (cell["tracked_messages"], cell["tracked_bytes"]) == ("2", "70")
    assert cell["tracked_not_listed"] == ""
    (notice,) = cells(notify_csv(document(row)))
    assert "of this mail no more can have been read" in notice["what"]
    assert "estimate" not in "".join(notice.values())


def test_the_list_of_messages_says_how_many_it_leaves_out() -> None:
    told = {"messages": 203, "sent": 0, "senders": 9, "bytes": 70, "first": ROW["first"], "last": ROW["last"]}
    message = {"how": "read", "sender": "x@y.example", "recipients": 1, "bytes": 7, "delivered": ROW["first"]}
    listed = [{**message, "id": f"<{number}@y.example>", "subject": "Offer"} for number in range(200)]
    row = {**ROW, "tracked_total": told, "tracked": listed}
    text = printed(document(row), verbose=True)
    assert "knows 203 messages" in text
    assert "3 more messages not listed (the list has the first 200)" in text
    (cell,) = cells(ledger_csv(document(row)))
    assert (cell["tracked_messages"], cell["tracked_not_listed"]) == ("203", "3")
    whole = {**ROW, "tracked_total": {**told, "messages": 200}, "tracked": listed}
    assert "not listed" not in printed(document(whole), verbose=True)
    # Where no list is shown nothing is left out of it.
    assert "not listed" not in printed(document({**ROW, "tracked_total": told}), verbose=True)


def test_of_a_single_message_no_size_and_no_time_is_told() -> None:
    told = {"messages": 1, "sent": 1, "senders": 1, "bytes": None, "first": None, "last": None}
    row = {**ROW, "tracked_total": told}
    assert "knows 1 message that the records name, 1 of them sent, from 1 sender\n" in printed(document(row))
    (cell,) = cells(ledger_csv(document(row)))
    assert (cell["tracked_messages"], cell["tracked_bytes"]) == ("1", "")


def test_hints_say_that_they_are_hints() -> None:
    hint = {
        "user": "anna",
        "from": "192.0.2.1",
        "from_place": "Vienna, Austria",
        "to": "203.0.113.7",
        "to_place": "",
        "left": ROW["first"],
        "arrived": ROW["last"],
        "km": 11000,
        "hours": 1.0,
        "evidence": [],
    }
    for found in (document({**ROW, "hints": [hint]}), document(ROW)):
        if "hints" not in found["mailboxes"][0]:
            found["hints"] = [cast("Any", hint)]
        text = printed(found)
        assert "anna: 192.0.2.1 (Vienna, Austria) at 2021-03-03 03:00:00, then 203.0.113.7 at" in text
        assert "at least 11,000 km in 1 h" in text
        assert "Hints only" in text and "VPNs" in text
    assert "Hints only" not in printed(document(ROW))
