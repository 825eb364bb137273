"""One parser a log format: blocks of lines in, a declared Arrow table, rejects and warnings out."""

from brokenseal.parsers.base import Batch, Parsed, Parser, Reject, Settings, identify, kinds, parser_for, tables
from brokenseal.parsers.cmdlet import Cmdlet
from brokenseal.parsers.dir_listing import DirListing
from brokenseal.parsers.ecp_server import EcpServer
from brokenseal.parsers.evtx import Evtx
from brokenseal.parsers.ews import Ews
from brokenseal.parsers.file_listing_csv import FileListingCsv
from brokenseal.parsers.file_listing_json import FileListingJson
from brokenseal.parsers.httpproxy import HttpProxy
from brokenseal.parsers.iis import Iis
from brokenseal.parsers.ldif import Ldif
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.mailbox_audit_xml import MailboxAuditXml
from brokenseal.parsers.mailbox_list_csv import MailboxListCsv
from brokenseal.parsers.mapi import Mapi
from brokenseal.parsers.message_tracking import MessageTracking
from brokenseal.parsers.mft import Mft
from brokenseal.parsers.mftecmd_csv import MftecmdCsv
from brokenseal.parsers.oab_generator import OabGenerator
from brokenseal.parsers.unified_audit_csv import UnifiedAuditCsv
from brokenseal.parsers.unified_audit_json import UnifiedAuditJson
from brokenseal.parsers.winevent_csv import WineventCsv
from brokenseal.parsers.winevent_json import WineventJson

__all__ = [
    "Batch",
    "Cmdlet",
    "DirListing",
    "EcpServer",
    "Evtx",
    "Ews",
    "FileListingCsv",
    "FileListingJson",
    "HttpProxy",
    "Iis",
    "Ldif",
    "MailboxAuditCsv",
    "MailboxAuditXml",
    "MailboxListCsv",
    "Mapi",
    "MessageTracking",
    "Mft",
    "MftecmdCsv",
    "OabGenerator",
    "Parsed",
    "Parser",
    "Reject",
    "Settings",
    "UnifiedAuditCsv",
    "UnifiedAuditJson",
    "WineventCsv",
    "WineventJson",
    "identify",
    "kinds",
    "parser_for",
    "tables",
]
