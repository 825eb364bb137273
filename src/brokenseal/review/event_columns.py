"""What the timeline shows and searches of each kind of event: address, account, mailbox, the telling fields as one text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from brokenseal.events.engine import sql_name
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.subject_logs import PRIVATE_FIELDS
from brokenseal.parsers.file_listing import TABLE as FILE_LISTING
from brokenseal.parsers.windows_event import TABLE as WINDOWS_EVENT

#: Characters of an event that the timeline has at hand; the event's own page has all of them.
SHOWN = 1500
#: So many of them stand in a row of a table.
IN_A_ROW = 320
#: So many are searched: those of an event that has more stand in a column of their own, which is empty for most.
SEARCHED = 1 << 16
#: Characters of a text that is looked for. What follows the shown ones begins so much earlier: no text is lost between.
LONGEST_SOUGHT = 300
MORE_FROM = SHOWN - LONGEST_SOUGHT + 2

_NOTHING = "NULL::VARCHAR"


@dataclass(frozen=True, slots=True)
class EventColumns:
    """SQL expressions over a kind's table. ``text``: columns in the order in which they are read."""

    text: tuple[str, ...]
    ip: str = _NOTHING
    account: str = _NOTHING
    mailbox: str = _NOTHING

    @property
    def ip_sql(self) -> str:
        """The address in one spelling: lower case, without zone, IPv4 as such; null for what means nobody."""
        spelled = (
            f"lower(regexp_replace(regexp_replace({self.ip}, '^::[fF]{{4}}:([0-9.]+)$', '\\1'), '%.*$', ''))"
            if self.ip != _NOTHING
            else _NOTHING
        )
        return f"nullif(nullif({spelled}, ''), '-')"

    @property
    def text_sql(self) -> str:
        return f"left({self._whole}, {SHOWN})"

    @property
    def more_sql(self) -> str:
        """What is searched beside :attr:`text_sql`; null where that has all."""
        return f"CASE WHEN length({self._whole}) > {SHOWN} THEN substr({self._whole}, {MORE_FROM}, {SEARCHED}) END"

    @property
    def _whole(self) -> str:
        return f"concat_ws(' ', {', '.join(f'{column}::VARCHAR' for column in self.text)})"

    @property
    def account_sql(self) -> str:
        return f"nullif(nullif(left({self.account}, 200), ''), '-')"

    @property
    def mailbox_sql(self) -> str:
        return f"nullif(left({self.mailbox}, 200), '')"


def _columns(*names: str) -> tuple[str, ...]:
    return tuple(sql_name(name) for name in names)


def _data(name: str) -> str:
    return f"json_extract_string(Data, '/{name}')"


_KINDS: dict[str, EventColumns] = {
    "iis": EventColumns(
        _columns(
            "cs-method", "cs-uri-stem", "cs-uri-query", "sc-status", "sc-bytes", "cs-username", "cs-user-agent",
            "cs-host", "cs-referer", "s-port",
        ),
        # The back end's site sees the front end, not the client.
        ip='CASE WHEN "s-port" IN (81, 444) THEN NULL ELSE "c-ip" END',
        account='"cs-username"',
    ),
    "httpproxy": EventColumns(
        _columns(
            "Method", "UrlStem", "UrlQuery", "HttpStatus", "ResponseBytes", "AnchorMailbox", "AuthenticatedUser",
            "UserAgent", "BackEndCookie", "ErrorCode", "RoutingHint", "TargetServer", "RequestId", "GenericErrors",
        ),
        ip="ClientIpAddress",
        account="AuthenticatedUser",
        # 'SMTP~anna@corp.example' names a mailbox; 'ServerInfo~...' sends the request to a server.
        mailbox="CASE WHEN AnchorMailbox NOT ILIKE 'ServerInfo~%' THEN regexp_replace(AnchorMailbox, '^[A-Za-z]+~', '') END",
    ),
    "ecp_server": EventColumns(_columns("EventId", "Cmdlet", "Parameters", "URL", "REQID", "EX", "EventData")),
    "ews": EventColumns(
        _columns(
            "SoapAction", "HttpStatus", "ResponseSize", "ActAsUser", "ImpersonatedUser", "AuthenticatedUser",
            "UserAgent", "ErrorCode", "RequestId", "GenericInfo", "GenericErrors",
        ),
        account="AuthenticatedUser",
        mailbox="coalesce(ActAsUser, ImpersonatedUser, ProxyAsUser)",
    ),
    "mapi": EventColumns(
        _columns(
            "RequestType", "HttpStatusCode", "AuthenticatedUser", "MailboxId", "ActAsUserEmail", "ClientSoftware",
            "ClientMode", "OperationSpecific", "RequestId", "GenericErrors",
        ),
        ip="ClientIP",
        account="AuthenticatedUser",
        mailbox="coalesce(ActAsUserEmail, MailboxId)",
    ),
    "cmdlet": EventColumns(
        _columns("Cmdlet", "Parameters", "AuthenticatedUser", "ClientApplication", "ProcessName", "GenericErrors"),
        account="AuthenticatedUser",
    ),
    "oab_generator": EventColumns(_columns("Message", "Path")),
    "message_tracking": EventColumns(
        _columns(
            "event-id", "source", "sender-address", "recipient-address", "message-subject", "total-bytes",
            "connector-id", "message-id", "source-context",
        ),
        ip='coalesce("original-client-ip", "client-ip")',
        account='"sender-address"',
        mailbox='"recipient-address"',
    ),
    "mail_audit": EventColumns(
        _columns("Operation", "Mailbox", "User", "LogonType", "Client", "AppId", "Result", "Folders", "Parameters"),
        ip="ClientIP",
        account='"User"',
        mailbox="Mailbox",
    ),
    WINDOWS_EVENT: EventColumns(
        (*_columns("Channel", "Provider_Name", "EventID"), _data("CommandLine"), _data("TargetFilename"), "Data",
         "Message"),
        ip=f"coalesce({_data('IpAddress')}, {_data('SourceIp')}, {_data('ClientAddress')})",
        account=f"coalesce({_data('TargetUserName')}, {_data('User')}, {_data('SubjectUserName')})",
    ),
    WEB_FILE: EventColumns(_columns("path", "content", "size", "sha256", "oddity_text", "why")),
    FILE_LISTING: EventColumns(_columns("path", "attributes", "size", "owner", "sha256", "deleted")),
}  # fmt: skip


def shown_kinds() -> tuple[str, ...]:
    """The kinds that the timeline shows, sorted: all but the directory, whose rows are people."""
    return tuple(sorted(_KINDS))


def columns_of(kind: str, *, subjects: bool) -> EventColumns:
    """What is shown of a kind; without *subjects* nothing that tells of single messages.

    Raises KeyError for a kind that the timeline does not show.
    """
    columns = _KINDS[kind]
    private = {sql_name(name) for name in PRIVATE_FIELDS.get(kind, ())}
    if subjects or not private:
        return columns
    return replace(
        columns,
        text=tuple(name for name in columns.text if name not in private),
        account=_NOTHING if columns.account in private else columns.account,
        mailbox=_NOTHING if columns.mailbox in private else columns.mailbox,
    )
