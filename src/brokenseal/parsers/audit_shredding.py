"""Take audit records apart in the embedded engine: a block of them at a time, whichever log they come from.

A record arrives as JSON with the names that Microsoft documents for the Management Activity API, or with those of Exchange's
own logs; what an export put around it (its row or outer object) fills what the record itself does not say.

References:
    https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
    https://learn.microsoft.com/en-us/purview/audit-log-investigate-accounts
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_codes import LOGON_TYPES, RECORD_TYPES
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.windows_event import query
from brokenseal.parsers.winevent_sql import Stage, staged

Paths = Mapping[str, tuple[str, ...]]

_SENT_AS = ("$.SendAsUserSmtp", "$.SendOnBehalfOfUserSmtp")
#: What a record says → where it stands, the best place first.
_INNER: Paths = {
    "time": ("$.CreationTime", "$.LastAccessed", "$.RunDate"),
    "operation": ("$.Operation", "$.Cmdlet", "$.CmdletName"),
    "workload": ("$.Workload",),
    "record_type": ("$.RecordType",),
    "record_id": ("$.Id", "$.Identity"),
    "mailbox": ("$.MailboxOwnerUPN", "$.Owner", "$.MailboxResolvedOwnerName"),
    "mailbox_guid": ("$.MailboxGuid",),
    "mailbox_sid": ("$.MailboxOwnerSid",),
    "user": ("$.UserId", "$.LogonUserDisplayName", "$.LogonUserDN", "$.Caller", "$.LogonUserSid"),
    "user_sid": ("$.LogonUserSid",),
    "logon_type": ("$.LogonType",),
    "external": ("$.ExternalAccess",),
    "app": ("$.AppId", "$.ClientAppId", "$.ApplicationId"),
    "address": ("$.ClientIPAddress", "$.ClientIP", "$.ActorIpAddress"),
    "agent": ("$.ClientInfoString", "$.UserAgent"),
    "program": ("$.ClientProcessName",),
    "version": ("$.ClientVersion",),
    "session": ("$.SessionId", "$.AppAccessContext.AADSessionId"),
    "access": ("$.MailAccessType",),
    "throttled": ("$.IsThrottled",),
    "count": ("$.OperationCount", "$.AuditOperationsCountInAggregatedRecord"),
    "target": ("$.ObjectId", "$.ObjectModified", "$.DestFolder.Path", "$.DestFolderPathName", *_SENT_AS),
    "searched": ("$.QueryText", "$.SearchQuery", "$.QueryString", "$.Query"),
    "result": ("$.ResultStatus", "$.OperationResult", "$.Succeeded"),
    "folders": ("$.Folders", "$.AggregatedRecordFoldersData"),
    "affected": ("$.AffectedItems", "$.SourceItems"),
    "item": ("$.Item",),
    "source_folders": ("$.SourceFolders",),
    "folder": ("$.FolderPathName", "$.Folder.Path"),
    "item_folder": ("$.Item.ParentFolder.Path", "$.ParentFolder.Path"),
    "folder_names": ("$.SourceItemFolderPathNamesList",),
    "message_id": ("$.ItemInternetMessageId", "$.InternetMessageId"),
    "message_ids": ("$.SourceItemInternetMessageIdsList",),
    "item_id": ("$.ItemId",),
    "item_ids": ("$.SourceItemIdsList",),
    "subject": ("$.ItemSubject", "$.SourceItemSubjectsList"),
    "given": ("$.Parameters", "$.CmdletParameters"),
    "properties": ("$.OperationProperties",),
    "extended": ("$.ExtendedProperties",),
    "device": ("$.DeviceProperties",),
    "modified": ("$.ModifiedProperties",),
    "member": ("$.Item.ParentFolder.MemberUpn", "$.Item.ParentFolder.MemberSid"),
    "rights": ("$.Item.ParentFolder.MemberRights",),
}
#: The same for what an export puts around a record.
_OUTER: Paths = {
    "time": ("$.CreationTime",),
    "exported": ("$.CreationDate", "$.createdDateTime"),
    "operation": ("$.Operation", "$.Operations", "$.operation"),
    "workload": ("$.Workload", "$.service"),
    "record_type": ("$.RecordType", "$.auditLogRecordType"),
    "record_id": ("$.RecordId", "$.Identity", "$.id"),
    "user": ("$.UserIds[0]", "$.UserIds", "$.UserId", "$.userPrincipalName", "$.userId"),
    "address": ("$.clientIp", "$.ClientIP"),
    "target": ("$.objectId", "$.ObjectId"),
}
_TEXTS = tuple(dict.fromkeys([*_INNER, *_OUTER]))
_LISTS = ("folders", "affected", "item", "source_folders", "given", "properties", "extended", "device", "modified")

#: Of a message named in a record, in the order in which ``e`` has them.
_OF_ITEM = "['$.InternetMessageId', '$.Id', '$.SizeInBytes', '$.Subject', '$.ParentFolder.Path', '$.FolderPathName']"


def _named(pairs: str, name: str) -> str:
    found = f"list_filter({pairs}, lambda x: json_extract_string(x, '$.Name') = '{name}')"
    return f"nullif(json_extract_string({found}[1], '$.Value'), '')"


def _in_text(name: str) -> str:
    """A property where the list of them is no JSON but text (``MailAccessType:Bind``)."""
    return f"nullif(regexp_extract(CASE WHEN properties_ IS NULL THEN properties END, '{name}\\W+([A-Za-z]+)', 1), '')"


def _distinct(values: str) -> str:
    """The different texts of a list, sorted, null if there are none; the same however often and in which order they came."""
    return f"nullif(list_sort(list_distinct({values})), [])"


def _if_given(given: str, value: str) -> str:
    """*value*, worked out only for the records that have what it is made of: few have."""
    return f"CASE WHEN {given} THEN {value} END"


def _elements(of: str, path: str) -> str:
    return f"coalesce(json_extract({of}, '{path}'), [])"


_ONLY_IDS = "list_filter(list_concat([item_id], string_split_regex(item_ids, '[,;|\\s]+')), lambda x: x <> '')"

#: From the texts of a record to the columns that need several steps.
_STAGES: tuple[Stage, ...] = (
    # What stands as text in a cell may be JSON; nothing but lists and objects is.
    {
        f"{name}_": f"CASE WHEN json_valid({name}) AND {name}[1] IN ('[', '{{') THEN CAST({name} AS JSON) END"
        for name in _LISTS
    },
    {
        "named_": f"{_elements('folders_', '$[*].FolderItems[*]')} || {_elements('affected_', '$[*]')}",
        # The item of an operation on a folder is the folder; a message has an id of its own, or a subject.
        "own_": "CASE WHEN json_exists(item_, '$.InternetMessageId') OR json_exists(item_, '$.Subject') THEN [item_] "
        "ELSE [] END",
        "properties_list": _elements("properties_", "$[*]"),
        "extended_list": f"{_elements('extended_', '$[*]')} || {_elements('device_', '$[*]')}",
        "given_list": _elements("given_", "$[*]"),
    },
    {
        "e": _if_given(
            "len(named_) + len(own_) > 0",
            f"list_transform(named_ || own_, lambda x: json_extract_string(x, {_OF_ITEM}))",
        ),
        "in_texts": _if_given(
            "message_id <> '' OR message_ids <> ''",
            "regexp_extract_all(concat_ws(' ', message_id, message_ids), '<[^<>]+>')",
        ),
    },
    {"of_items": "list_transform(e, lambda x: nullif(x[1], ''))"},
    {"ids": _distinct("list_concat(of_items, in_texts)")},
    {
        "things": "CASE WHEN len(e) = list_count(of_items) OR e IS NULL THEN ids ELSE "
        + _distinct("list_concat(list_transform(e, lambda x: coalesce(nullif(x[1], ''), nullif(x[2], ''))), in_texts)")
        + " END",
        "only_ids": _if_given(
            "item_id <> '' OR item_ids <> ''",
            _distinct(_ONLY_IDS),
        ),
        "bare_ids": _distinct(
            "list_concat("
            + _if_given(
                "len(e) <> list_count(of_items)",
                "list_transform(list_filter(e, lambda x: nullif(x[1], '') IS NULL), lambda x: nullif(x[2], ''))",
            )
            + ", "
            + _if_given("ids IS NULL AND (item_id <> '' OR item_ids <> '')", _ONLY_IDS)
            + ")"
        ),
        "sizes": _if_given(
            "len(e) > 0",
            "list_sort(list_distinct(list_transform("
            "list_filter(e, lambda x: TRY_CAST(x[3] AS BIGINT) >= 0 AND coalesce(x[1], x[2]) <> ''), "
            "lambda x: [coalesce(nullif(x[1], ''), x[2]), x[3]])))",
        ),
        "subjects": _distinct("list_concat(list_transform(e, lambda x: nullif(x[4], '')), [subject])"),
        "paths": _distinct(
            "list_concat([folder, item_folder], "
            f"list_transform({_elements('folders_', '$[*]')}, lambda x: nullif(json_extract_string(x, '$.Path'), '')), "
            + _if_given(
                "source_folders_ IS NOT NULL",
                "list_transform(json_extract(source_folders_, '$[*]'), lambda x: nullif(coalesce("
                "json_extract_string(x, '$.Path'), "
                "json_extract_string(x, '$.FolderPathName'), json_extract_string(x, '$.PathName')), ''))",
            )
            + ", "
            + _if_given(
                "affected_ IS NOT NULL OR len(own_) > 0",
                "list_transform(e, lambda x: nullif(coalesce(x[5], x[6]), ''))",
            )
            + ", "
            + _if_given(
                "folder_names <> ''",
                "string_split_regex(regexp_replace(folder_names, '[,;|] *\\\\', chr(10) || '\\\\', 'g'), '\\n')",
            )
            + ")"
        ),
        "bytes": "list_sum(list_transform(e, lambda x: TRY_CAST(x[3] AS BIGINT)))",
        "access_type": f"coalesce(access, {_named('properties_list', 'MailAccessType')}, {_in_text('MailAccessType')})",
        "is_throttled": f"lower(coalesce(throttled, {_named('properties_list', 'IsThrottled')}, {_in_text('IsThrottled')}))",
        "in_session": f"coalesce(session, {_named('extended_list', 'SessionId')})",
        "by_agent": f"coalesce(agent, {_named('extended_list', 'UserAgent')})",
        "rule": f"coalesce({_named('properties_list', 'RuleName')}, {_named('given_list', 'Name')})",
        "pairs": "list_transform(list_filter(given_list || properties_list || extended_list, "
        "lambda x: json_extract_string(x, '$.Name') <> ''), lambda x: CAST(json_extract(x, '$.Name') AS VARCHAR) || ':' "
        "|| coalesce(CAST(json_extract(x, '$.Value') AS VARCHAR), 'null'))",
        "others": "list_filter(["
        + ", ".join(
            f"CASE WHEN {name}_ IS NULL OR json_type({name}_) = 'OBJECT' THEN '\"{key}\":' "
            f"|| coalesce(CAST({name}_ AS VARCHAR), CAST(to_json({name}) AS VARCHAR)) END"
            for name, key in (("given", "Parameters"), ("properties", "OperationProperties"))
        )
        + ", "
        + ", ".join(
            f"'\"{key}\":' || CAST(to_json({name}) AS VARCHAR)"
            for name, key in (("member", "Member"), ("rights", "MemberRights"))
        )
        + ", '\"ModifiedProperties\":' || coalesce(CAST(modified_ AS VARCHAR), CAST(to_json(modified) AS VARCHAR))], "
        "lambda x: x IS NOT NULL)",
        "address_": "regexp_replace(regexp_replace(address, '^\\[([^\\]]+)\\](?::[0-9]+)?$', '\\1'), "
        "'^([0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+):[0-9]+$', '\\1')",
        "logon": "CASE "
        + " ".join(f"WHEN lower(logon_type) = '{code}' THEN '{word}'" for code, word in LOGON_TYPES.items())
        + " WHEN logon_type <> '-1' THEN lower(logon_type) END",
    },
)
_KEY = ("coalesce(mailbox_guid, mailbox)", "user", "logon", "address_", "by_agent", "app", "in_session", "access_type")

_COLUMNS = {
    "time": "time",
    "exported": "exported",
    "Operation": "operation",
    "Workload": "workload",
    "RecordType": "record_type",
    "RecordId": "record_id",
    "Mailbox": "mailbox",
    "MailboxGuid": "lower(mailbox_guid)",
    "MailboxSid": "mailbox_sid",
    "User": '"user"',
    "UserSid": """coalesce(user_sid, CASE WHEN "user" LIKE 'S-1-%' THEN "user" END)""",
    "LogonType": "logon",
    "ExternalAccess": "lower(external)",
    "AppId": "app",
    "ClientIP": "address_",
    "Agent": "by_agent",
    "Client": "nullif(concat_ws(' ', program, version), '')",
    "SessionId": "in_session",
    "AccessType": "access_type",
    "Throttled": "CASE WHEN is_throttled IN ('true', 'false') THEN is_throttled END",
    "Folders": "CAST(to_json(paths) AS VARCHAR)",
    "Items": "CAST(coalesce(len(things), len(only_ids), CASE WHEN subject <> '' THEN 1 END) AS BIGINT)",
    "MessageIds": "CAST(to_json(ids) AS VARCHAR)",
    "ItemIds": "CAST(to_json(bare_ids) AS VARCHAR)",
    "Sizes": "CASE WHEN len(sizes) > 0 THEN CAST(to_json(sizes) AS VARCHAR) END",
    "ItemBytes": "CASE WHEN bytes BETWEEN 0 AND 9223372036854775807 THEN CAST(bytes AS BIGINT) END",
    "OperationCount": "TRY_CAST(count AS BIGINT)",
    "Subjects": "CAST(to_json(subjects) AS VARCHAR)",
    "Target": "coalesce(target, rule)",
    "Parameters": "CASE WHEN len(pairs) + len(others) > 0 THEN '{' || array_to_string(pairs || others, ',') || '}' END",
    "Query": "searched",
    "Result": "result",
    "Duplicate": "CASE WHEN operation = 'MailItemsAccessed' AND coalesce(paths, things, only_ids) IS NOT NULL THEN md5("
    + " || chr(31) || ".join(f"coalesce(lower({each}), '')" for each in (_KEY[0], '"user"', *_KEY[2:]))
    + " || chr(31) || coalesce(CAST(to_json(paths) AS VARCHAR), '')"
    " || chr(31) || coalesce(CAST(to_json(coalesce(things, only_ids)) AS VARCHAR), '')) ELSE record_id END",
}


def audit_columns(records: pa.ChunkedArray, around: pa.ChunkedArray | None = None) -> pa.Table:
    """The table's columns for *records* (JSON objects as text, null where there is none), and their times as text.

    ``time`` is the record's own, ``exported`` that of the export. *around*: the export's own objects. Raises QueryError.
    """
    outer = as_chunked(pa.nulls(len(records), pa.string())) if around is None else around
    table = query(pa.table({"a": records, "o": outer}), _sql())
    place = table.schema.get_field_index("RecordType")
    return table.set_column(place, "RecordType", _type_names(table.column("RecordType")))


def _type_names(types: pa.ChunkedArray) -> pa.ChunkedArray:
    known = pc.index_in(types.combine_chunks(), pa.array(RECORD_TYPES, pa.string()))
    # Graph begins the names with a small letter.
    names = pc.replace_substring_regex(types, r"^sharePoint", "SharePoint")
    for small, capital in (("exchange", "Exchange"), ("azureActive", "AzureActive"), ("microsoft", "Microsoft")):
        names = pc.replace_substring_regex(names, f"^{small}", capital)
    return as_chunked(pc.coalesce(pa.array(RECORD_TYPES.values()).take(known), names))


@cache
def _sql() -> str:
    inner = {path: at for at, path in enumerate(dict.fromkeys(p for paths in _INNER.values() for p in paths), start=1)}
    outer = {path: at for at, path in enumerate(dict.fromkeys(p for paths in _OUTER.values() for p in paths), start=1)}

    def text(name: str) -> str:
        places = [f"nullif(s[{inner[path]}], '')" for path in _INNER.get(name, ())]
        places += [f"nullif(t[{outer[path]}], '')" for path in _OUTER.get(name, ())]
        return f"coalesce({', '.join(places)}, NULL)"

    taken = (
        f"(SELECT json_extract_string(a, [{_listed(inner)}]) AS s, json_extract_string(o, [{_listed(outer)}]) AS t "
        "FROM records)"
    )
    relation = staged(taken, ({f'"{name}"': text(name) for name in _TEXTS}, *_STAGES))
    return f"SELECT {', '.join(f'{sql} AS {chr(34)}{name}{chr(34)}' for name, sql in _COLUMNS.items())} FROM {relation}"


def _listed(paths: Mapping[str, int]) -> str:
    return ", ".join(f"'{path}'" for path in paths)
