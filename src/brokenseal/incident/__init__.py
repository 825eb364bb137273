"""From matched events to the answer: intrusions, web shells, the mailbox ledger, coverage, verdicts, and one document."""
