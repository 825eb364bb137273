"""Which logs tell of single messages: their lines are private, and so are the fields that say which message it was."""

from __future__ import annotations

#: Kinds (tables) of such logs.
WITH_SUBJECTS = ("mail_audit", "message_tracking")
#: Fields of them that are shown only where subjects were asked for: id, subject, size of a message, who wrote to whom.
PRIVATE_FIELDS = {
    "mail_audit": frozenset(("MessageIds", "Subjects", "ItemBytes", "ItemIds", "Sizes", "Duplicate")),
    "message_tracking": frozenset(
        (
            *(
                "internal-message-id",
                "message-id",
                "network-message-id",
                "message-subject",
                "total-bytes",
                "message-info",
            ),
            *("sender-address", "return-path", "recipient-address", "recipient-status", "recipient-count"),
            *("related-recipient-address", "reference", "source-context", "custom-data"),
        )
    ),
}
