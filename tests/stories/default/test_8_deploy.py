"""Three versions in a row under load from ten addresses without a lost request; a broken one is refused (docs/en/deploy.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploys import DEPLOY, version
from hosts import Host, wait_for
from loads import LIMITS, load, rows, token


@pytest.mark.timeout(2400)
def test_three_deploys_lose_no_request(host: Host, tmp_path: Path) -> None:
    code, output = host.playbook(*LIMITS, playbook=DEPLOY)
    assert code == 0, output[-4000:]
    access = token(host)
    with load(host, access, "deploys") as told:
        for name in ("one", "two", "three"):
            code, output = host.playbook(*LIMITS, *version(tmp_path, name), playbook=DEPLOY)
            assert code == 0, output[-4000:]
    print({key: told[key] for key in ("sent", "written", "failures", "slowest", "closes", "away")})
    assert told["failed"] == []
    assert rows(host, "deploys") == told["written"]
    # Each deploy closes the eight sockets once, and they are back soon: what a client waits is up to two seconds of that.
    assert told["closes"] == [1012] * 24
    assert len(told["away"]) == 24
    assert max(told["away"]) < 5


@pytest.mark.timeout(1200)
def test_a_broken_version_is_refused_and_scaling_loses_no_request(host: Host, tmp_path: Path) -> None:
    access = token(host)
    before = host.run("md5sum compose.yaml .services/app.yaml; docker compose ps --quiet app")
    with load(host, access, "broken") as told:
        code, output = host.playbook(
            *LIMITS, *version(tmp_path, "broken", 'raise SystemExit("broken on purpose")'), playbook=DEPLOY
        )
        assert code != 0
        assert "broken on purpose" in output
        assert host.run("md5sum compose.yaml .services/app.yaml; docker compose ps --quiet app") == before
        for replicas in (3, 1):
            code, output = host.playbook("-e", f"replicas={replicas}", playbook="playbooks/scale.yml")
            assert code == 0, output[-4000:]
            assert len(host.inspect()["app"]) == replicas
    assert told["failed"] == []
    assert rows(host, "broken") == told["written"]


@pytest.mark.timeout(600)
def test_replicas_that_are_started_by_hand_get_requests(host: Host) -> None:
    """The manual's own command; going down by hand is not promised to be lossless."""
    host.run("docker compose up --detach --wait --scale app=3")

    def spread() -> bool:
        for _ in range(30):
            host.get("/api/v1/parts/categories?spread")
        return len({line["upstream"] for line in host.access_log("/api/v1/parts/categories?spread")}) == 3

    wait_for(spread, 20, "requests at three replicas")
    changed, _ = host.apply()
    assert changed > 0
    assert len(host.inspect()["app"]) == 1
