"""Log rows of mail read over EWS through CVE-2021-26855: no shell, no file, no process.

Each call is one POST to a static file of Outlook on the web that the front end sent on to a back end's EWS, in the
victim's name. Front end and back end row carry the same RequestId.

References:
    exchange-evidence.md 2.5 and 6.
"""

from __future__ import annotations

from brokenseal.simulate import ews_rows
from brokenseal.simulate.evidence_tree import EWS
from brokenseal.simulate.organisation import Server, User
from brokenseal.simulate.ssrf import CVE, Intruder

LOGON_STYLE = "/owa/auth/Current/themes/resources/logon.css"
OTHER_STATIC_FILES = (
    "/owa/auth/Current/themes/resources/owafont_ja.css",
    "/owa/auth/Current/themes/resources/lgnbotl.gif",
)
_TARGET = "/EWS/Exchange.asmx?#"
STAGE = "mail_read"


def read_mailbox(intruder: Intruder, at: int, front: Server, victim: User, stem: str, reads: int) -> int:
    """One FindItem and ``reads`` GetItem calls, the first ending at ``at``; when the last one ended.

    It lasts less than ``reads`` times four seconds.
    """
    intruder.truth.cves[CVE] = "succeeded"
    intruder.truth.note_stage(STAGE)
    draws = intruder.draws
    cookie = draws.hexadecimal(32)
    _call(intruder, at, front, victim, stem, cookie, "FindItem", 1, draws.between(18_000, 90_000))
    for _ in range(reads):
        at += draws.between(900, 3_900)
        ids = draws.between(1, 10)
        # One in eight has attachments worth megabytes.
        size = draws.between(300_000, 4_000_000) if draws.chance(12) else draws.between(6_000, 90_000)
        _call(intruder, at, front, victim, stem, cookie, "GetItem", ids, ids * size)
    return at


def _call(
    intruder: Intruder,
    at: int,
    front: Server,
    victim: User,
    stem: str,
    cookie: str,
    action: str,
    ids: int,
    size: int,
) -> None:
    draws, back = intruder.draws, victim.home
    took = draws.between(60, 300) + size // 20_000
    request_bytes = draws.between(1_900, 2_600)
    request_id = intruder.forged(
        at, front, stem, _TARGET, back=back, took=took, request_bytes=request_bytes, response_bytes=size
    )
    call = ews_rows.EwsCall(
        action=action,
        user=front.machine_account,
        effective=victim.smtp,
        act_as=victim.smtp,
        agent=intruder.agent,
        client_ip=intruder.ip,
        front_end=front.fqdn,
        cookie=cookie,
        correlation=draws.guid(),
        ids=ids,
        request_size=request_bytes,
        took=took - 5,
    )
    row = ews_rows.row(at - 3, request_id, back, intruder.site.organisation.build_at(at - 3), call)
    intruder.site.tree.add(back, EWS, at - 3, row)
    items = ids if action == "GetItem" else 0
    intruder.truth.note_mail(victim.smtp, back.name, front.name, at, items=items, size=size)
