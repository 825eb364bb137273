"""Rows of the back end's EWS log: which SOAP call was made, by whom, in whose name, for how many items.

References:
    exchange-evidence.md 2.5 (header of Exchange 2016; ResponseSize stays empty in all real samples).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.httpproxy_rows import without_commas
from brokenseal.simulate.organisation import DOMAIN, Build, Server

FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Ring,ClientRequestId,AuthenticationType,"
    "IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,"
    "SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,ImpersonatedUser,ProxyAsUser,ActAsUser,Cookie,"
    "CorrelationGuid,PrimaryOrProxyServer,TaskType,RemoteBackendCount,LocalMailboxCount,RemoteMailboxCount,LocalIdCount,"
    "RemoteIdCount,BeginBudgetConnections,EndBudgetConnections,BeginBudgetHangingConnections,"
    "EndBudgetHangingConnections,BeginBudgetAD,EndBudgetAD,BeginBudgetCAS,EndBudgetCAS,BeginBudgetRPC,EndBudgetRPC,"
    "BeginBudgetFindCount,EndBudgetFindCount,BeginBudgetSubscriptions,EndBudgetSubscriptions,MDBResource,MDBHealth,"
    "MDBHistoricalLoad,ThrottlingPolicy,ThrottlingDelay,ThrottlingRequestType,TotalDCRequestCount,"
    "TotalDCRequestLatency,TotalMBXRequestCount,TotalMBXRequestLatency,RecipientLookupLatency,ExchangePrincipalLatency,"
    "HttpPipelineLatency,CheckAccessCoreLatency,AuthModuleLatency,CallContextInitLatency,PreExecutionLatency,"
    "CoreExecutionLatency,TotalRequestTime,DetailedExchangePrincipalLatency,ClientStatistics,GenericInfo,"
    "AuthenticationErrors,GenericErrors,Puid,StartTime,ProcessId,TimeInGC,StartTotalMemory,EndTotalMemory,"
    "StartGCCounts,EndGCCounts,TokenBasedThrottlingPolicy,BudgetKey,CoinsCharged,CoinsChargedMethod,SidBudgetInfo,"
    "AppBudgetInfo,TenantBudgetInfo,ResourceAccessed,ResourceHealthBasedThreshold,ThrottledBy,BackoffHint,"
    "WorkClassification"
)
_PROCESS = 9716


@dataclass(slots=True)
class EwsCall:
    """``user`` is who called, ``effective`` whose mailbox was opened (smtp address), ``act_as`` the identity claimed in
    a SOAP header, if any; ``ids`` the number of item ids in the call; ``took`` in milliseconds, size in bytes."""

    action: str
    user: str
    effective: str
    agent: str
    client_ip: str
    front_end: str
    cookie: str
    correlation: str
    ids: int
    act_as: str = ""
    status: int = 200
    request_size: int = 666
    took: int = 17


def row(end: int, request_id: str, server: Server, build: Build, c: EwsCall) -> str:
    own = max(c.took - 3, 0)
    return (
        f"{iso(end)},{request_id},{build.major},{build.minor},{build.build},{build.revision},Unknown,,Negotiate,true,"
        f"{c.user},{DOMAIN},{without_commas(c.agent)},Target=None;Req=Exchange2010_SP1/Exchange2010_SP1;,{c.client_ip},"
        f"{server.name},{c.front_end},{c.action},{c.status},{c.request_size},,,{c.effective},,{c.act_as},{c.cookie},"
        f"{c.correlation},PrimaryServer,LocalTask,0,1,0,{c.ids},0,,,,,,,,,,,,,,,,,,,,[C],0,0,1,0,{own},,1,2,,0,1,{own},"
        f"{c.took},,SoapAction_0={c.action};ResponseTime_0={own};,RequestHandler=Wcf;"
        f"BackEndAuthenticator=WindowsAuthenticator;ADIdentityCache=Miss;S:WLM.BT=Ews;Dbl:WLM.TS={c.took},,,,"
        f"{iso(end - c.took)},{_PROCESS},,137332048,139253608,4038_450_53,4038_450_53,,,,,,,,,,,,"
    )
