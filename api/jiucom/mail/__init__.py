"""Mails: written to an outbox in the transaction that causes them, sent by any replica."""

from jiucom.mail.outbox import Outbox, enqueue

__all__ = ["Outbox", "enqueue"]
