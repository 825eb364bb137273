"""Records of Microsoft 365's unified audit log, by the documented schema: what mailboxes, accounts and files show.

Each function makes one record as its JSON object; ``at`` in milliseconds, addresses as the service logs them.

References:
    https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
    https://learn.microsoft.com/en-us/purview/audit-log-investigate-accounts
    exchange-evidence.md 2.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.cloud_mailboxes import CloudMailbox, Message, folder_id
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.organisation import DOMAIN

Value = str | int | bool | None | Sequence["Value"] | dict[str, "Value"]
Record = dict[str, Value]

_ORGANIZATION = Draws("tenant", DOMAIN).guid()
_ADMIN, _ITEM, _ITEM_GROUP, _SHAREPOINT_FILE, _DIRECTORY, _LOGON, _TEAMS, _AGGREGATED = 1, 2, 3, 6, 8, 15, 25, 50
_SEARCH = 169
_OWNER, _DELEGATE = 0, 2


@dataclass(frozen=True, slots=True)
class Client:
    """A program at an address: ``info`` as mailboxes log it, ``process`` and ``version`` where it is Outlook."""

    ip: str
    info: str
    app_id: str
    session: str
    process: str = ""
    version: str = ""


def _record(at: int, number: str, operation: str, kind: int, workload: str, user: str, key: str) -> Record:
    return {
        "CreationTime": iso(at)[:19],
        "Id": number,
        "Operation": operation,
        "OrganizationId": _ORGANIZATION,
        "RecordType": kind,
        "ResultStatus": "Succeeded",
        "UserKey": key,
        "UserType": 0,
        "Version": 1,
        "Workload": workload,
        "UserId": user,
    }


def _of_mailbox(
    at: int, number: str, operation: str, kind: int, box: CloudMailbox, client: Client, by: CloudMailbox | None
) -> Record:
    """``by``: whose name the client has signed in with; the owner's if None."""
    who = by or box
    record = _record(at, number, operation, kind, "Exchange", who.owner.smtp, who.puid)
    record |= {
        "AppId": client.app_id,
        "ClientAppId": client.app_id,
        "ClientIPAddress": client.ip,
        "ClientInfoString": client.info,
        "ExternalAccess": False,
        "InternalLogonType": 0,
        "LogonType": _DELEGATE if by is not None else _OWNER,
        "LogonUserSid": who.owner.sid,
        "MailboxGuid": box.owner.mailbox,
        "MailboxOwnerSid": box.owner.sid,
        "MailboxOwnerUPN": box.owner.smtp,
        "OrganizationName": DOMAIN,
        "OriginatingServer": "AM0PR01MB0001 (15.20.3890.020)\r\n",
        "SessionId": client.session,
    }
    if client.process:
        record |= {"ClientProcessName": client.process, "ClientVersion": client.version}
    return record


def _access(kind: str, *, throttled: bool) -> list[Value]:
    return [{"Name": "MailAccessType", "Value": kind}, {"Name": "IsThrottled", "Value": str(throttled)}]


def bound(
    at: int,
    number: str,
    box: CloudMailbox,
    client: Client,
    messages: Sequence[Message],
    *,
    by: CloudMailbox | None = None,
    throttled: bool = False,
) -> Record:
    """MailItemsAccessed of single messages: those of some two minutes in one record."""
    record = _of_mailbox(at, number, "MailItemsAccessed", _AGGREGATED, box, client, by)
    folders: list[Value] = []
    for path in dict.fromkeys(message.folder for message in messages):
        items: list[Value] = [
            {"Id": message.item_id, "InternetMessageId": message.message_id, "SizeInBytes": message.size}
            for message in messages
            if message.folder == path
        ]
        folders.append({"FolderItems": items, "Id": folder_id(box.owner.mailbox, path), "Path": path})
    record |= {
        "OperationProperties": _access("Bind", throttled=throttled),
        "Folders": folders,
        "OperationCount": len(messages),
    }
    return record


def synchronised(at: int, number: str, box: CloudMailbox, client: Client, path: str) -> Record:
    """MailItemsAccessed of a folder that a client keeps a copy of: nothing is said of messages."""
    record = _of_mailbox(at, number, "MailItemsAccessed", _AGGREGATED, box, client, None)
    identity = folder_id(box.owner.mailbox, path)
    folder: Value = {"Id": identity, "Name": path.rpartition("\\")[2], "Path": path}
    record |= {
        "OperationProperties": _access("Sync", throttled=False),
        "Item": {"Id": identity, "ParentFolder": folder},
        "OperationCount": 1,
    }
    return record


