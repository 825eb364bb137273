"""One request of a client, written into every log that a real server writes it into.

A request through the front end leaves a HttpProxy row and a row of IIS's site 1, which carries the HttpProxy row's
RequestId as ``cafeReqId``; sent on to a back end it also leaves a row of that server's site 2, on port 444.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brokenseal.simulate import ews_rows, httpproxy_rows, iis_rows, mapi_rows
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import EWS, HTTPPROXY, IIS_BACK_END, IIS_FRONT_END, MAPI, EvidenceTree
from brokenseal.simulate.host_processes import Host
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.iis_rows import BACK_END_PORT, IisRow
from brokenseal.simulate.mail_forwards import Forwards
from brokenseal.simulate.normal_use import NormalUse
from brokenseal.simulate.organisation import DOMAIN, PUBLIC_HOST, Organisation, Server, User

OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13530; Pro)"


@dataclass(frozen=True, slots=True)
class Site:
    """The organisation, the tree that its logs go to, and what runs on its servers (by their names)."""

    organisation: Organisation
    tree: EvidenceTree
    hosts: Mapping[str, Host]
    normal_use: NormalUse = field(default_factory=NormalUse)
    forwards: Forwards = field(default_factory=Forwards)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a mailbox, where it is not its owner at the own PC: from which address, under which account."""

    ip: str
    account: str
    smtp: str


def through_front_end(site: Site, draws: Draws, server: Server, end: int, request: FrontEndRequest) -> str:
    """Write a request that ended at ``end`` on front end ``server``; its RequestId."""
    request_id = draws.guid()
    build = site.organisation.build_at(end)
    site.tree.add(
        server,
        HTTPPROXY[request.protocol],
        end,
        httpproxy_rows.row(end, request_id, server, build, request),
    )
    query = f"{request.query}&CorrelationID=<empty>;&cafeReqId={request_id};"
    front = IisRow(
        end=end,
        server_ip=server.ip,
        method=request.method,
        stem=request.stem,
        query=query,
        client_ip=request.client_ip,
        agent=request.agent,
        account=request.account,
        status=request.status,
        took=request.took,
    )
    site.tree.add(server, IIS_FRONT_END, end, iis_rows.row(front))
    site.normal_use.note(end, request)
    if request.target is not None and request.back_stem:
        at_back_end = end - min(2, request.took)
        back = IisRow(
            end=at_back_end,
            server_ip=request.target.ip,
            method=request.method,
            stem=request.back_stem,
            query=request.back_query,
            port=BACK_END_PORT,
            client_ip=server.ip,
            agent=request.agent,
            account=request.back_account or request.account,
            status=request.status,
            took=max(request.took - 3, 0),
        )
        site.tree.add(request.target, IIS_BACK_END, at_back_end, iis_rows.row(back))
    return request_id


def front_end_only(site: Site, server: Server, request: IisRow) -> None:
    """Write a request to something outside Exchange's own folders: only IIS sees it."""
    site.tree.add(server, IIS_FRONT_END, request.end, iis_rows.row(request))


def ews_call(
    site: Site,
    draws: Draws,
    server: Server,
    end: int,
    user: User,
    agent: str,
    action: str,
    ids: int,
    *,
    caller: Caller | None = None,
) -> FrontEndRequest:
    """An EWS call for a user's mailbox, by its owner if no ``caller`` is said, through a front end to its server.

    Under another account than the owner's it is a call with ExchangeImpersonation.
    """
    by = caller or Caller(user.pc_ip, user.account, user.smtp)
    own = by.account == user.account
    took = draws.between(9, 180)
    reading = action in {"GetItem", "GetAttachment"}
    request = FrontEndRequest(
        protocol="Ews",
        stem="/EWS/Exchange.asmx",
        host=PUBLIC_HOST,
        client_ip=by.ip,
        agent=agent,
        method="POST",
        authentication="Negotiate",
        account=by.account,
        anchor=f"Sid~{user.sid}" if own else f"SMTP:{user.smtp}",
        took=took,
        request_bytes=draws.between(600, 1900),
        response_bytes=ids * draws.between(4_000, 60_000) if reading else draws.between(900, 14_000),
        target=user.home,
        hint="WindowsIdentity" if own else "AnchorMailboxHeader-SMTP",
        sticky=True,
        back_stem="/EWS/Exchange.asmx",
    )
    request_id = through_front_end(site, draws, server, end, request)
    call = ews_rows.EwsCall(
        action=action,
        user=by.smtp,
        effective=user.smtp,
        agent=agent,
        client_ip=by.ip,
        front_end=server.fqdn,
        cookie=draws.hexadecimal(32),
        correlation=draws.guid(),
        ids=ids,
        request_size=request.request_bytes,
        took=max(took - 4, 1),
    )
    row = ews_rows.row(end - 2, request_id, user.home, site.organisation.build_at(end - 2), call)
    site.tree.add(user.home, EWS, end - 2, row)
    return request


def mapi_call(
    site: Site,
    draws: Draws,
    server: Server,
    end: int,
    user: User,
    session: str,
    request_type: str,
    *,
    took: int,
    ip: str = "",
    agent: str = OUTLOOK,
) -> FrontEndRequest:
    """One of Outlook's own requests, through a front end to the server of the user's mailbox; from the user's PC if no
    address is said."""
    client_ip = ip or user.pc_ip
    client_request_id = f"R:{session}:1;RT:{request_type};CI:{session}:1;CID:{draws.guid()}"
    request = FrontEndRequest(
        protocol="Mapi",
        stem="/mapi/emsmdb/",
        host=PUBLIC_HOST,
        query=f"MailboxId={user.mailbox}@{DOMAIN}",
        client_ip=client_ip,
        agent=agent,
        method="POST",
        authentication="Negotiate",
        account=user.account,
        organization=DOMAIN,
        anchor=f"MailboxGuid~{user.mailbox}",
        client_request_id=client_request_id,
        took=took,
        request_bytes=draws.between(250, 900),
        response_bytes=draws.between(300, 26_000) if request_type == "Execute" else draws.between(90, 450),
        target=user.home,
        hint="MailboxGuidWithDomain",
        sticky=request_type != "Connect",
        back_stem="/mapi/emsmdb/",
        back_query=f"MailboxId={user.mailbox}@{DOMAIN}",
    )
    request_id = through_front_end(site, draws, server, end, request)
    call = mapi_rows.MapiCall(
        request_type=request_type,
        smtp=user.smtp,
        account=user.account,
        mailbox=user.mailbox,
        client_ip=client_ip,
        front_end=server.fqdn,
        session=session,
        client_request_id=client_request_id,
        took=max(took - 3, 1),
    )
    row = mapi_rows.row(end - 1, request_id, user.home, site.organisation.build_at(end - 1), call)
    site.tree.add(user.home, MAPI, end - 1, row)
    return request
