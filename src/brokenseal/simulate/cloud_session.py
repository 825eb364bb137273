"""The scenario ``cloud-session``: broken into on-premises, then mail is read in Microsoft 365 and as an administrator.

Nothing of the cloud is in the servers' logs: audit records tell it, in exports that overlap as real ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from brokenseal.simulate import audit_exports, audit_records, cloud_mailboxes, cloud_use, directory_export
from brokenseal.simulate import on_premises_audit as mailbox_audit
from brokenseal.simulate.audit_records import Client, Record
from brokenseal.simulate.clock import DAY, MINUTE, SECOND, iso
from brokenseal.simulate.cloud_mailboxes import INBOX, SENT_ITEMS, CloudMailbox, Message
from brokenseal.simulate.cloud_use import Use
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import AUDIT_EXPORTS
from brokenseal.simulate.mail_truth import APP_ID, AUDITED, ForwardingTruth, SentMailTruth
from brokenseal.simulate.play import Play
from brokenseal.simulate.stolen_sessions import break_in
from brokenseal.simulate.truth import Truth

CSV_PATH, JSON_PATH = "exports/unified-audit.csv", "exports/unified-audit.jsonl"
_FIRST, _SECOND, _THIRD = "203.0.113.81", "203.0.113.82", "203.0.113.83"
_BROWSER = "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:78.0) Gecko/20100101 Firefox/78.0"
_DROP = "archive@drop.example.net"
# How many messages lie in the mailboxes: read one by one, copied, read until recording stopped, read by an application,
# and not read by the intruder.
_SIZES = (160, 210, 1_500, 140, 120)
# From about this number on a day's single messages are no longer recorded.
_THROTTLED_AFTER, _IN_A_RECORD = 1_000, 25


@dataclass(slots=True)
class CloudThief:
    """Who reads in the cloud under others' names: the records that it leaves, and the truth of it."""

    truth: Truth
    draws: Draws
    records: list[tuple[int, Record]] = field(default_factory=list)

    def client(self, ip: str, info: str, app_id: str, process: str = "", version: str = "") -> Client:
        return Client(ip, info, app_id, self.draws.guid(), process, version)

    def add(self, at: int, record: Record) -> None:
        self.records.append((at, record))

    def number(self) -> str:
        return self.draws.guid()

    def read(self, at: int, box: CloudMailbox, client: Client, messages: Sequence[Message], protocol: str) -> None:
        self.add(at, audit_records.bound(at, self.number(), box, client, messages))
        self.note(at, box, client, messages, protocol, counted=True)

    def note(
        self, at: int, box: CloudMailbox, client: Client, messages: Sequence[Message], protocol: str, *, counted: bool
    ) -> None:
        size = sum(message.size for message in messages)
        self.truth.access(box.owner.smtp, AUDITED, at).add(
            at, protocol, client.ip, items=len(messages), size=size, counted=counted
        )

    def repeat(self, count: int) -> None:
        """The service writes some records of reading again, with ids of their own, within the hour."""
        read = [each for each in self.records if each[1]["Operation"] == "MailItemsAccessed"]
        for _ in range(count):
            at, record = self.draws.pick(read)
            at += self.draws.between(2 * MINUTE, 50 * MINUTE)
            self.add(at, record | {"Id": self.number(), "CreationTime": iso(at)[:19]})


def cloud_session(play: Play) -> None:
    """Five mailboxes in the cloud, four of them read; one mailbox on-premises read as an administrator."""
    break_in(play, _FIRST, _SECOND)
    boxes = cloud_mailboxes.mailboxes(play.site.organisation, play.seed, _SIZES)
    thief = CloudThief(play.truth, Draws(play.seed, "cloud"))
    one_by_one, copied, throttled, by_application, _ = boxes
    _read_in_webmail(play, thief, one_by_one)
    _copy_folders(play, thief, copied)
    thief.repeat(7)
    stopped = _read_until_throttled(play, thief, throttled)
    _read_with_an_application(play, thief, by_application)
    uses = [use for use in cloud_use.normal_use(play, boxes) if not _unrecorded(use, throttled, stopped)]
    cloud_use.note(play.truth, uses)
    records = sorted([*thief.records, *((use.at, use.record) for use in uses)], key=lambda each: each[0])
    _export(play, [record for _, record in records], {box.owner.smtp for box in (one_by_one, copied)})
    mailbox_audit.read_as_administrator(play, _FIRST)
    directory_export.write(play.site.tree, play.site.organisation, play.truth, [box.owner for box in boxes])


