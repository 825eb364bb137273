"""What the numbers in audit records stand for.

References:
    https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
"""

from __future__ import annotations

#: Names of the record types that mail is about or that stand beside it in every unified log; others stay numbers.
RECORD_TYPES = {
    "1": "ExchangeAdmin",
    "2": "ExchangeItem",
    "3": "ExchangeItemGroup",
    "4": "SharePoint",
    "6": "SharePointFileOperation",
    "7": "OneDrive",
    "8": "AzureActiveDirectory",
    "9": "AzureActiveDirectoryAccountLogon",
    "10": "DataCenterSecurityCmdlet",
    "11": "ComplianceDLPSharePoint",
    "13": "ComplianceDLPExchange",
    "14": "SharePointSharingOperation",
    "15": "AzureActiveDirectoryStsLogon",
    "18": "SecurityComplianceCenterEOPCmdlet",
    "20": "PowerBIAudit",
    "24": "Discovery",
    "25": "MicrosoftTeams",
    "28": "ThreatIntelligence",
    "36": "SharePointListOperation",
    "40": "SecurityComplianceAlerts",
    "47": "ThreatIntelligenceAtpContent",
    "50": "ExchangeItemAggregated",
}
#: Codes and words, lower case; a word that is not here is its own name.
LOGON_TYPES = {
    "0": "owner",
    "1": "admin",
    "2": "delegate",
    "3": "transport",
    "4": "system",
    "5": "best access",
    "6": "delegated admin",
    "delegated": "delegate",
    "systemservice": "system",
    "bestaccess": "best access",
    "delegatedadmin": "delegated admin",
}
