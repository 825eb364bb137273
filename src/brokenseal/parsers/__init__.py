"""One parser a log format: blocks of lines in, a declared Arrow table, rejects and warnings out."""

from brokenseal.parsers.base import Parsed, Parser, Reject, Settings, identify, kinds, parser_for
from brokenseal.parsers.cmdlet import Cmdlet
from brokenseal.parsers.ecp_server import EcpServer
from brokenseal.parsers.ews import Ews
from brokenseal.parsers.httpproxy import HttpProxy
from brokenseal.parsers.iis import Iis
from brokenseal.parsers.mapi import Mapi
from brokenseal.parsers.message_tracking import MessageTracking
from brokenseal.parsers.oab_generator import OabGenerator

__all__ = [
    "Cmdlet",
    "EcpServer",
    "Ews",
    "HttpProxy",
    "Iis",
    "Mapi",
    "MessageTracking",
    "OabGenerator",
    "Parsed",
    "Parser",
    "Reject",
    "Settings",
    "identify",
    "kinds",
    "parser_for",
]
