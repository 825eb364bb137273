"""Rows of the CmdletInfra logs: the management cmdlets that were run, with their parameters.

References:
    exchange-evidence.md 2.7 (header of ``Rps Cmdlet Logs``).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.exchange_csv import cell
from brokenseal.simulate.organisation import DOMAIN, DOMAIN_CONTROLLER, Build, Server

FIELDS = (
    "DateTime,StartTime,RequestId,ClientRequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ServerHostName,"
    "ProcessId,ProcessName,ThreadId,CultureInfo,Organization,AuthenticatedUser,ExecutingUserSid,EffectiveOrganization,"
    "UserServicePlan,IsAdmin,ClientApplication,Cmdlet,Parameters,CmdletUniqueId,UserBudgetOnStart,ContributeToFailFast,"
    "RunspaceSettingsCreationHint,ADViewEntireForest,ADRecipientViewRoot,ADConfigurationDomainControllers,"
    "ADPreferredGlobalCatalogs,ADPreferredDomainControllers,ADUserConfigurationDomainController,"
    "ADUserPreferredGlobalCatalog,ADuserPreferredDomainControllers,ThrottlingInfo,DelayInfo,ThrottlingDelay,"
    "IsOutputObjectRedacted,CmdletProxyStage,CmdletProxyRemoteServer,CmdletProxyRemoteServerVersion,CmdletProxyMethod,"
    "ProxiedObjectCount,CmdletProxyLatency,OutputObjectCount,ParameterBinding,BeginProcessing,ProcessRecord,"
    "EndProcessing,StopProcessing,BizLogic,PowerShellLatency,UserInteractionLatency,ProvisioningLayerLatency,"
    "ActivityContextLifeTime,TotalTime,ErrorType,ExecutionResult,CacheHitCount,CacheMissCount,GenericLatency,"
    "GenericInfo,GenericErrors,ObjectGuid,ExternalDirectoryOrganizationId,ExternalDirectoryObjectId,NonPiiParameters"
)
APP_POOL = "w3wp#MSExchangePowerShellAppPool"
APP_POOL_PROCESS = 15756
HEALTH_HOST = "MSExchangeHMWorker"


@dataclass(slots=True)
class CmdletCall:
    """``parameters`` as the log writes them: ``-Name "value" -Name "value"``; ``took`` in milliseconds."""

    cmdlet: str
    parameters: str
    user: str
    sid: str
    unique: str
    application: str
    is_admin: bool
    process: str = APP_POOL
    error_type: str = ""
    took: int = 15
    process_id: int = APP_POOL_PROCESS


def row(end: int, request_id: str, server: Server, build: Build, c: CmdletCall) -> str:
    parameters = cell(c.parameters)
    dc = DOMAIN_CONTROLLER
    return (
        f"{iso(end)},{iso(end - c.took)},{request_id},,{build.major},{build.minor},{build.build},{build.revision},"
        f"{server.name},{c.process_id},{c.process},85,,,{c.user},{c.sid},,,{c.is_admin},{c.application},{c.cmdlet},{parameters},"
        f"{c.unique},,,GCRandomly,False,{DOMAIN},{dc},{dc},{dc},,,,,,,,,,,,0,,,0,6,8,0,,9,,,6,,{c.took},{c.error_type},"
        f"{'Error' if c.error_type else 'Success'},,,Cmd={c.took};,PSSenderInfo={c.user};,,,,,{parameters}"
    )
