"""What all audit records of mail have in common: the table they make, whatever kept the record and whatever exported it.

Exchange's mailbox and administrator audit logs and the unified audit log of Microsoft 365 say the same of an access: who,
whose mailbox, from where, with what, which folders and messages. Records of other services in a unified log (SharePoint,
Teams, sign-ins) are rows of the table too.

References:
    https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
    https://learn.microsoft.com/en-us/purview/audit-log-investigate-accounts
    https://learn.microsoft.com/en-us/exchange/policy-and-compliance/mailbox-audit-logging/mailbox-audit-logging
"""

from __future__ import annotations

from brokenseal.parsers.base import Parser
from brokenseal.parsers.columns import Cell, Column

TABLE = "mail_audit"


class MailAuditParser(Parser):
    """Base of the parsers of audit records of mail: one table for all formats."""

    table = TABLE
    columns = (
        Column("Operation", "what was done, e.g. MailItemsAccessed, FolderBind, New-InboxRule"),
        Column("Workload", "the service, e.g. Exchange"),
        Column("RecordType", "kind of the record, by its name (ExchangeItemAggregated) where that is known"),
        Column("RecordId", "the record's own id"),
        Column("Mailbox", "owner of the mailbox: UPN, else the name as logged"),
        Column("MailboxGuid", "ExchangeGuid of the mailbox, lower case"),
        Column("MailboxSid", "SID of the mailbox's owner"),
        Column("User", "who did it, as logged: UPN, display name, DN or SID"),
        Column("UserSid", "SID of who did it"),
        Column("ExternalAccess", "'true' if somebody outside of the organization did it, else 'false'"),
        Column("AppId", "application that was used (AppId, else ClientAppId)"),
        Column("Agent", "client as it named itself (ClientInfoString or user agent)"),
        Column("SessionId", "session, where the record names one"),
        Column("OperationCount", "how many operations the record stands for", Cell.INT64),
        Column("Query", "what was searched for"),
        Column("Result", "as logged, e.g. Succeeded, PartiallySucceeded, Failed, True"),
    )
    derived = (
        Column("LogonType", "owner, admin, delegate, transport, system, best access or delegated admin"),
        Column("ClientIP", "address of the client, without port and brackets"),
        Column("Client", "program and version, e.g. OUTLOOK.EXE 16.0.4266.1001"),
        Column("AccessType", "of MailItemsAccessed: Bind (single messages) or Sync (whatever is in the folder)"),
        Column(
            "Throttled", "'true' if the mailbox's accesses were no longer recorded from here on, 'false' if they were"
        ),
        Column("Folders", "JSON list of the paths of the folders named, sorted"),
        Column("Items", "how many different messages the record names; null if it names none", Cell.INT64),
        Column("MessageIds", "JSON list of the InternetMessageIds named, sorted"),
        Column(
            "ItemIds",
            "JSON list of the ids, in the mailbox alone, of messages that have no InternetMessageId in the record, sorted",
        ),
        Column(
            "Sizes",
            "JSON list of [id, bytes] of the messages named whose size is given (InternetMessageId, else ItemId)",
        ),
        Column("ItemBytes", "bytes of the messages named, as far as their sizes are given", Cell.INT64),
        Column("Subjects", "JSON list of the subjects named (private)"),
        Column("Target", "what was changed: object, folder moved to, or rule"),
        Column(
            "Parameters",
            "JSON object of what the operation was given, by name; ModifiedProperties is a list within it, as logged",
        ),
        Column(
            "Duplicate",
            "equal in records that, within an hour, are one and the same: of MailItemsAccessed those that agree in mailbox, "
            "user, logon type, address, agent, application, session, kind of access, folders and messages; else RecordId",
        ),
    )
