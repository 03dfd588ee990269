"""Mails: verification, reset, the outbox, on a real SMTP server."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from jiucom.db import WriteSession
from jiucom.mail import Outbox, enqueue
from jiucom.mail.outbox import ATTEMPTS, _claim
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import PASSWORD, Account, bearer, login, profile, refresh, said, signup
from testing.clients import client_of, started, state_of
from testing.collector import collecting
from testing.mailbox import Mailbox, mailbox, text_of
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "another-horse-9"

_MINUTE_LATER = "UPDATE mail_outbox SET next_attempt_at = next_attempt_at - INTERVAL 61 SECOND"


@pytest.fixture
def box() -> Any:
    with mailbox() as running:
        yield running


@pytest.fixture
async def mailing(
    database: Settings, application: object, changed: Callable[..., Settings], box: Mailbox, state: AppState
) -> AsyncIterator[tuple[httpx.AsyncClient, AppState]]:
    """An application that sends mails to the box; the file's own, which would log them, pauses."""
    await state.outbox.stop()
    async with state.db.transaction() as tx:
        await tx.execute("DELETE FROM mail_outbox")
    settings = changed(mail_host="127.0.0.1", mail_port=box.port, public_url="http://jiucom.test/")
    async with started(settings) as app, client_of(app) as client:
        yield client, state_of(app)
    state.outbox.start()


async def _later(state: AppState) -> None:
    """The pause between two mails of a kind has passed."""
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE account_tokens SET created_at = created_at - INTERVAL 5 MINUTE")
        await tx.execute("UPDATE mail_outbox SET dedup_key = NULL")


async def _reader(state: AppState, name: str) -> str:
    """The verified address of a new user."""
    email = f"{name}@example.com"
    async with state.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO users (email, nickname, email_verified_at) VALUES (%s, %s, UTC_TIMESTAMP(6))", (email, name)
        )
    return email


async def _row(state: AppState, recipient: str) -> tuple[Any, ...]:
    async with state.db.read() as session:
        rows = await session.fetch_rows(
            "SELECT attempts, sent_at IS NOT NULL, last_error, next_attempt_at > UTC_TIMESTAMP(6), variables"
            " FROM mail_outbox WHERE recipient = %s",
            (recipient,),
        )
    return rows[0]


async def _code(client: httpx.AsyncClient, box: Mailbox, account: Account) -> str:
    before = len(box.to(account.email))
    response = await client.post("/auth/email/verify-request", headers=bearer(account.tokens))
    assert response.status_code == 200
    await eventually(lambda: len(box.to(account.email)) > before)
    found = re.search(r"^[0-9A-Z]{8}$", text_of(box.to(account.email)[-1]), re.MULTILINE)
    assert found
    return found[0]


async def _verify(client: httpx.AsyncClient, account: Account, code: str) -> httpx.Response:
    return await client.post("/auth/email/verify", json={"code": code}, headers=bearer(account.tokens))


async def _reset_token(client: httpx.AsyncClient, box: Mailbox, email: str) -> str:
    before = len(box.to(email))
    assert (await client.post("/auth/password/reset-request", json={"email": email})).status_code == 200
    await eventually(lambda: len(box.to(email)) > before)
    found = re.search(r"http://jiucom\.test/reset-password#token=(\S+)", text_of(box.to(email)[-1]))
    assert found
    return found[1]


async def _reset(client: httpx.AsyncClient, token: str, password: str = NEW_PASSWORD) -> httpx.Response:
    return await client.post("/auth/password/reset", json={"token": token, "newPassword": password})


# Verification


