"""Mails: written to an outbox with what causes them, sent by whichever replica finds them."""

from jiucom.mail.outbox import Outbox, enqueue

__all__ = ["Outbox", "enqueue"]
