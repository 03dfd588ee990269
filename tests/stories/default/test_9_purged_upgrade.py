"""site.yml takes over a platform of the release before: its data, logins and pictures stay, and nothing else is left of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from background import repeated
from doctor import told
from hosts import Host
from lasting import PERSON, api, picture, read, upload, written
from previous import install

OLD = {**PERSON, "email": "old@example.com", "nickname": "오래된회원"}
# Outside of the installation directory, what is named after the platform.
PLACES = "/etc/systemd/system /etc/cron.d /etc/logrotate.d /usr/local/bin /usr/local/sbin /etc/apt/sources.list.d"
# Below the installation directory, what single runs write and not the installation.
ONCE = ("./audit.log", "./.edits*", "./.removed*", "./backup/metrics*", "*/__pycache__*")
# As docs/en/upgrade.md has it, but for a host that has none of these images.
FORGET = "docker image ls --format '{{.Repository}}:{{.Tag}}' 'jiucom/*' | xargs --no-run-if-empty docker image rm"


@dataclass
class Before:
    """Data written to the release before, and its answers when the data was read."""

    token: str
    post: dict[str, Any]
    picture: str
    state: dict[str, Any]
    answers: dict[str, Any]


def belongings(host: Host) -> str:
    """List what an installation has on a host: files with mode and owner, units, services, networks, volumes, images."""
    without = " ".join(f"! -path '{pattern}'" for pattern in ONCE)
    return host.run(
        f"find . {without} -printf '%p %M %u %g\\n' | sort;"
        f" find {PLACES} -name 'jiucom*' 2> /dev/null | sort;"
        " docker compose ps --all --format '{{.Service}}' | sort; docker network ls --format '{{.Name}}' | sort;"
        " docker volume ls --format '{{.Name}}' | sort; docker image ls --format '{{.Repository}}' | sort --unique"
    )


def purged(host: Host) -> None:
    """Remove the platform and its data, if there is one."""
    code, output = host.playbook(
        "-e", f"host={host.inventory_name}", "-e", "volumes=true", playbook="playbooks/purge.yml"
    )
    assert code == 0, output[-4000:]


def write(host: Host) -> Before:
    """A user, a post and a picture, and every other kind of data that outlives a restart."""
    with api(host) as client:
        client.post("/auth/signup", json=OLD).raise_for_status()
        login = client.post("/auth/login", json={"email": OLD["email"], "password": OLD["password"]})
        token = login.raise_for_status().json()["data"]["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        post = {"boardType": "FREE", "title": "오래된 글", "content": "written by the release before"}
        created = client.post("/posts", json=post).raise_for_status().json()["data"]
    state = written(host)
    return Before(token, {"id": created["id"], **post}, upload(host), state, {})


@contextmanager
def asked(host: Host) -> Iterator[list[tuple[float, int]]]:
    """Ask the gateway twice a second while the block runs; the list is when it answered, and the status."""
    answers: list[tuple[float, int]] = []

    def ask() -> None:
        answers.append((time.monotonic(), host.get("/api/v1/parts?size=1")[0]))

    with repeated(ask, 0.5):
        yield answers


@pytest.fixture(scope="module")
def fresh(host: Host) -> str:
    """The files, services and volumes of a new installation of today's release."""
    purged(host)
    host.run(FORGET)
    host.apply()
    return belongings(host)


@pytest.fixture(scope="module")
def before(host: Host, fresh: str) -> Before:
    """The release before in the place of today's, with data."""
    assert fresh
    purged(host)
    install(host)
    host.wait_until_healthy()
    found = write(host)
    found.answers = read(host, found.state) | {"picture": picture(host, found.picture)}
    return found


@pytest.mark.timeout(6000)
def test_a_check_changes_nothing(host: Host, before: Before) -> None:
    assert before.token
    there = (belongings(host), host.ids())
    code, output = host.playbook("--check", "--diff")
    assert code == 0, output[-6000:]
    assert (belongings(host), host.ids()) == there


@pytest.mark.timeout(900)
def test_an_archive_can_be_made_before_anything_changes(host: Host) -> None:
    there = host.ids()
    code, output = host.playbook(playbook="playbooks/backup.yml")
    assert code == 0, output[-6000:]
    code, output = host.playbook(playbook="playbooks/drill.yml")
    assert code == 0, output[-6000:]
    assert host.ids() == there


@pytest.mark.timeout(1800)
def test_the_data_stays(host: Host, before: Before) -> None:
    with asked(host) as answers:
        host.apply()
    refused = [when for when, status in answers if status != 200]
    print(f"{len(refused)} of {len(answers)} requests were refused, in {refused[-1] - refused[0]:.0f} s")
    # "Some minutes" of docs/en/upgrade.md.
    assert refused[-1] - refused[0] < 600
    host.wait_until_healthy()
    with api(host) as client:
        login = client.post("/auth/login", json={"email": OLD["email"], "password": OLD["password"]})
        assert login.status_code == 200, login.text
        post = client.get(f"/posts/{before.post['id']}").raise_for_status().json()["data"]
        assert {name: post[name] for name in before.post} == before.post
        # The access token from before is still valid.
        me = client.get("/users/me", headers={"Authorization": f"Bearer {before.token}"})
        assert me.json()["data"]["email"] == OLD["email"]
    after = read(host, before.state) | {"picture": picture(host, before.picture)}
    assert after == before.answers
    assert after["picture"][0] == 200


@pytest.mark.timeout(1200)
def test_nothing_is_wrong_and_nothing_is_left_to_do(host: Host) -> None:
    code, output = host.playbook("--tags", "verify,load", playbook="playbooks/verify.yml", seconds=900)
    assert code == 0, output[-6000:]
    assert told(host) == set()
    host.unchanged()


@pytest.mark.timeout(600)
def test_nothing_is_left_but_what_a_fresh_installation_has(host: Host, fresh: str) -> None:
    host.run(FORGET)
    there, wanted = set(belongings(host).splitlines()), set(fresh.splitlines())
    assert (there - wanted, wanted - there) == (set(), set())
