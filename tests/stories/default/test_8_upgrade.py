"""One service of a whole platform goes to another image and back: when that one is broken, or told to (docs/en/upgrade.md)."""

from __future__ import annotations

import json
import subprocess

import pytest
from hosts import ROOT, Host

UPGRADE = "playbooks/upgrade.yml"
BAD = "find /data -type f -exec sh -c 'echo converted > $1' - {} \\;; exec sleep 10000"


def build(host: Host, service: str, reference: str, *lines: str) -> None:
    """Make an image on the host that is another one than the service's."""
    now = host.inspect()[service][0]["Config"]["Image"]
    recipe = "\n".join([f"FROM {now}", f"LABEL upgraded={reference}", *lines])
    command = ["docker", "exec", "-i", host.name, "docker", "build", "--quiet", "--tag", reference, "-"]
    subprocess.run(command, input=recipe.encode(), check=True)


def upgrade(host: Host, service: str, reference: str = "", **given: object) -> tuple[int, str]:
    """Let the inventory name an image, and upgrade to it as an operator does."""
    words = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    if reference:
        words += ["-e", json.dumps({"platform_images_overrides": {service: {"ref": reference}}})]
    return host.playbook("-e", f"service={service}", *words, playbook=UPGRADE)


def redis(host: Host, *command: str) -> str:
    """Ask Redis as the API does."""
    ask = f"redis-cli --user app {' '.join(command)}"
    return host.run(f"docker compose exec -T -e REDISCLI_AUTH=$(cat app/secrets/redis_password) redis {ask}").strip()


def facts(host: Host) -> tuple[dict[str, set[str]], str]:
    """Return the containers, and what is written of them."""
    return host.ids(), host.run("md5sum compose.yaml .services/*.yaml .versions.json redis/conf/*")


@pytest.mark.timeout(1200)
def test_a_broken_image_is_put_back_and_the_next_run_finds_nothing_to_do(host: Host) -> None:
    build(host, "redis", "story/redis:7.9.0", f"ENTRYPOINT {json.dumps(['sh', '-c', BAD, 'sh'])}")
    before, written = facts(host)
    redis(host, "SET", "story", "kept")
    code, output = upgrade(host, "redis", "story/redis:7.9.0")
    assert code != 0
    assert "redis holds data, and backups are off" in output
    assert facts(host) == (before, written)
    code, output = upgrade(host, "redis", "story/redis:7.9.0", without_backup=True, stack_wait_seconds=20)
    assert code != 0, output[-3000:]
    assert "redis did not become healthy" in output
    assert "serves again, with the files that it had, and its volume as it was" in output
    after, now = facts(host)
    assert {name for name in before if after[name] != before[name]} == {"redis"}
    assert now == written
    assert redis(host, "GET", "story") == "kept"
    host.unchanged()
    line = json.loads(host.run("grep upgrade audit.log | tail -n 1"))
    assert (line["verb"], line["result"]) == ("upgrade", "failed")


@pytest.mark.timeout(1200)
def test_redis_goes_to_the_next_major_version_and_back(host: Host) -> None:
    name = "localhost/jiucom-test/redis:newer"
    command = ["docker", "buildx", "build", "--load", "--quiet", "--file", "redis/Dockerfile", "--tag", name]
    base = "BASE=localhost/jiucom/debian-trixie:base"
    subprocess.run([*command, "--build-arg", base, "."], cwd=ROOT / "files/images", check=True)
    host.load(name)
    version = host.run(f"docker run --rm {name} redis-server --version").partition("v=")[2].split()[0]
    reference = f"story/redis:{version}"
    host.run(f"docker tag {name} {reference}")
    before = host.ids()
    code, output = upgrade(host, "redis", reference, without_backup=True)
    assert code == 0, output[-4000:]
    assert "stops: 8" in output
    assert "-e service=redis -e revert=true" in output
    assert {name for name, ids in host.ids().items() if ids != before[name]} == {"redis"}
    assert json.loads(host.run("cat .versions.json"))["redis"] == version
    assert host.get("/api/v1/parts?size=1")[0] == 200
    code, output = upgrade(host, "redis", revert=True)
    assert code == 0, output[-4000:]
    host.unchanged()
    assert json.loads(host.run("cat .versions.json"))["redis"].startswith("7.")


@pytest.mark.timeout(900)
def test_the_gateway_goes_to_another_image_and_nothing_else(host: Host) -> None:
    build(host, "nginx", "story/nginx:1.30.9")
    before = host.ids()
    code, output = upgrade(host, "nginx", "story/nginx:1.30.9")
    assert code == 0, output[-4000:]
    assert {name for name, ids in host.ids().items() if ids != before[name]} == {"nginx"}
    assert host.get("/health")[0] == 200
    code, output = upgrade(host, "nginx")
    assert code == 0, output[-4000:]
    host.unchanged()


@pytest.mark.parametrize(
    ("service", "says"), [("app", "playbooks/deploy.yml"), ("nginz", "Name one service"), ("", "Name one service")]
)
def test_a_wrong_name_is_refused(host: Host, service: str, says: str) -> None:
    code, output = upgrade(host, service)
    assert code != 0
    assert says in output
