"""Which logs hold subjects of messages: their lines are private as subjects are."""

#: Kinds (tables) of such logs.
WITH_SUBJECTS = ("mail_audit", "message_tracking")