def sent(at: int, number: str, box: CloudMailbox, client: Client, message: Message) -> Record:
    record = _of_mailbox(at, number, "Send", _ITEM, box, client, None)
    record["Item"] = {
        "Id": "Unknown",
        "InternetMessageId": message.message_id,
        "ParentFolder": {"Id": folder_id(box.owner.mailbox, "\\Drafts"), "Name": "Drafts", "Path": "\\Drafts"},
        "SizeInBytes": message.size,
        "Subject": message.subject,
    }
    return record


def deleted_for_good(at: int, number: str, box: CloudMailbox, client: Client, messages: Sequence[Message]) -> Record:
    record = _of_mailbox(at, number, "HardDelete", _ITEM_GROUP, box, client, None)
    items: list[Value] = [
        {
            "Id": message.item_id,
            "InternetMessageId": message.message_id,
            "ParentFolder": {"Id": folder_id(box.owner.mailbox, message.folder), "Path": message.folder},
            "Subject": message.subject,
        }
        for message in messages
    ]
    record |= {
        "AffectedItems": items,
        "CrossMailboxOperation": False,
        "Folder": {"Id": folder_id(box.owner.mailbox, messages[0].folder), "Path": messages[0].folder},
    }
    return record


def rule_made(at: int, number: str, box: CloudMailbox, client: Client, name: str, to: str) -> Record:
    """New-InboxRule, by Outlook on the web or PowerShell: it is logged as a cmdlet."""
    record = _record(at, number, "New-InboxRule", _ADMIN, "Exchange", box.owner.smtp, box.puid)
    record |= {
        "ResultStatus": "True",
        "ClientIP": f"{client.ip}:{_port(number)}",
        "ExternalAccess": False,
        "ObjectId": f"{DOMAIN}/Users/{box.owner.alias}\\{name}",
        "OrganizationName": DOMAIN,
        "Parameters": [{"Name": "Name", "Value": name}, {"Name": "ForwardTo", "Value": to}],
        "SessionId": client.session,
    }
    return record


def rules_changed(at: int, number: str, box: CloudMailbox, client: Client, name: str, action: str) -> Record:
    """UpdateInboxRules: what Outlook or a program over MAPI or EWS did to the rules."""
    record = _of_mailbox(at, number, "UpdateInboxRules", _ITEM, box, client, None)
    record["OperationProperties"] = [
        {"Name": "RuleOperation", "Value": "AddMailboxRule"},
        {"Name": "RuleState", "Value": "Enabled"},
        {"Name": "RuleName", "Value": name},
        {"Name": "RuleActions", "Value": action},
    ]
    return record


def searched(at: int, number: str, box: CloudMailbox, client: Client, query: str) -> Record:
    record = _record(at, number, "SearchQueryInitiatedExchange", _SEARCH, "Exchange", box.owner.smtp, box.puid)
    return record | {"ClientIP": client.ip, "QueryText": query, "QuerySource": "OWA", "ScenarioName": "owa.react"}


def consented(at: int, number: str, box: CloudMailbox, client: Client, app_id: str, name: str) -> Record:
    """The owner's account lets an application read its mail."""
    record = _record(
        at, number, "Consent to application.", _DIRECTORY, "AzureActiveDirectory", box.owner.smtp, box.puid
    )
    return record | {
        "ResultStatus": "Success",
        "ActorIpAddress": client.ip,
        "ObjectId": app_id,
        "Target": [{"ID": app_id, "Type": 2}, {"ID": name, "Type": 1}],
        "ModifiedProperties": [
            {"Name": "ConsentAction.Permissions", "OldValue": "", "NewValue": "Scope: Mail.Read offline_access"}
        ],
    }


def logged_in(at: int, number: str, box: CloudMailbox, client: Client, agent: str) -> Record:
    record = _record(at, number, "UserLoggedIn", _LOGON, "AzureActiveDirectory", box.owner.smtp, box.puid)
    return record | {
        "ResultStatus": "Success",
        "ActorIpAddress": client.ip,
        "ApplicationId": client.app_id,
        "ClientIP": client.ip,
        "ExtendedProperties": [{"Name": "UserAgent", "Value": agent}, {"Name": "RequestType", "Value": "OAuth2:Token"}],
        "ObjectId": client.app_id,
    }


def file_opened(at: int, number: str, box: CloudMailbox, client: Client, name: str) -> Record:
    record = _record(at, number, "FileAccessed", _SHAREPOINT_FILE, "SharePoint", box.owner.smtp, box.puid)
    site = "https://corp-example.sharepoint.example/sites/all"
    return record | {"ClientIP": client.ip, "ObjectId": f"{site}/Documents/{name}", "SiteUrl": f"{site}/"}


def chatted(at: int, number: str, box: CloudMailbox) -> Record:
    record = _record(at, number, "MessageSent", _TEAMS, "MicrosoftTeams", box.owner.smtp, box.puid)
    return record | {"CommunicationType": "OneOnOne"}


def _port(number: str) -> int:
    return 49_152 + int(number[:4], 16) % 16_000
