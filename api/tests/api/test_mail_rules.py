"""Recipients and frequency of mails, on a real SMTP server."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from jiucom.errors import ApiError
from jiucom.mail import Outbox, enqueue, outbox
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import Account, bearer, signup
from testing.clients import client_of, started, state_of
from testing.mailbox import Mailbox, mailbox, text_of
from testing.relay import relay
from testing.servers import free_port
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

ALERT = {"partName": "RTX", "currentPrice": 1190000, "targetPrice": 1200000, "partId": 7}
ASKS = {"email-verification": "/auth/email/verify-request", "password-reset": "/auth/password/reset-request"}


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as running:
        yield running


@pytest.fixture
async def sender(state: AppState, changed: Callable[..., Settings], box: Mailbox) -> Outbox:
    """Sends to the box when it is told to; nothing else does here."""
    async with state.db.transaction() as tx:
        await tx.execute("DELETE FROM mail_outbox")
    return Outbox(changed(mail_host="127.0.0.1", mail_port=box.port), state.db, state.clock, state.tracing)


@pytest.fixture
async def account(client: httpx.AsyncClient) -> Account:
    return await signup(client)


@pytest.fixture
def ask(client: httpx.AsyncClient, account: Account) -> Callable[[str], Any]:
    """`await ask("password-reset")`: request that mail."""

    async def request(template: str) -> None:
        path, body = ASKS[template], {"email": account.email}
        assert (await client.post(path, json=body, headers=bearer(account.tokens))).status_code == 200

    return request


async def verified(state: AppState, account: Account) -> None:
    await _set(state, account, "email_verified_at = UTC_TIMESTAMP(6)")


async def _set(state: AppState, account: Account, what: str) -> None:
    async with state.db.transaction() as tx:
        await tx.execute(f"UPDATE users SET {what} WHERE living_email = %s", (account.email,))  # noqa: S608


async def rows(state: AppState, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    async with state.db.read() as session:
        return list(await session.fetch_rows(sql, args))


async def waiting(state: AppState) -> int:
    return len(await rows(state, "SELECT id FROM mail_outbox WHERE sent_at IS NULL"))


async def open_tokens(state: AppState, account: Account) -> int:
    sql = (
        "SELECT account_tokens.id FROM account_tokens JOIN users ON users.id = user_id"
        " WHERE living_email = %s AND used_at IS NULL AND expires_at > UTC_TIMESTAMP(6)"
    )
    return len(await rows(state, sql, account.email))


async def pause(state: AppState, minutes: float) -> None:
    async with state.db.transaction() as tx:
        seconds = round(minutes * 60)
        await tx.execute("UPDATE account_tokens SET created_at = created_at - INTERVAL %s SECOND", (seconds,))
        await tx.execute("UPDATE mail_outbox SET dedup_key = NULL")


# Verified addresses


@pytest.mark.parametrize(
    ("state_of_account", "mails"),
    [
        ("email_verified_at = UTC_TIMESTAMP(6)", 1),
        ("email_verified_at = NULL", 0),
        ("email_verified_at = UTC_TIMESTAMP(6), status = 'SUSPENDED'", 0),
        ("email_verified_at = UTC_TIMESTAMP(6), is_deleted = TRUE", 0),
        ("email_verified_at = UTC_TIMESTAMP(6), email = CONCAT('x', email)", 0),
    ],
)
async def test_news_go_to_verified_addresses_of_active_users(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, state_of_account: str, mails: int
) -> None:
    async with state.db.transaction() as tx:
        await enqueue(tx, account.email, "price-alert", ALERT)
    await _set(state, account, state_of_account)
    await sender.send_due()
    assert len(box.messages) == mails
    # Mails that must not be sent are deleted.
    assert len(await rows(state, "SELECT id FROM mail_outbox")) == mails


@pytest.mark.parametrize(("is_verified", "greeted"), [(False, False), (True, True)])
async def test_a_nickname_stands_in_mails_to_verified_addresses_only(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, ask: Any, is_verified: bool, greeted: bool
) -> None:
    """Thirty characters are room for an address of a web site."""
    if is_verified:
        await verified(state, account)
    await ask("password-reset")
    await sender.send_due()
    (message,) = box.messages
    assert (account.nickname in text_of(message)) is greeted


# How often


@pytest.mark.parametrize("template", ASKS)
async def test_one_mail_however_often_it_is_asked_for(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, ask: Any, template: str
) -> None:
    for _ in range(5):
        await ask(template)
        await sender.send_due()
    assert len(box.messages) == 1
    await pause(state, 4.9)
    await ask(template)
    await sender.send_due()
    assert len(box.messages) == 1
    await pause(state, 0.2)
    await ask(template)
    await sender.send_due()
    assert len(box.messages) == 2
    assert await open_tokens(state, account) == 1
    assert await waiting(state) == 0


@pytest.mark.parametrize("template", ASKS)
async def test_other_spellings_of_the_address_are_the_same_account(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, template: str
) -> None:
    """To the database these characters are nothing."""
    spellings = [account.email, account.email.upper(), "\u0591" + account.email, account.email.replace("@", "\u0640@")]
    async with state.db.transaction() as tx:
        for spelling in spellings:
            await enqueue(tx, spelling, template, {})
    await sender.send_due()
    assert [message["To"] for message in box.messages] == [account.email]


async def test_two_replicas_send_one(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, changed: Callable[..., Settings]
) -> None:
    async with state.db.transaction() as tx:
        for _ in range(10):
            await enqueue(tx, account.email, "password-reset", {})
    other = Outbox(changed(mail_host="127.0.0.1", mail_port=box.port), state.db, state.clock, state.tracing)
    while await waiting(state):
        await asyncio.gather(sender.send_due(), other.send_due())
    assert len(box.messages) == 1
    assert await open_tokens(state, account) == 1


@pytest.mark.parametrize("template", ASKS)
async def test_a_mail_that_failed_is_tried_again(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, ask: Any, template: str
) -> None:
    """Though the first try has made a token: that one is lost with it."""
    box.answers.append("451 try again later")
    await ask(template)
    await sender.send_due()
    assert box.messages == []
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE mail_outbox SET next_attempt_at = UTC_TIMESTAMP(6)")
    await sender.send_due()
    assert len(box.messages) == 1
    assert await open_tokens(state, account) == 1


async def test_mails_to_unknown_addresses_are_deleted(
    client: httpx.AsyncClient, state: AppState, sender: Outbox
) -> None:
    for n in range(3):
        for _ in range(2):
            body = {"email": f"nobody-{n}@example.com"}
            assert (await client.post("/auth/password/reset-request", json=body)).status_code == 200
    assert len(await rows(state, "SELECT id FROM mail_outbox")) == 3
    await sender.send_due()
    assert await rows(state, "SELECT id FROM mail_outbox") == []


async def test_mails_that_waited_for_a_day_are_dropped(
    state: AppState, sender: Outbox, box: Mailbox, account: Account, client: httpx.AsyncClient
) -> None:
    """Mails were switched off; one that was tried goes its way."""
    await verified(state, account)
    async with state.db.transaction() as tx:
        for n in range(3):
            await enqueue(tx, account.email, "price-alert", {**ALERT, "partName": f"부품 {n}"}, f"stale:{n}")
        old = "UPDATE mail_outbox SET created_at = created_at - INTERVAL 25 HOUR, attempts = %s WHERE dedup_key = %s"
        await tx.execute(old, (0, "stale:0"))
        await tx.execute(old, (1, "stale:1"))
    await sender.send_due()
    assert sorted(message["Subject"] for message in box.messages) == [
        "[JIUCOM] 부품 1 가격 알림",
        "[JIUCOM] 부품 2 가격 알림",
    ]


# Logs and tables


@pytest.mark.parametrize("template", ASKS)
async def test_the_text_of_a_mail_server_is_not_stored(
    state: AppState, sender: Outbox, box: Mailbox, ask: Any, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    """It may quote the mail."""
    box.answers.append("451 4.7.1 http://localhost/reset-password#token=quoted is on a list")
    await ask(template)
    with caplog.at_level(logging.DEBUG):
        await sender.send_due()
    ((error,),) = await rows(state, "SELECT last_error FROM mail_outbox")
    assert "451" in error
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("jiucom")]
    assert ours
    assert "quoted" not in error + "".join(ours)


@pytest.mark.parametrize("template", ASKS)
async def test_without_a_server_mails_are_kept_and_not_logged(
    database: Settings, state: AppState, account: Account, ask: Any, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    async with state.db.transaction() as tx:
        await tx.execute("DELETE FROM mail_outbox")
    with caplog.at_level(logging.DEBUG):
        async with started(database) as app:
            await ask(template)
            # Two rounds of an outbox that runs.
            await asyncio.sleep(2.5)
            assert await waiting(state_of(app)) == 1
    assert "MAIL_HOST is empty" in caplog.text
    assert await open_tokens(state, account) == 0
    assert "[JIUCOM]" not in caplog.text


@pytest.mark.parametrize("template", ASKS)
async def test_in_development_mails_go_to_the_log(
    changed: Callable[..., Settings], account: Account, ask: Any, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    with caplog.at_level(logging.INFO, "jiucom.mail.transport"):
        async with started(changed(mail_to_log=True, seed="dev")) as app:
            await ask(template)
            await eventually(lambda: f"mail to {account.email}" in caplog.text)
            assert await open_tokens(state_of(app), account) == 1


# Servers that do not answer


async def test_a_silent_mail_server_ends_the_attempt(
    state: AppState, changed: Callable[..., Settings], account: Account, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_SMTP_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = changed(mail_host="127.0.0.1", mail_port=silent.getsockname()[1])
        async with state.db.transaction() as tx:
            await tx.execute("DELETE FROM mail_outbox")
        await ask("password-reset")
        async with asyncio.timeout(8):
            await Outbox(settings, state.db, state.clock, state.tracing).send_due()
    ((error, attempts),) = await rows(state, "SELECT last_error, attempts FROM mail_outbox")
    assert (error, attempts) == ("TimeoutError: ", 1)


async def test_a_database_that_falls_silent_is_given_up(
    mysql_server: tuple[int, str],
    changed: Callable[..., Settings],
    database: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_PATIENCE", 0.3)
    async with relay(mysql_server[0]) as way:
        settings = changed(db_port=way.port, mail_host="127.0.0.1", mail_port=free_port())
        async with started(settings) as app, client_of(app):
            await state_of(app).outbox.stop()
            way.freeze()
            with pytest.raises(ApiError) as caught:
                async with asyncio.timeout(8):
                    await state_of(app).outbox.send_due()
            assert caught.value.code == "JIUCOM-504"
            way.thaw()
