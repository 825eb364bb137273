"""What owners of mailboxes in the cloud, and a colleague with access, do there: records beside those of an intruder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from brokenseal.simulate import audit_records
from brokenseal.simulate.audit_records import Client, Record
from brokenseal.simulate.clock import MINUTE, SECOND
from brokenseal.simulate.cloud_mailboxes import INBOX, CloudMailbox
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.mail_truth import AUDITED, NormalUseTruth, logged
from brokenseal.simulate.play import Play
from brokenseal.simulate.truth import Truth

WEBMAIL_APP = "00000002-0000-0ff1-ce00-000000000000"
OFFICE_APP = "d3590ed6-52b3-4102-aeff-aad2292ab01c"
_PHONE_APP = "27922004-5251-4030-b22d-91ecd9a37ea4"
# By which everybody in the office is known outside.
OFFICE_ADDRESS = "198.51.100.9"
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:85.0) Gecko/20100101 Firefox/85.0"
_FILES = ("Plan 2021.xlsx", "Minutes.docx", "Größen.xlsx")
# In thousandths of the range: from before the break-in to the end.
_FROM, _TO, _STEP = 760, 990, 10


class Use(NamedTuple):
    """A record of normal use at ``at`` (ms); ``protocol`` is empty where it is not of reading. ``size`` in bytes."""

    at: int
    record: Record
    mailbox: str
    protocol: str = ""
    ip: str = ""
    size: int = 0


def normal_use(play: Play, boxes: Sequence[CloudMailbox]) -> list[Use]:
    """Records of all owners around the time of the attack; the last one has access to the first one's mailbox too."""
    uses = []
    for box in boxes:
        draws = Draws(play.seed, "cloud use", box.owner.alias)
        for thousandths in range(_FROM, _TO, _STEP):
            at = play.start + play.length * thousandths // 1000 + MINUTE + draws.below(MINUTE)
            # Mail is read at least every other time; the rest is what else people do.
            uses += _owner(draws, at, box, draws.below(10) if thousandths // _STEP % 2 else draws.below(8))
            if box is boxes[-1] and draws.chance(40):
                uses.append(_messages(draws, at + 15 * SECOND, boxes[0], _webmail(draws), "owa", by=box))
    return uses


def note(truth: Truth, uses: Sequence[Use]) -> None:
    """Add up, for each mailbox that audit records show to be read, what others read in the same time."""
    for access in truth.mail_access:
        if access.access == AUDITED:
            normal = NormalUseTruth(access.mailbox, AUDITED)
            for use in uses:
                if (
                    use.mailbox == access.mailbox
                    and use.protocol
                    and access.first <= logged(AUDITED, use.at) <= access.last
                ):
                    normal.add(use.protocol, use.ip, use.size)
            truth.normal_use.append(normal)


def _owner(draws: Draws, at: int, box: CloudMailbox, kind: int) -> list[Use]:
    client, number, owner = _webmail(draws), draws.guid(), box.owner.smtp
    if kind < 4:
        return [_messages(draws, at, box, client, "owa")]
    if kind < 7:
        phone = Client(box.owner.phone_ip, "Client=OutlookService;Outlook-iOS/2.0;", _PHONE_APP, draws.guid())
        return [_messages(draws, at, box, phone, "rest")]
    if kind == 7:
        outlook = Client(
            OFFICE_ADDRESS, "Client=MSExchangeRPC", OFFICE_APP, draws.guid(), "OUTLOOK.EXE", "16.0.13530.20316"
        )
        new = sum(draws.pick(box.messages).size for _ in range(3))
        record = audit_records.synchronised(at, number, box, outlook, INBOX)
        return [Use(at, record, owner, "mapi", OFFICE_ADDRESS, new)]
    if kind == 8:
        return [
            Use(at, audit_records.logged_in(at, number, box, client, _BROWSER), owner),
            Use(
                at + SECOND, audit_records.sent(at + SECOND, draws.guid(), box, client, draws.pick(box.messages)), owner
            ),
        ]
    return [
        Use(at, audit_records.file_opened(at, number, box, client, draws.pick(_FILES)), owner),
        Use(at + SECOND, audit_records.chatted(at + SECOND, draws.guid(), box), owner),
        Use(
            at + 2 * SECOND,
            audit_records.rules_changed(at + 2 * SECOND, draws.guid(), box, client, "News", "Move"),
            owner,
        ),
    ]


def _webmail(draws: Draws) -> Client:
    return Client(OFFICE_ADDRESS, f"Client=OWA;{_BROWSER};", WEBMAIL_APP, draws.guid())


def _messages(
    draws: Draws, at: int, box: CloudMailbox, client: Client, protocol: str, *, by: CloudMailbox | None = None
) -> Use:
    first = draws.below(len(box.messages) - 5)
    messages = box.messages[first : first + draws.between(1, 5)]
    record = audit_records.bound(at, draws.guid(), box, client, messages, by=by)
    return Use(at, record, box.owner.smtp, protocol, client.ip, sum(message.size for message in messages))