def _read_in_webmail(play: Play, thief: CloudThief, box: CloudMailbox) -> None:
    """Single messages, each recorded; then mail is forwarded, sent and made to disappear."""
    client = thief.client(_FIRST, f"Client=OWA;{_BROWSER};", cloud_use.WEBMAIL_APP)
    play.truth.note_actor(_FIRST, (), (_BROWSER,))
    at = play.at(830)
    thief.add(at, audit_records.logged_in(at, thief.number(), box, client, _BROWSER))
    at += 40 * SECOND
    thief.add(at, audit_records.searched(at, thief.number(), box, client, "invoice OR contract"))
    left = list(box.messages[:-2])
    for session in (at, play.at(900)):
        at = session
        for _ in range(thief.draws.between(6, 9)):
            at += 2 * MINUTE + thief.draws.below(MINUTE)
            taken = thief.draws.between(2, 8)
            thief.read(at, box, client, left[:taken], "owa")
            del left[:taken]
    # No record says what the list of results showed.
    play.truth.access(box.owner.smtp, AUDITED, at).complete_record = False
    at += MINUTE
    thief.add(at, audit_records.rule_made(at, thief.number(), box, client, ".", _DROP))
    play.truth.forwarding.append(ForwardingTruth(box.owner.smtp, ".", _DROP, iso(at)))
    at += MINUTE
    thief.add(at, audit_records.rules_changed(at, thief.number(), box, client, "..", "Forward"))
    play.truth.forwarding.append(ForwardingTruth(box.owner.smtp, "..", _DROP, iso(at)))
    at += MINUTE
    own = f"<{thief.draws.hexadecimal(24)}@corp.example>"
    mail = Message(own, "Unknown", "\\Drafts", "New bank account", thief.draws.between(5_000, 40_000))
    thief.add(at, audit_records.sent(at, thief.number(), box, client, mail))
    play.truth.mail_sent.append(SentMailTruth(box.owner.smtp, "orders@example.org", own, iso(at), mail.size))
    at += MINUTE
    thief.add(at, audit_records.deleted_for_good(at, thief.number(), box, client, box.messages[-2:]))


def _copy_folders(play: Play, thief: CloudThief, box: CloudMailbox) -> None:
    """Outlook keeps a copy of two folders; a day or more later it fetches what is new, which is nothing."""
    client = thief.client(_SECOND, "Client=MSExchangeRPC", cloud_use.OFFICE_APP, "OUTLOOK.EXE", "16.0.4266.1001")
    for thousandths, first in ((840, True), (910, False)):
        at = play.at(thousandths)
        for path in (INBOX, SENT_ITEMS):
            at += 20 * SECOND
            thief.add(at, audit_records.synchronised(at, thief.number(), box, client, path))
            thief.note(at, box, client, box.folder(path) if first else (), "mapi", counted=False)


def _unrecorded(use: Use, throttled: CloudMailbox, stopped: int) -> bool:
    """For a day nobody's reading of a throttled mailbox is recorded."""
    return use.mailbox == throttled.owner.smtp and bool(use.protocol) and stopped < use.at < stopped + DAY


def _read_until_throttled(play: Play, thief: CloudThief, box: CloudMailbox) -> int:
    """So many single messages in a day that the service stops recording, at what is returned; the reading goes on."""
    client = thief.client(_FIRST, "Client=WebServices;ExchangeServicesClient/15.00.0913.015;", cloud_use.OFFICE_APP)
    at, draws = play.at(880), thief.draws
    for begin in range(0, _THROTTLED_AFTER, _IN_A_RECORD):
        thief.read(at, box, client, box.messages[begin : begin + _IN_A_RECORD], "ews")
        at += 90 * SECOND + draws.below(20 * SECOND)
    last = box.messages[_THROTTLED_AFTER : _THROTTLED_AFTER + 3]
    thief.add(at, audit_records.bound(at, thief.number(), box, client, last, throttled=True))
    unrecorded = box.messages[_THROTTLED_AFTER + 3 : _THROTTLED_AFTER + draws.between(150, 400)]
    thief.note(at, box, client, (*last, *unrecorded), "ews", counted=False)
    return at


def _read_with_an_application(play: Play, thief: CloudThief, box: CloudMailbox) -> None:
    """An application that the account let in reads from an address of its own."""
    signed_in = thief.client(_FIRST, f"Client=OWA;{_BROWSER};", cloud_use.WEBMAIL_APP)
    app_id = thief.draws.guid()
    client = thief.client(_THIRD, "Client=REST;Client=RESTSystem;;", app_id)
    at = play.at(850)
    thief.add(at, audit_records.logged_in(at, thief.number(), box, signed_in, _BROWSER))
    at += MINUTE
    thief.add(at, audit_records.consented(at, thief.number(), box, signed_in, app_id, "Mail Backup Helper"))
    play.truth.note_actor(_FIRST, (), (), (app_id,))
    play.truth.note_actor(_THIRD, (APP_ID,), (), (app_id,))
    left = list(box.messages)
    for thousandths in (855, 915):
        at = play.at(thousandths)
        for _ in range(3):
            at += 2 * MINUTE
            taken = thief.draws.between(8, 15)
            thief.read(at, box, client, left[:taken], "rest")
            del left[:taken]


def _export(play: Play, records: Sequence[Record], of_users: set[str]) -> None:
    """Two exports: of the first users whose passwords were changed, as CSV, and later of everybody, as JSON lines."""
    chosen = [record for record in records if record["UserId"] in of_users]
    for path, data, count in (
        (CSV_PATH, audit_exports.search_unified_audit_log(chosen), len(chosen)),
        (JSON_PATH, audit_exports.json_lines(records), len(records)),
    ):
        if play.site.tree.write_file(AUDIT_EXPORTS, path, data):
            play.truth.audit_logs[path] = count
