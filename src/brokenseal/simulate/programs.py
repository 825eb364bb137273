"""The programs that run on the simulated servers, with what Sysmon reads from their files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

INSTALL = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"
_WINDOWS = ("Microsoft® Windows® Operating System", "Microsoft Corporation", "10.0.14393.0 (rs1_release.160715-1616)")
_DOTNET = ("Microsoft® .NET Framework", "Microsoft Corporation", "4.7.3770.0 built by: NET472REL1LAST")
_EXCHANGE = ("Microsoft® Exchange", "Microsoft Corporation", "15.01.2106.002")
_FRAMEWORK = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319"
TEMPORARY_PAGES = f"{_FRAMEWORK}\\Temporary ASP.NET Files"


class Program(NamedTuple):
    """An executable file: where it lies, and its version resource."""

    path: str
    description: str
    original_name: str
    product: str
    company: str
    version: str


def _windows(path: str, description: str, original_name: str = "") -> Program:
    return Program(f"C:\\Windows\\{path}", description, original_name or path.rpartition("\\")[2], *_WINDOWS)


def _exchange(path: str) -> Program:
    name = path.rpartition("\\")[2]
    return Program(f"{INSTALL}\\{path}", name.removesuffix(".exe"), name, *_EXCHANGE)


WININIT = _windows("System32\\wininit.exe", "Windows Start-Up Application", "WinInit.exe")
SERVICES = _windows("System32\\services.exe", "Services and Controller app")
LSASS = _windows("System32\\lsass.exe", "Local Security Authority Process")
SVCHOST = _windows("System32\\svchost.exe", "Host Process for Windows Services")
W3WP = _windows("System32\\inetsrv\\w3wp.exe", "IIS Worker Process")
SYSMON = Program(
    "C:\\Windows\\Sysmon64.exe",
    "System activity monitor",
    "Sysinternals Sysmon",
    "Sysinternals Sysmon",
    "Sysinternals - www.sysinternals.com",
    "13.02",
)
HEALTH_MANAGER = _exchange("Bin\\MSExchangeHMHost.exe")
HEALTH_WORKER = _exchange("Bin\\MSExchangeHMWorker.exe")
REPLICATION = _exchange("Bin\\MSExchangeMailboxReplication.exe")
UNIFIED_MESSAGING = _exchange("Bin\\umservice.exe")
UNIFIED_MESSAGING_WORKER = _exchange("Bin\\UMWorkerProcess.exe")
EXPLORER = _windows("explorer.exe", "Windows Explorer", "EXPLORER.EXE")
USERINIT = _windows("System32\\userinit.exe", "Userinit Logon Application", "USERINIT.EXE")
POWERSHELL = _windows("System32\\WindowsPowerShell\\v1.0\\powershell.exe", "Windows PowerShell", "PowerShell.EXE")
CMD = _windows("System32\\cmd.exe", "Windows Command Processor", "Cmd.Exe")
WHOAMI = _windows("System32\\whoami.exe", "whoami - displays logged on user information")
NET = _windows("System32\\net.exe", "Net Command")
TASKLIST = _windows("System32\\tasklist.exe", "Lists the current running tasks")
RUNDLL32 = _windows("System32\\rundll32.exe", "Windows host process (Rundll32)", "RUNDLL32.EXE")
NETSH = _windows("System32\\netsh.exe", "Network Command Shell")
SMSS = _windows("System32\\smss.exe", "Windows Session Manager")
CSC = Program(f"{_FRAMEWORK}\\csc.exe", "Visual C# Command Line Compiler", "csc.exe", *_DOTNET)
CVTRES = Program(
    f"{_FRAMEWORK}\\cvtres.exe", "Microsoft® Resource File To COFF Object Conversion Utility", "CVTRES.EXE", *_DOTNET
)
SEVEN_ZIP = Program("C:\\Program Files\\7-Zip\\7z.exe", "7-Zip Console", "7z.exe", "7-Zip", "Igor Pavlov", "19.00")


@lru_cache(maxsize=512)
def hashes(path: str) -> str:
    """Sysmon's ``Hashes`` of a file that exists nowhere: invented, the same for the same path."""
    return "SHA256=" + hashlib.sha256(path.lower().encode()).hexdigest().upper()
