"""Sends a mail by SMTP, or in development writes it to the log."""

import logging
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from jiucom.mail.templates import Content
from jiucom.settings import Settings
from jiucom.telemetry import tracing

log = logging.getLogger(__name__)

_TIMEOUT = 10.0
# Encrypted from the first byte (RFC 8314).
_SUBMISSIONS = 465


class MailRefusedError(Exception):
    """The server refuses this mail permanently (5xx)."""


def possible(settings: Settings) -> bool:
    """Whether mails can be sent."""
    return bool(settings.mail_host) or settings.mail_to_log


async def send(settings: Settings, recipient: str, content: Content, message_id: str) -> None:
    """Send a mail. Raises MailRefusedError; after other exceptions (OSError, SMTPException) the caller may try again.

    `message_id` is the same when the same mail is sent again, so that mailboxes recognise duplicates.
    """
    if not settings.mail_host:
        # The settings allow this in development only: with the links in it, readers of the log can set passwords.
        log.info("mail to %s: %s\n%s", recipient, content.subject, content.text)
        return
    span = tracing.child("smtp send", server_address=settings.mail_host, server_port=settings.mail_port)
    try:
        await aiosmtplib.send(
            _message(settings, recipient, content, message_id),
            hostname=settings.mail_host,
            port=settings.mail_port,
            username=settings.mail_username or None,
            password=settings.mail_password or None,
            use_tls=settings.mail_port == _SUBMISSIONS,
            start_tls=settings.mail_starttls,
            timeout=_TIMEOUT,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        tracing.finish(span, error)
        if all(refused.code >= 500 for refused in error.recipients):
            raise MailRefusedError(str(error.recipients[0].code)) from error
        raise
    except BaseException as error:
        tracing.finish(span, error)
        raise
    tracing.finish(span)


def _message(settings: Settings, recipient: str, content: Content, message_id: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = recipient
    # It may hold users' texts: no line breaks in a header.
    message["Subject"] = " ".join(content.subject.split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{message_id}@{settings.mail_from.rpartition('@')[2]}>"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    return message
