"""A real SMTP server, on loopback unless told otherwise."""

import email
import email.policy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from testing.servers import free_port


@dataclass
class Mailbox:
    """Received mails; `answers` are given to the next mails instead of accepting them."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """A mail was received."""
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(
            email.message_from_bytes(envelope.content, _class=EmailMessage, policy=email.policy.default)
        )
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, _: Any) -> str:  # noqa: N802
        """`refused@` is an unknown recipient."""
        if address.startswith("refused"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def to(self, recipient: str) -> list[EmailMessage]:
        """The mails to one address."""
        return [message for message in self.messages if message["To"] == recipient]


def text_of(message: EmailMessage) -> str:
    """The plain text of a mail."""
    part = message.get_body(("plain",))
    return str(part.get_content()) if part else ""


@contextmanager
def mailbox(
    tls: ssl.SSLContext | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
    implicit_tls: ssl.SSLContext | None = None,
) -> Iterator[Mailbox]:
    """A server that takes mails, by STARTTLS with `tls`, encrypted from the start with `implicit_tls`; a free port for 0."""
    box = Mailbox(port or free_port())
    controller = Controller(box, hostname=address, port=box.port, tls_context=tls, ssl_context=implicit_tls)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
