"""Mailboxes that the organisation has in Microsoft 365: their owners and what lies in them."""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.draws import Draws
from brokenseal.simulate.organisation import Organisation, User, found

INBOX, SENT_ITEMS, ARCHIVE = "\\Inbox", "\\Sent Items", "\\Archive\\2020"
FOLDERS = (INBOX, SENT_ITEMS, ARCHIVE)
_SENDERS = ("example.com", "example.org", "news.example.net", "corp.example")
_SUBJECTS = ("Grüße aus Wien", "Offer 4711", "Invoice 2021-0042", "Re: contract, signed", "見積書", "Lunch?")
_ATTACHMENT_PERCENT = 15


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``size`` in bytes."""

    message_id: str
    item_id: str
    folder: str
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class CloudMailbox:
    """A mailbox in Microsoft 365; ``owner`` has no mailbox on the organisation's own servers."""

    owner: User
    puid: str
    messages: tuple[Message, ...]

    def folder(self, path: str) -> tuple[Message, ...]:
        return tuple(message for message in self.messages if message.folder == path)


def folder_id(mailbox: str, path: str) -> str:
    """The id of a folder of the mailbox with this guid."""
    return f"LgAAAA{Draws('folder', mailbox, path).letters_and_digits(34)}AAAB"


def mailboxes(organisation: Organisation, seed: int, sizes: tuple[int, ...]) -> list[CloudMailbox]:
    """A mailbox for each of ``sizes``, with that many messages; whose, depends on the seed and the number of users."""
    known = len(organisation.users)
    people = found(seed, known + len(sizes), len(organisation.servers), None).users[known:]
    return [
        _filled(owner, Draws(seed, "cloud mailbox", owner.alias), size)
        for owner, size in zip(people, sizes, strict=True)
    ]


def _filled(owner: User, draws: Draws, size: int) -> CloudMailbox:
    puid = f"100320{draws.hexadecimal(10).upper()}"
    return CloudMailbox(owner, puid, tuple(_message(draws) for _ in range(size)))


def _message(draws: Draws) -> Message:
    return Message(
        message_id=f"<{draws.hexadecimal(24)}@{draws.pick(_SENDERS)}>",
        item_id=f"RgAAAA{draws.letters_and_digits(30)}AAAJ",
        folder=INBOX if draws.chance(70) else draws.pick((SENT_ITEMS, ARCHIVE)),
        subject=draws.pick(_SUBJECTS),
        size=draws.between(300_000, 5_000_000) if draws.chance(_ATTACHMENT_PERCENT) else draws.between(4_000, 90_000),
    )
