"""Which audit records are an intruder's, and whose mailbox each is of.

    actor_audit(… mail_audit, box, ip, intrusion, reads, rank, time_ms)   records of intruders, repeats left out

``box`` is the mailbox as one name: the owner's, also where a record has only the mailbox's GUID and another one has both.
"""

from __future__ import annotations

from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.event_sql import client_sql

#: Operations that show mail or its folders to whoever does them.
SEARCHES = ("searchqueryinitiated", "searchqueryinitiatedexchange")
READING = ("mailitemsaccessed", "messagebind", "folderbind", "copy", *SEARCHES)
#: What an operation that did not happen has as its result.
_FAILED = ("failed", "failure", "false")
_HOUR_MS = 3_600_000
#: SQL: the operation of a record *e* is one of reading.
READS = f"lower(e.Operation) IN ({sql_texts(READING)})"
#: SQL: the mailbox of a record *e*, beside which :data:`OWNERS` is joined.
BOX = 'lower(coalesce(e.Mailbox, o.name, e.MailboxGuid, e.MailboxSid, e."User"))'
OWNERS = "LEFT JOIN audit_owners o ON o.guid = lower(e.MailboxGuid)"


def build_actor_audit(store: EventStore, events: str) -> None:
    """Make the tables ``audit_owners`` and ``actor_audit``. Needs ``actors``. *events*: the relation of audit records."""
    engine = store.engine
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE audit_owners AS SELECT lower(MailboxGuid) AS guid, min(lower(Mailbox)) AS name "
        f"FROM {events} WHERE MailboxGuid IS NOT NULL AND Mailbox IS NOT NULL GROUP BY 1 "
        "HAVING count(DISTINCT lower(Mailbox)) = 1"
    )
    ip = client_sql("e.ClientIP")
    agent = "concat_ws(' ', e.Agent, e.AppId, e.Client)"
    # Records of one export may share a line, so line numbers do not tell them apart.
    same = "coalesce(Duplicate, RecordId, concat_ws(' ', source_id, line, time, MessageIds, Folders, Target, Agent))"
    engine.execute(
        "CREATE OR REPLACE TABLE actor_audit AS WITH mine AS (SELECT e.*, (SELECT min(a.number) FROM "
        f"{ACTORS} a WHERE {of_actor_sql(ip, agent, 'epoch_ms(e.time)')}) AS number, epoch_ms(e.time) AS time_ms, "
        f"{ip} AS ip, {BOX} AS box, r.rank, "
        f"{READS} AND coalesce(lower(e.Result), '') NOT IN ({sql_texts(_FAILED)}) AS reads "
        f"FROM {events} e JOIN source_ranks r ON r.source_id = e.source_id {OWNERS}) "
        f"SELECT mine.*, a.intrusion FROM mine JOIN (SELECT number, intrusion FROM {ACTORS}) a USING (number) "
        # The first of records that are one and the same; exports that overlap repeat them as well.
        f"QUALIFY coalesce(time_ms - lag(time_ms) OVER (PARTITION BY a.intrusion, box, Operation, {same} "
        f"ORDER BY time, rank, line) > {_HOUR_MS}, true)"
    )
