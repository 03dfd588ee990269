"""A service with data goes to another image, and back when that one does not become healthy: real Redis and MySQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from modules import MODULES, result, run, start

from testing.images import image

from .conftest import ROOT, ROW, SLEEP, TEMPLATE, Project

# What a new version may do to the data before it fails: the old one could not read it any more.
CONVERT = "find {data} -type f -exec sh -c 'echo converted > $1' - {{}} \\;; touch {data}/converted"
Toy = TypeVar("Toy", bound="Store")
ENDINGS = {"never healthy": "exec sleep 10000", "crashes": "exit 3"}


class Store(Project):
    """The toy project, whose `store` is a real server with a volume; `door` depends on it."""

    data, volume = "/data", "{}"

    def __init__(self, base: Path, server: str, compose: dict[str, Any], **row: Any) -> None:
        super().__init__(base, image("python"))
        self.server = image(server)
        self.rows = {"store": ROW | row}
        self.definitions = {
            "store": {
                "compose": {"image": self.server, "pull_policy": "never", "volumes": [f"data:{self.data}"], **compose},
                "files": {"conf/store.conf": "one\n"},
            },
            "door": {
                "compose": {
                    "image": image("python"), "pull_policy": "never", "command": SLEEP, "health": "true",
                    "depends_on": {"store": {"condition": "service_healthy"}},
                },
                "files": {"conf/door.conf": "one\n"},
            },
        }  # fmt: skip
        (base / ".versions.json").write_text('{"store": "1.0.0"}\n')
        self.images: list[str] = []

    def arguments(self, **more: Any) -> dict[str, Any]:
        return super().arguments(
            template=f"{TEMPLATE.format(project=self.name)}volumes: {{data: {self.volume}}}\n", **more
        )

    def build(self, tag: str, script: str = "") -> str:
        """Make an image that is another one than the server's; with a script in its place."""
        reference = f"localhost/{self.name}:{tag}"
        entry = f"\nENTRYPOINT {json.dumps(['sh', '-c', script, 'sh'])}" if script else ""
        recipe = f"FROM {self.server}\nLABEL upgraded={tag}{entry}\n"
        subprocess.run(["docker", "build", "-q", "-t", reference, "-"], input=recipe.encode(), check=True)
        self.images.append(reference)
        return reference

    def name_image(self, reference: str) -> None:
        """Let the inventory name another image, and another configuration with it."""
        self.definitions["store"]["compose"]["image"] = reference
        self.definitions["store"]["files"]["conf/store.conf"] = f"for {reference}\n"

    def given(self, state: str, **more: Any) -> dict[str, Any]:
        return {
            "path": str(self.base), "project": self.name, "service": "store", "state": state, "beside": ["store"],
            "volumes": ["data"], "version": "1.0.0", "patience": 120, "grace": 60, **more,
        }  # fmt: skip

    def upgrade(self, state: str, **more: Any) -> dict[str, Any]:
        """Run one step, as the role does."""
        return run("upgrade", **self.given(state, **more))

    def begin(self, reference: str) -> None:
        """What the role does before the switch."""
        assert "msg" not in self.upgrade("prepared")
        self.name_image(reference)
        self.write()
        assert self.compare()["recreate"] == ["store"]

    def ids(self) -> dict[str, str]:
        """The containers, by service."""
        return {name: self.compose("ps", "--all", "--quiet", name).strip() for name in self.definitions}

    def volumes(self) -> set[str]:
        """The project's volumes, copies among them."""
        listed = subprocess.check_output(["docker", "volume", "ls", "--quiet"], text=True).split()
        return {name.removeprefix(f"{self.name}_") for name in listed if name.startswith(f"{self.name}_")}

    def close(self) -> None:
        self.compose("down", "--timeout", "1", "--volumes", "--remove-orphans")
        for name in self.volumes():
            subprocess.run(["docker", "volume", "rm", f"{self.name}_{name}"], check=True, capture_output=True)
        subprocess.run(["docker", "image", "rm", "--force", *self.images], check=bool(self.images), capture_output=True)


class Redis(Store):
    """Redis, with a key."""

    def __init__(self, base: Path, volume: str = "{}") -> None:
        self.volume = volume
        command = ["redis-server", "--dir", "/data", "--appendonly", "yes", "--protected-mode", "no"]
        super().__init__(
            base, "redis", {"command": command, "health": "redis-cli ping | grep -qx PONG"}, uid=999, gid=1000
        )

    def redis(self, *command: str) -> str:
        return self.compose("exec", "--no-TTY", "store", "redis-cli", *command).strip()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    try:
        toy = Redis(tmp_path)
    except LookupError as missing:
        pytest.fail(str(missing))
    with up(toy):
        toy.redis("set", "kept", "before")
        yield toy


