"""Migrations on a real server: concurrent, repeated, and after a failure."""

import asyncio
import logging
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncmy.errors
import pytest

from jiucom.db import migrate
from jiucom.settings import Settings

from .conftest import connected, rows

pytestmark = pytest.mark.anyio

OURS = Path(migrate.__file__).parent / "migrations"
REVISIONS = sorted(path.name[:4] for path in (OURS / "versions").glob("0*.py"))


async def test_replicas_that_start_together(database: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await asyncio.gather(*(migrate.upgrade(database) for _ in range(6)))
    assert await rows(database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(messages) == 6
    assert sum("migrated from nothing" in message for message in messages) == 1
    assert sum("up to date" in message for message in messages) == 5


async def test_a_revision_that_was_not_recorded_runs_again(database: Settings) -> None:
    """A crash between the DDL and the row of its revision leaves the table behind; nothing in it may be lost."""
    await migrate.upgrade(database)
    async with connected(database) as cursor:
        await cursor.execute("INSERT INTO sellers (name, site_url) VALUES ('다나와', 'https://www.danawa.com')")
        for revision in REVISIONS[:-1]:
            await cursor.execute("UPDATE alembic_version SET version_num = %s", (revision,))
            await migrate.upgrade(database)
    assert await rows(database, "SELECT name FROM sellers") == [("다나와",)]


async def test_parts_without_offers_keep_their_list_prices(database: Settings) -> None:
    await migrate.upgrade(database)
    async with connected(database) as cursor:
        await cursor.execute(
            "INSERT INTO parts (id, name, category, manufacturer, lowest_price, highest_price)"
            " VALUES (1, 'a', 'ETC', 'a', 10, 20), (2, 'b', 'ETC', 'b', 30, 40), (3, 'c', 'ETC', 'c', NULL, NULL)"
        )
        await cursor.execute("INSERT INTO sellers (id, name, site_url) VALUES (1, 'a', 'https://example.com')")
        await cursor.execute("INSERT INTO price_entries (part_id, seller_id, price) VALUES (2, 1, 30)")
        await cursor.execute("UPDATE alembic_version SET version_num = '0025'")
    await migrate.upgrade(database)
    assert await rows(database, "SELECT * FROM list_prices") == [(1, 10, 20)]


async def test_a_failed_revision_stops_and_can_be_repaired(database: Settings) -> None:
    async with connected(database, root=True) as cursor:
        # In the way of the revision that creates the table of this name, and without the columns its keys need.
        await cursor.execute("CREATE TABLE users (id INT PRIMARY KEY)")
    with pytest.raises(Exception, match="incompatible"):
        await migrate.upgrade(database)
    async with connected(database, root=True) as cursor:
        await cursor.execute("DROP TABLE users")
        await cursor.execute("DELETE FROM alembic_version")
    await migrate.upgrade(database)
    assert await rows(database, "SELECT COUNT(*) FROM users") == [(0,)]


async def test_a_lock_that_stays_taken(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", 1)
    async with connected(database) as cursor:
        await cursor.execute("SELECT GET_LOCK(%s, 0)", (f"jiucom.migrate.{database.db_name}",))
        with pytest.raises(migrate.MigrationError, match="another process"):
            await migrate.upgrade(database)
    await migrate.upgrade(database)


@pytest.mark.parametrize("statement", ["CREATE TABLE x (id INT)", "ALTER TABLE users ADD x INT", "DROP TABLE users"])
async def test_the_application_cannot_change_the_schema(migrated: Settings, statement: str) -> None:
    async with connected(migrated) as cursor:
        with pytest.raises(asyncmy.errors.OperationalError) as refused:
            await cursor.execute(statement)
    assert refused.value.args[0] == 1142


async def test_rows_do_not_move_their_own_time(migrated: Settings) -> None:
    """Views, likes and comments are no edits: only a statement that says so changes updated_at."""
    moving: list[tuple[Any, ...]] = await rows(
        migrated,
        "SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND extra LIKE '%%on update%%'",
        (migrated.db_name,),
    )
    assert moving == []


REVISION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "{name}", "{before}", None, None
contract = {contract}
def upgrade():
    op.get_bind().exec_driver_sql("{statement}")
"""


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this the code of a version whose revisions are `9001` and so on, after all of ours."""

    def become(*revisions: tuple[str, bool, str]) -> None:
        directory = tmp_path / secrets.token_hex(4)
        shutil.copytree(OURS, directory / "migrations")
        before = REVISIONS[-1]
        for name, contract, statement in revisions:
            text = REVISION.format(name=name, before=before, contract=contract, statement=statement)
            (directory / f"migrations/versions/{name}_later.py").write_text(text)
            before = name
        monkeypatch.setattr(migrate, "__file__", str(directory / "migrate.py"))

    return become


ADD = ("9001", False, "ALTER TABLE sellers ADD nickname INT")
DROP = ("9002", True, "ALTER TABLE sellers DROP nickname")
AFTER = ("9003", False, "ALTER TABLE sellers ADD nickname INT")


async def test_contracting_revisions_wait_until_they_are_asked_for(
    database: Settings, version: Callable[..., None]
) -> None:
    await migrate.upgrade(database)
    version(ADD, DROP)
    assert (await migrate.upgrade(database))[1] == "9001"
    assert (await migrate.upgrade(database))[1] == "9001"
    schema = await migrate.status(database)
    assert (schema.revision, schema.head, schema.pending, schema.waiting, schema.oldest) == (
        "9001", "9002", [], ["9002"], "",
    )  # fmt: skip
    assert (await migrate.upgrade(database, contract=True))[1] == "9002"
    schema = await migrate.status(database)
    assert (schema.revision, schema.waiting, schema.oldest) == ("9002", [], "9002")


async def test_a_version_is_refused_while_something_waits(database: Settings, version: Callable[..., None]) -> None:
    await migrate.upgrade(database)
    version(ADD, DROP)
    await migrate.upgrade(database)
    version(ADD, DROP, AFTER)
    with pytest.raises(migrate.MigrationError, match="9003 comes after 9002, which waits"):
        await migrate.upgrade(database)
    assert (await migrate.status(database)).revision == "9001"


async def test_an_older_version_works_on_a_newer_schema_before_a_contraction(
    database: Settings, version: Callable[..., None]
) -> None:
    version(ADD, DROP)
    await migrate.upgrade(database, contract=False)  # an empty database has everything at once
    assert (await migrate.status(database)).revision == "9002"
    version(ADD)
    with pytest.raises(migrate.MigrationError, match="needs a version that knows 9002; this one ends with 9001"):
        await migrate.upgrade(database)
    version(ADD, DROP)
    async with connected(database, root=True) as cursor:
        await cursor.execute("UPDATE schema_support SET oldest = '9001'")
    version(ADD)
    assert await migrate.upgrade(database) == ("9002", "9002")


async def test_a_revision_does_not_wait_long_for_a_table_in_use(
    database: Settings, version: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits, everyone who comes after it waits, too."""
    monkeypatch.setattr(migrate, "TABLE_TIMEOUT", 1)
    await migrate.upgrade(database)
    version(ADD)
    async with connected(database, autocommit=False) as cursor:
        await cursor.execute("SELECT COUNT(*) FROM sellers")
        with pytest.raises(Exception, match="Lock wait timeout"):
            await migrate.upgrade(database)
    assert (await migrate.upgrade(database))[1] == "9001"


def test_newer_revisions_name_the_algorithm_and_lock_of_their_changes() -> None:
    """Those up to 0030 run in databases without users only; what comes later meets a version that serves."""
    for path in (OURS / "versions").glob("*.py"):
        if path.name[:4] > "0030":
            text = path.read_text()
            assert re.search(r"^contract = (True|False)$", text, re.MULTILINE), path.name
            for alter in re.findall(r"ALTER TABLE[^\"]+", text):
                assert "ALGORITHM" in alter, path.name
                assert "LOCK" in alter, path.name
