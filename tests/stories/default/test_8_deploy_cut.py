"""A deploy over TLS loses no request, and one that a power cut ends leaves a platform that comes back and can be deployed to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import NEW
from deploys import DEPLOY, version
from doctor import told
from hosts import ROOT, Host, wait_for
from loads import LIMITS, load, rows

TLS = (*LIMITS, "-e", "gateway_tls=selfsigned", "-e", "platform_public_url=https://jiucom.test")


@pytest.fixture
def tls(host: Host) -> Iterator[None]:
    """The gateway speaks TLS; afterwards as it was."""
    host.apply(*TLS)
    yield
    host.apply()


@pytest.mark.timeout(1800)
def test_a_deploy_over_tls_loses_no_request(host: Host, tls: None, tmp_path: Path, access: str) -> None:
    with load(host, access, "tls", rate=100, scheme="https") as seen:
        code, output = host.playbook(*TLS, *version(tmp_path, "tls"), playbook=DEPLOY)
        assert code == 0, output[-4000:]
    print({key: seen[key] for key in ("sent", "written", "failures", "slowest", "closes", "away")})
    assert seen["failed"] == []
    assert rows(host, "tls") == seen["written"] > 0
    assert seen["closes"] == [1012] * 8


# The shell conditions at which the power is cut: old and new replicas run side by side; the gateway sends requests to the new
# replicas only.
MOMENTS = {
    "started": "test $(docker compose ps --quiet app | wc -l) -gt 1",
    "pointed": f'grep -q \\"{NEW}- nginx/conf/app.conf',
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_power_cut_in_a_deploy(host: Host, access: str, tmp_path: Path, moment: str) -> None:
    code, output = host.playbook(*LIMITS, playbook=DEPLOY)
    assert code == 0, output[-4000:]
    inventories = [word for path in host.inventories for word in ("-i", path)]
    given = [*LIMITS, *version(tmp_path, moment)]
    with subprocess.Popen(
        [Path(sys.executable).with_name("ansible-playbook"), DEPLOY, *inventories, *given], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as deploy:  # fmt: skip
        # Polled on the host, because the moment may last only a second.
        host.run(f"timeout 600 sh -c 'until {MOMENTS[moment]}; do sleep 0.1; done'", seconds=610)
        host.boot(power_cut=True)
        deploy.wait(300)
    assert deploy.returncode != 0
    # By itself, before anybody types anything.
    wait_for(lambda: host.get("/api/v1/parts?size=1")[0] == 200, 300, "answers after the power cut")
    found = {name for _, name in told(host, *LIMITS)}
    assert found - {"half-finished deploy"} == {"stale lock"}
    # After the switch the boot starts the new definition, and nothing of the deploy may be left to do.
    assert moment == "pointed" or "half-finished deploy" in found
    code, output = host.playbook(*given, playbook=DEPLOY)
    assert code == 0, output[-4000:]
    assert len(host.inspect()["app"]) == 1
    assert "# replica" not in host.run("cat nginx/conf/app.conf")
    host.wait_until_healthy()
    assert told(host, *given) == set()
    host.unchanged(*given)
