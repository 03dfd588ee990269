"""The platform is removed from its host, first without its data, then with them; the host is as before, but for Docker."""

from __future__ import annotations

import pytest
from hosts import Host

PURGE = "playbooks/purge.yml"
# Where the platform writes, outside of its own directory and of what Docker keeps.
PLACES = "/etc/systemd/system /etc/cron.d /etc/logrotate.d /usr/local/bin /usr/local/sbin"


def purge(host: Host, *arguments: str) -> tuple[int, str]:
    """Run the playbook."""
    return host.playbook(*arguments, playbook=PURGE)


def listed(host: Host, kind: str) -> list[str]:
    """Return what Docker has of the project."""
    return host.run(f"docker {kind} ls --quiet --filter label=com.docker.compose.project=jiucom").split()


@pytest.mark.timeout(1200)
def test_purge_asks_for_the_name_then_removes_the_platform_and_keeps_the_data(host: Host) -> None:
    host.apply("-e", "backup_enabled=true", "-e", "stack_drift_report=daily")
    before = host.run("docker ps --quiet | sort")
    for wrong in ((), ("-e", "host=another")):
        code, output = purge(host, *wrong)
        assert code != 0
        assert "Type its name" in output
    assert host.run("docker ps --quiet | sort") == before

    volumes = listed(host, "volume")
    code, output = purge(host, "-e", f"host={host.inventory_name}")
    assert code == 0, output[-4000:]
    assert (listed(host, "container"), listed(host, "network")) == ([], [])
    assert listed(host, "volume") == volumes
    assert host.run("docker image ls --quiet --filter label=io.jiucom.project=jiucom") == ""
    # Not every Debian has all of these places.
    assert host.run(f"ls -d /opt/jiucom 2> /dev/null; find {PLACES} -name 'jiucom*' 2> /dev/null; true") == ""
    assert host.run("systemctl list-units --all --no-legend 'jiucom*'") == ""
    assert host.get("/health")[0] == 0


@pytest.mark.timeout(1200)
def test_purge_removes_the_data_where_that_is_said(host: Host) -> None:
    assert listed(host, "volume")
    code, output = purge(host, "-e", f"host={host.inventory_name}", "-e", "volumes=true")
    assert code == 0, output[-4000:]
    assert listed(host, "volume") == []
    assert host.run("systemctl is-active docker").strip() == "active"
