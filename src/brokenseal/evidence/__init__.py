"""What was given as evidence: every file and archive member in it, where it was on its server, and how to read it.

``collect`` walks the inputs and returns an ``Inventory``: files that can be opened (read-only, uncompressed, in one
pass) and refusals, each with its reason. Nothing here interprets content beyond recognising archives, and nothing is
ever written, unpacked under its own name, or followed out of the folders that were given; ``refuse_output_inside``
keeps results out of them.
"""

from brokenseal.evidence.archive_limits import ArchiveLimits
from brokenseal.evidence.inventory import EvidenceFile, Inventory, Refusal, collect
from brokenseal.evidence.output_guard import refuse_output_inside

__all__ = ["ArchiveLimits", "EvidenceFile", "Inventory", "Refusal", "collect", "refuse_output_inside"]