@contextmanager
def up(toy: Toy) -> Iterator[Toy]:
    """Run the project, and remove it in the end."""
    try:
        toy.write()
        toy.compare()
        toy.compose("up", "--detach", "--wait", "--wait-timeout", "180")
        toy.compare(applied=["store", "door"])
        assert toy.settled()
        yield toy
    finally:
        toy.close()


def test_a_good_image_takes_over_and_the_way_back_is_kept(redis: Redis) -> None:
    before, old = redis.ids(), redis.server
    redis.begin(redis.build("good"))
    done = redis.upgrade("applied")
    assert done["changed"], done
    assert redis.ids()["door"] == before["door"], "only the service itself is recreated"
    assert redis.ids()["store"] != before["store"]
    assert redis.settled()
    assert redis.redis("get", "kept") == "before"
    ended = redis.upgrade("finished")["lines"]
    assert "-e service=store -e revert=true" in ended[0]
    [copy] = redis.volumes() - {"data"}
    assert ended[1].endswith(f"docker volume rm {redis.name}_{copy}")
    redis.redis("set", "since", "lost")
    # Typed once more, it has nothing to do, and the way back stays.
    redis.upgrade("prepared")
    assert "msg" not in redis.upgrade("dropped")
    back = redis.upgrade("reverted")
    assert f"{old} serves again, with the files that it had, and its volume as it was" in back["lines"]
    assert (redis.redis("get", "kept"), redis.redis("get", "since")) == ("before", "")
    assert {name.partition(".")[2][:5] for name in redis.volumes()} == {"", "after"}
    redis.name_image(old)
    assert redis.upgrade("reverted")["msg"] == "Nothing is kept of an upgrade of store"


@pytest.fixture(scope="session")
def newer() -> str:
    """Redis of Debian 13, 8.0, by the recipe that makes Debian 12's."""
    if reference := os.environ.get("IMAGE_REDIS_NEWER"):
        return reference
    reference = "localhost/jiucom-test/redis:newer"
    command = ["docker", "buildx", "build", "--load", "--quiet", "--file", "redis/Dockerfile", "--tag", reference]
    base = "BASE=localhost/jiucom/debian-trixie:base"
    subprocess.run([*command, "--build-arg", base, "."], cwd=ROOT / "files/images", check=True)
    return reference


