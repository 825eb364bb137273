"""Cmdlets in the event log ``MSExchange Management``: each cmdlet that was run, without names for its data.

References:
    A public event of Exchange 2016 (27 items); exchange-evidence.md 2.7.
"""

from __future__ import annotations

import re

from brokenseal.simulate.cmdlet_rows import CmdletCall
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evtx_file import Event
from brokenseal.simulate.host_processes import Host
from brokenseal.simulate.organisation import DOMAIN, DOMAIN_CONTROLLER
from brokenseal.simulate.windows_events import CMDLET_SUCCEEDED

REMOTE_SHELL = "Remote-ManagementShell-Unknown"
LOCAL_SHELL = "Local-ManagementShell-Unknown"
CONTROL_PANEL = "ServerRemoteHost-EMC"
_NONE = ("",)
_VALUES = {"$true": "True", "$null": ""}
# In CMD a parameter follows a full stop, and its value may hold full stops of its own: `Set-X.Url='http://a.b/'`.
_PARAMETER = re.compile(r"\.([A-Z][A-Za-z]*)=")


def record_control_panel(host: Host, at: int, command: str, user: str, sid: str, *, is_admin: bool = True) -> None:
    """Write event 1 of a cmdlet that the control panel ran; ``command`` as its own log has it (see ``ecp_rows``)."""
    cmdlet, *parts = _PARAMETER.split(command)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    call = CmdletCall(
        cmdlet=cmdlet,
        parameters=" ".join(f'-{name} "{_VALUES.get(value, value.strip(chr(39)))}"' for name, value in pairs),
        user=user,
        sid=sid,
        unique=f"{at} {command}",
        application="",
        is_admin=is_admin,
        process="w3wp#MSExchangeECPAppPool",
        process_id=host.process("ecp", at).pid,
    )
    record(host, at, call, CONTROL_PANEL)


def record(host: Host, at: int, call: CmdletCall, application: str) -> None:
    """Write event 1 of a cmdlet that ended at ``at``; ``application`` is the host application as the event names it."""
    seconds, fraction = divmod(call.took, 1000)
    scope = (
        f"View Entire Forest: 'False', Default Scope: '{DOMAIN}', Configuration Domain Controller: "
        f"'{DOMAIN_CONTROLLER}', Preferred Global Catalog: '{DOMAIN_CONTROLLER}', Preferred Domain Controllers: "
        f"'{{ {DOMAIN_CONTROLLER} }}'"
    )
    account = call.user.rpartition("\\")[2]
    user = call.user if account.endswith("$") else f"{DOMAIN}/Users/{account}"
    activity = Draws("activity", call.unique).guid()
    items = (
        call.cmdlet,
        call.parameters,
        user,
        call.sid,
        call.sid,
        application,
        f"{call.process_id} {call.process.rstrip('#')}",
        "",
        "85",
        f"00:00:{seconds:02}.{fraction:03}0000",
        scope,
        *_NONE * 6,
        "False",
        "",
        "0 objects execution has been proxied to remote server.",
        "",
        "",
        "0",
        f"ActivityId: {activity}",
        f"ServicePlan:;IsAdmin:{call.is_admin};",
        "",
        "en-US",
    )
    host.write(Event(at, CMDLET_SUCCEEDED, host.computer, items))
