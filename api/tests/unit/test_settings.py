"""Settings: from the environment or files, every problem at once, no secret shown."""

from pathlib import Path

import pytest

from jiucom.settings import Settings, SettingsError, load

SECRET = "s" * 64


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load({"JWT_SECRET": SECRET, **environ})
    return caught.value.problems


def test_defaults_are_those_of_the_interfaces_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()
    settings = load({"JWT_SECRET": SECRET})
    assert settings.db_port == 3306
    for name in Settings.__struct_fields__:
        assert f"`{name.upper()}`" in page, f"{name.upper()} is not on the Interfaces page"


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    assert load({"JWT_SECRET_FILE": str(secret), "DB_PORT": "3307"}).jwt_secret == SECRET


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    found = problems(
        DB_PORT="0",
        DB_POOL_SIZE="many",
        DB_REPLICAS="one,two:many",
        TRACING_SAMPLING="1.5",
        SEED="prod",
        TIME_ZONE="Mars/Olympus",
        LOG_LEVEL="LOUD",
        MAIL_STARTTLS="maybe",
        FORWARDED_ALLOW_IPS="127.0.0.1,gateway",
        ZIPKIN_ENDPOINT="zipkin:9411",
        DB_PASSWORD_FILE=str(tmp_path / "absent"),
        REDIS_CLUSTER_NODES="10.0.0.1:6379, 10.0.0.2",
        REDIS_PASSWORD="a",
        REDIS_PASSWORD_FILE="b",
    )
    assert sorted(line.partition(":")[0] for line in found) == [
        "DB_PASSWORD",
        "DB_POOL_SIZE",
        "DB_PORT",
        "DB_REPLICAS",
        "FORWARDED_ALLOW_IPS",
        "LOG_LEVEL",
        "MAIL_STARTTLS",
        "REDIS_CLUSTER_NODES",
        "REDIS_PASSWORD",
        "SEED",
        "TIME_ZONE",
        "TRACING_SAMPLING",
        "ZIPKIN_ENDPOINT",
    ]
    assert all("\n" not in line for line in found)


def test_a_missing_or_short_secret_stops_the_start() -> None:
    assert problems(JWT_SECRET="") == ["JWT_SECRET: missing (or JWT_SECRET_FILE, the path of a file that holds it)"]
    assert problems(JWT_SECRET="x" * 31) == ["JWT_SECRET: 31 bytes, 32 at least are needed"]


def test_empty_means_default() -> None:
    assert load({"JWT_SECRET": SECRET, "DB_PORT": "", "MAIL_HOST": ""}).db_port == 3306


def test_secrets_are_not_shown() -> None:
    shown = repr(load({"JWT_SECRET": SECRET, "DB_PASSWORD": "hunter2", "REDIS_PASSWORD": "hunter3"}))
    assert SECRET not in shown
    assert "hunter" not in shown
    assert "db_host='localhost'" in shown


def test_the_previous_secret_is_optional_read_from_a_file_and_as_long(tmp_path: Path) -> None:
    secret = tmp_path / "previous"
    secret.write_text(f"{'p' * 64}\n")
    loaded = load({"JWT_SECRET": SECRET, "JWT_SECRET_PREVIOUS_FILE": str(secret)})
    assert loaded.jwt_secret_previous == "p" * 64
    assert "ppp" not in repr(loaded)
    secret.write_text("\n")
    assert load({"JWT_SECRET": SECRET, "JWT_SECRET_PREVIOUS_FILE": str(secret)}).jwt_secret_previous == ""
    assert problems(JWT_SECRET_PREVIOUS="x" * 31) == ["JWT_SECRET_PREVIOUS: 31 bytes, 32 at least are needed"]


@pytest.mark.parametrize(("seed", "allowed"), [("none", False), ("", False), ("dev", True), ("demo", True)])
def test_mails_go_to_the_log_in_development_only(seed: str, allowed: bool) -> None:
    environ = {"JWT_SECRET": SECRET, "SEED": seed, "MAIL_TO_LOG": "true"}
    if allowed:
        assert load(environ).mail_to_log
    else:
        assert [line.partition(":")[0] for line in problems(**environ)] == ["MAIL_TO_LOG"]
    assert not load({**environ, "MAIL_TO_LOG": ""}).mail_to_log
    assert not load({**environ, "MAIL_TO_LOG": "false"}).mail_to_log


def test_replicas_are_names_with_or_without_a_port() -> None:
    settings = load({"JWT_SECRET": SECRET, "DB_REPLICAS": "one, two:3307"})
    assert settings.replicas == [("one", 3306), ("two", 3307)]
    assert load({"JWT_SECRET": SECRET}).replicas == []


def test_addresses_of_a_cluster() -> None:
    loaded = load({"JWT_SECRET": SECRET, "REDIS_CLUSTER_NODES": "10.0.0.1:6379, redis-2:7000"})
    assert loaded.redis_cluster == [("10.0.0.1", 6379), ("redis-2", 7000)]
    assert load({"JWT_SECRET": SECRET}).redis_cluster == []
    for wrong in ("10.0.0.1:0", "10.0.0.1:70000", ":6379", "10.0.0.1:x"):
        assert problems(REDIS_CLUSTER_NODES=wrong) == [f"REDIS_CLUSTER_NODES: {wrong!r} is no host:port"]
