"""How a mail leaves: by SMTP, or in development as a line of the log."""

import logging
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from jiucom.mail.letters import Letter
from jiucom.settings import Settings
from jiucom.telemetry import tracing

log = logging.getLogger(__name__)

_TIMEOUT = 10.0
# Encrypted from the first byte (RFC 8314).
_SUBMISSIONS = 465


class MailRefusedError(Exception):
    """The server will not take this mail, however often it is asked."""


def possible(settings: Settings) -> bool:
    """Whether mails have anywhere to go."""
    return bool(settings.mail_host) or settings.mail_to_log


async def send(settings: Settings, recipient: str, letter: Letter, message_id: str) -> None:
    """Hand the mail over. Raises MailRefusedError; what else it raises is worth another try (OSError, SMTPException).

    `message_id` is the same when the same mail is sent again, so that mailboxes can tell.
    """
    if not settings.mail_host:
        # The settings allow it in development only: whoever reads this can set passwords.
        log.info("mail to %s: %s\n%s", recipient, letter.subject, letter.text)
        return
    span = tracing.child("smtp send", server_address=settings.mail_host, server_port=settings.mail_port)
    try:
        await aiosmtplib.send(
            _message(settings, recipient, letter, message_id),
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


def _message(settings: Settings, recipient: str, letter: Letter, message_id: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = recipient
    # Users' texts may be in it, and a header ends with its line.
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{message_id}@{settings.mail_from.rpartition('@')[2]}>"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