async def test_verification(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, state = mailing
    account = await signup(client)
    assert (await profile(client, account.tokens)).json()["data"]["emailVerifiedAt"] is None
    code = await _code(client, box, account)
    message = box.to(account.email)[0]
    # An account with a foreign mail address must not be able to send any text to its owner.
    assert account.nickname not in text_of(message)
    assert "10분" in text_of(message)
    assert code not in str((await _row(state, account.email))[4])

    assert said(await _verify(client, account, "WRONGWRO")) == (400, "JIUCOM-401")
    response = await _verify(client, account, code.lower())
    assert response.status_code == 200
    assert "data" not in response.json()
    assert (await profile(client, account.tokens)).json()["data"]["emailVerifiedAt"] is not None
    # Single use.
    again = await _verify(client, account, code)
    assert [error["field"] for error in again.json()["errors"]] == ["code"]
    # And nothing more is sent.
    assert (await client.post("/auth/email/verify-request", headers=bearer(account.tokens))).status_code == 200
    await state.outbox.send_due()
    assert len(box.to(account.email)) == 1


async def test_codes_end_after_few_attempts(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, state = mailing
    account = await signup(client)
    code = await _code(client, box, account)
    for _ in range(5):
        assert (await _verify(client, account, "WRONGWRO")).status_code == 400
    assert (await _verify(client, account, code)).status_code == 400
    await _later(state)
    assert (await _verify(client, account, await _code(client, box, account))).status_code == 200


async def test_codes_are_their_owners(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, state = mailing
    account, other = await signup(client), await signup(client)
    code = await _code(client, box, account)
    assert (await _verify(client, other, code)).status_code == 400
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE account_tokens SET expires_at = UTC_TIMESTAMP(6) WHERE used_at IS NULL")
    assert (await _verify(client, account, code)).status_code == 400


@pytest.mark.parametrize("path", ["/auth/email/verify-request", "/auth/email/verify"])
async def test_verification_needs_a_user(client: httpx.AsyncClient, path: str) -> None:
    assert said(await client.post(path, json={"code": "x"})) == (401, "JIUCOM-A001")


@pytest.mark.parametrize("body", [{}, {"code": " "}, {"code": 1}, {"code": "x" * 21}])
async def test_verify_validates(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    account = await signup(client)
    response = await client.post("/auth/email/verify", json=body, headers=bearer(account.tokens))
    assert said(response) == (400, "JIUCOM-401")


# Reset


async def test_reset(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, state = mailing
    account = await signup(client)
    first = await _reset_token(client, box, account.email)
    await _later(state)
    second = await _reset_token(client, box, account.email)
    async with state.db.read() as session:
        stored = await session.fetch_rows("SELECT token_hash FROM account_tokens")
    assert not any(first in row or second in row for row in stored)

    # The newest works, once, and ends every login.
    for token, status in ((first, 400), (second, 200), (second, 400)):
        assert (await _reset(client, token)).status_code == status
    answer = await _reset(client, second)
    assert [error["field"] for error in answer.json()["errors"]] == ["token"]
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert (await login(client, account.email)).status_code == 401
    assert (await login(client, account.email, NEW_PASSWORD)).status_code == 200


async def test_a_reset_goes_to_the_address_of_the_account(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox
) -> None:
    """Addresses that are equal for the database may be two mailboxes."""
    client, _ = mailing
    account = await signup(client)
    typed = account.email.upper()
    assert (await client.post("/auth/password/reset-request", json={"email": typed})).status_code == 200
    await eventually(lambda: box.messages)
    assert [message["To"] for message in box.messages] == [account.email]


async def test_a_changed_password_ends_resets(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, _ = mailing
    account = await signup(client)
    token = await _reset_token(client, box, account.email)
    body = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert (await client.put("/users/me/password", json=body, headers=bearer(account.tokens))).status_code == 200
    assert (await _reset(client, token, "password-of-a-thief")).status_code == 400


async def test_resets_at_once_count_once(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, _ = mailing
    account = await signup(client)
    token = await _reset_token(client, box, account.email)
    answers = await asyncio.gather(*(_reset(client, token, f"password-{n}-of-many") for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
    assert (await login(client, account.email, f"password-{winner}-of-many")).status_code == 200


async def test_reset_request_does_not_reveal_which_addresses_exist(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox
) -> None:
    client, state = mailing
    account, gone, suspended = await signup(client), await signup(client), await signup(client)
    assert (await client.delete("/users/me", headers=bearer(gone.tokens))).status_code == 200
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE users SET status = 'SUSPENDED' WHERE living_email = %s", (suspended.email,))
    answers = [
        await client.post("/auth/password/reset-request", json={"email": email})
        for email in ("unknown@example.com", gone.email, suspended.email, account.email)
    ]
    assert len({str({**answer.json(), "timestamp": None}) for answer in answers}) == 1

    async def all_done() -> bool:
        async with state.db.read() as session:
            return not await session.fetch_value("SELECT COUNT(*) FROM mail_outbox WHERE sent_at IS NULL")

    await eventually(all_done)
    assert [message["To"] for message in box.messages] == [account.email]


@pytest.mark.parametrize(
    "body", [{}, {"token": "x"}, {"token": "x", "newPassword": "short"}, {"token": " ", "newPassword": NEW_PASSWORD}]
)
async def test_reset_validates(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert said(await client.post("/auth/password/reset", json=body)) == (400, "JIUCOM-401")
    assert said(await client.post("/auth/password/reset-request", json={"email": "nobody"})) == (400, "JIUCOM-401")


async def test_expired_reset(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    client, state = mailing
    account = await signup(client)
    token = await _reset_token(client, box, account.email)
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE account_tokens SET expires_at = UTC_TIMESTAMP(6) WHERE used_at IS NULL")
    assert (await _reset(client, token)).status_code == 400
    assert (await login(client, account.email)).status_code == 200


# Outbox

ALERT = {"partName": "<b>RTX</b>\nBcc: x@example.com", "currentPrice": 1190000, "targetPrice": 1200000, "partId": 7}


async def test_mails_are_rolled_back_with_their_transaction_and_unique_by_key(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox
) -> None:
    _, state = mailing
    for name in ("rolled-back", "once"):
        await _reader(state, name)

    async def fail(tx: WriteSession) -> None:
        await enqueue(tx, "rolled-back@example.com", "price-alert", ALERT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await state.db.write(fail)
    for _ in range(2):
        async with state.db.transaction() as tx:
            await enqueue(tx, "once@example.com", "price-alert", ALERT, "PRICE_ALERT:1:1")
    await eventually(lambda: box.to("once@example.com"))
    await state.outbox.send_due()
    assert [message["To"] for message in box.messages] == ["once@example.com"]
    message = box.messages[0]
    # A user's text is neither a header nor markup.
    assert message["Bcc"] is None
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;RTX&lt;/b&gt;" in html.get_content()
    assert "1,190,000원" in text_of(message)
    assert "http://jiucom.test/parts/7" in text_of(message)


async def test_a_temporary_refusal_is_tried_again(mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox) -> None:
    _, state = mailing
    await state.outbox.stop()
    await _reader(state, "later")
    box.answers.append("451 try again later")
    async with state.db.transaction() as tx:
        await enqueue(tx, "later@example.com", "price-alert", ALERT)
    assert await state.outbox.send_due() == 1
    attempts, sent, error, waits, _ = await _row(state, "later@example.com")
    assert (attempts, sent, waits) == (1, 0, 1)
    assert "451" in error
    assert await state.outbox.send_due() == 0
    async with state.db.transaction() as tx:
        await tx.execute(_MINUTE_LATER)
    assert await state.outbox.send_due() == 1
    assert (await _row(state, "later@example.com"))[1] == 1
    assert len(box.messages) == 1


async def test_a_permanent_refusal_is_not_tried_again(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox
) -> None:
    _, state = mailing
    await state.outbox.stop()
    await _reader(state, "refused")
    async with state.db.transaction() as tx:
        await enqueue(tx, "refused@example.com", "price-alert", ALERT)
    assert await state.outbox.send_due() == 1
    assert (await _row(state, "refused@example.com"))[:2] == (ATTEMPTS, 0)


async def test_two_senders_send_once_and_mails_of_a_dead_one_are_sent_later(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox
) -> None:
    """At least once: a mail that is claimed and not sent is due again."""
    _, state = mailing
    await state.outbox.stop()
    for name in ("claimed", *(f"many-{n}" for n in range(8))):
        await _reader(state, name)
    async with state.db.transaction() as tx:
        for n in range(8):
            await enqueue(tx, f"many-{n}@example.com", "price-alert", ALERT)
    senders = [Outbox(state.settings, state.db, state.clock, state.tracing) for _ in range(4)]
    # A sender skips rows that another one has locked; the next round sends them.
    sent = [await asyncio.gather(*(sender.send_due() for sender in senders)) for _ in range(3)]
    assert sum(map(sum, sent)) == 8
    assert sorted(message["To"] for message in box.messages) == [f"many-{n}@example.com" for n in range(8)]

    async with state.db.transaction() as tx:
        await enqueue(tx, "claimed@example.com", "price-alert", ALERT)
    # A sender that ends here.
    assert len(await state.db.write(_claim)) == 1
    assert await state.outbox.send_due() == 0
    async with state.db.transaction() as tx:
        assert await tx.execute(f"{_MINUTE_LATER} WHERE sent_at IS NULL") == 1
    assert await state.outbox.send_due() == 1
    assert len(box.to("claimed@example.com")) == 1


async def test_mails_wait_for_the_server(
    database: Settings, mailing: tuple[httpx.AsyncClient, AppState], changed: Callable[..., Settings]
) -> None:
    _, state = mailing
    await state.outbox.stop()
    await _reader(state, "nobody-home")
    async with state.db.transaction() as tx:
        await enqueue(tx, "nobody-home@example.com", "price-alert", ALERT)
    # Nothing listens on port 9.
    assert (
        await Outbox(changed(mail_host="127.0.0.1", mail_port=9), state.db, state.clock, state.tracing).send_due() == 1
    )
    attempts, sent, error, waits, _ = await _row(state, "nobody-home@example.com")
    assert (attempts, sent, waits) == (1, 0, 1)
    assert error


async def test_a_mail_is_in_the_trace_of_its_request(
    mailing: tuple[httpx.AsyncClient, AppState], box: Mailbox, database: Settings, changed: Callable[..., Settings]
) -> None:
    client, state = mailing
    account = await signup(client)
    await state.outbox.stop()
    with collecting() as collector:
        settings = changed(mail_host="127.0.0.1", mail_port=box.port, zipkin_endpoint=collector.endpoint)
        async with started(settings) as app, client_of(app) as sampled:
            response = await sampled.post(
                "/auth/password/reset-request", json={"email": account.email}, headers={"b3": "1"}
            )
            trace = response.headers["x-trace-id"]
            await eventually(lambda: "mail password-reset" in {span["name"] for span in collector.of(trace)}, 10)
            spans = {span["name"]: span for span in collector.of(trace)}
    assert spans["mail password-reset"]["kind"] == "CONSUMER"
    assert spans["mail password-reset"]["parentId"] == spans["http post /auth/password/reset-request"]["id"]
    assert spans["smtp send"]["parentId"] == spans["mail password-reset"]["id"]
    assert spans["smtp send"]["tags"]["server.address"] == "127.0.0.1"
    assert text_of(box.to(account.email)[-1])