def test_redis_goes_to_the_next_major_version_and_back(redis: Redis, newer: str) -> None:
    """What the new one has written the old one cannot read, but it gets its own volume back."""
    redis.redis("rpush", "list", "one", "two")
    redis.redis("set", "short", "lived", "ex", "10000")
    before = redis.redis("info", "server").split("redis_version:")[1].split()[0]
    redis.begin(newer)
    assert redis.upgrade("applied")["changed"]
    after = redis.redis("info", "server").split("redis_version:")[1].split()[0]
    assert int(after.partition(".")[0]) == int(before.partition(".")[0]) + 1
    assert redis.redis("lrange", "list", "0", "-1").split() == ["one", "two"]
    assert int(redis.redis("ttl", "short")) > 0
    redis.redis("bgrewriteaof")
    redis.upgrade("finished")
    assert redis.upgrade("reverted")["changed"]
    assert redis.redis("info", "server").split("redis_version:")[1].split()[0] == before
    assert redis.redis("lrange", "list", "0", "-1").split() == ["one", "two"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_image_that_does_not_become_healthy_is_put_back(redis: Redis, ending: str) -> None:
    before, files = redis.ids(), (redis.base / "store/conf/store.conf").read_text()
    redis.begin(redis.build("bad", f"echo told by the new one; {CONVERT.format(data=redis.data)}; {ENDINGS[ending]}"))
    refused = redis.upgrade("applied", patience=10)
    assert "store did not become healthy" in refused["msg"]
    assert "told by the new one" in refused["msg"]
    assert f"{redis.server} serves again, with the files that it had, and its volume as it was" in refused["msg"]
    assert redis.redis("get", "kept") == "before"
    assert redis.volumes() == {"data"}
    assert (redis.base / "store/conf/store.conf").read_text() == files
    assert redis.ids()["door"] == before["door"]
    assert redis.compare()["reasons"] == [], "what runs is what compose.yaml says"
    assert not (redis.base / ".upgrades/store").exists()
    # The role asks once more in any case.
    assert "msg" not in redis.upgrade("back")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_upgrade_is_put_back(redis: Redis, number: int) -> None:
    redis.begin(redis.build("bad", f"{CONVERT.format(data=redis.data)}; exec sleep 10000"))
    process = start(MODULES / "upgrade.py", **redis.given("applied"))
    wait(lambda: (redis_data(redis) / "converted").exists())
    process.send_signal(number)
    assert f"interrupted by {signal.Signals(number).name}" in result(process)["msg"]
    assert redis.redis("get", "kept") == "before"
    assert redis.volumes() == {"data"}
    assert redis.compare()["reasons"] == []


def test_a_fault_before_the_switch_restarts_nothing(redis: Redis) -> None:
    before = redis.ids()
    redis.begin(redis.build("good"))
    assert "msg" not in redis.upgrade("back")
    assert redis.ids() == before
    assert redis.compare()["reasons"] == []


def test_an_image_that_was_pulled_again_under_its_name_is_put_back_by_its_id(redis: Redis) -> None:
    """The name means the new one by then."""
    name = redis.build("same")
    redis.begin(name)
    assert redis.upgrade("applied")["changed"]
    redis.upgrade("finished")
    old = image_of(redis)
    redis.upgrade("prepared")
    redis.build("same", "exit 3")
    assert redis.compare()["recreate"] == ["store"]
    assert "did not become healthy" in redis.upgrade("applied")["msg"]
    assert image_of(redis) == old
    assert redis.redis("get", "kept") == "before"


def test_an_upgrade_needs_space_for_a_copy_of_the_volume(tmp_path: Path) -> None:
    with up(Redis(tmp_path, volume="{driver_opts: {type: tmpfs, device: tmpfs, o: 'size=64m,uid=999'}}")) as redis:
        before = redis.ids()
        redis.begin(redis.build("good"))
        assert "free: make room" in redis.upgrade("applied")["msg"]
        assert redis.ids() == before


def test_a_revert_without_the_copied_volume_is_refused(redis: Redis) -> None:
    redis.begin(redis.build("good"))
    redis.upgrade("applied")
    redis.upgrade("finished")
    before = redis.ids()
    [copy] = redis.volumes() - {"data"}
    subprocess.run(["docker", "volume", "rm", f"{redis.name}_{copy}"], check=True, capture_output=True)
    assert "is not there any more: restore an archive" in redis.upgrade("reverted")["msg"]
    assert redis.ids() == before
    assert redis.redis("get", "kept") == "before"


def test_mysql_is_put_back_after_its_data_was_converted(tmp_path: Path) -> None:
    password = "toy's root"
    (tmp_path / "password").write_text(password)
    (tmp_path / "password").chmod(0o644)

    class MySQL(Store):
        data = "/var/lib/mysql"

    toy = MySQL(
        tmp_path,
        "mysql",
        {
            "environment": {"MYSQL_ROOT_PASSWORD_FILE": "/run/password", "MYSQL_DATABASE": "toy"},
            "health": "MYSQL_PWD=$(cat /run/password) mysql -uroot -h127.0.0.1 --protocol=tcp -e 'SELECT 1'",
            "start_period": 120,
            "tmpfs": ["/run/mysqld:mode=0755,uid=999,gid=999,size=1m"],
            "volumes": ["data:/var/lib/mysql", "./password:/run/password:ro"],
        },
        uid=999, gid=999, memory="1g",
    )  # fmt: skip

    def ask(sql: str) -> str:
        command = ["sh", "-c", 'MYSQL_PWD=$(cat /run/password) mysql -uroot -N toy -e "$1"', "sh", sql]
        return toy.compose("exec", "--no-TTY", "store", *command)

    with up(toy):
        ask("CREATE TABLE parts (id INT PRIMARY KEY AUTO_INCREMENT, price DOUBLE)")
        ask(
            "INSERT INTO parts (price) WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i+1 FROM n WHERE i<900) SELECT i/7 FROM n"
        )
        before = ask("CHECKSUM TABLE parts; SELECT COUNT(*) FROM parts")
        assert "900" in before
        toy.begin(toy.build("bad", f"{CONVERT.format(data=toy.data)}; exec sleep 10000"))
        refused = toy.upgrade("applied", patience=5)
        assert "and its volume as it was" in refused["msg"]
        assert ask("CHECKSUM TABLE parts; SELECT COUNT(*) FROM parts") == before


def redis_data(redis: Redis) -> Path:
    """The directory of the volume."""
    command = ["docker", "volume", "inspect", "--format", "{{.Mountpoint}}", f"{redis.name}_data"]
    return Path(subprocess.check_output(command, text=True).strip())


def image_of(redis: Redis) -> str:
    """The id of the image that runs."""
    command = ["docker", "inspect", "--format", "{{.Image}}", redis.ids()["store"]]
    return subprocess.check_output(command, text=True).strip()


def wait(condition: Callable[[], bool]) -> None:
    """Wait for what has to come."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
