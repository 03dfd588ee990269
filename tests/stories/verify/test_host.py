"""S5: passwords are off, and who would be locked out by that, is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hosts import Host, wait_for

DROP_IN = "/etc/ssh/sshd_config.d/01-jiucom.conf"
KEYS = "/home/deploy/.ssh/authorized_keys"
SETTINGS = "sshd -T | grep -e ^passwordauthentication -e ^x11forwarding"


@contextmanager
def changed(host: Host, change: str, back: str) -> Iterator[None]:
    host.run(change)
    try:
        yield
    finally:
        host.run(back)


def without_settings(host: Host) -> None:
    """As if the role had not been there yet."""
    host.run(f"rm {DROP_IN}; systemctl reload ssh")
    assert "passwordauthentication yes" in host.run(SETTINGS)


def test_a_user_without_a_key_is_told_so_and_keeps_the_password(host: Host) -> None:
    """Keys are written elsewhere for the while: by the present connection Ansible still comes in."""
    without_settings(host)
    elsewhere = "/etc/ssh/sshd_config.d/00-test.conf"
    lines = (
        f"AuthorizedKeysFile /etc/ssh/keys-of-%u\\nMatch LocalAddress {host.address}\\n AuthorizedKeysFile {KEYS}\\n"
    )
    with changed(
        host, f"printf '{lines}' > {elsewhere}; touch /etc/ssh/keys-of-deploy; systemctl reload ssh", f"rm {elsewhere}"
    ):
        code, output = host.playbook()
        assert code != 0
        assert "deploy has no authorized key" in output, output[-2000:]
    assert "passwordauthentication yes" in host.run(SETTINGS)


def test_settings_that_lock_ansible_out_are_taken_back(host: Host) -> None:
    """An older drop-in of the role is put back; what refuses the new connection comes from another file."""
    without_settings(host)
    host.run(f"printf 'X11Forwarding yes\\n' > {DROP_IN}")
    locks = "/etc/ssh/sshd_config.d/00-test.conf"
    with changed(host, f"printf 'DenyUsers deploy\\n' > {locks}", f"rm {locks}; systemctl reload ssh"):
        code, output = host.playbook("-e", "host_ssh_confirm_seconds=10")
        assert code != 0
        assert "the host takes them back" in " ".join(output.split()), output[-2000:]
        wait_for(lambda: host.run(f"cat {DROP_IN}").strip() == "X11Forwarding yes", 60, "the settings of before")
    assert "passwordauthentication yes" in host.run(SETTINGS)
    host.apply()
    assert "passwordauthentication no" in host.run(SETTINGS)


def test_the_clock_is_kept_right_by_what_is_there(host: Host) -> None:
    """systemd-timesyncd where there is nothing, and never beside another. The role leaves a container's clock alone: it is told
    that this is none. Neither service touches the clock of the machine below, for want of the right to."""
    told = ("-e", '{"_host_container": false}')
    status = "dpkg-query -W -f '${db:Status-Status}' systemd-timesyncd 2>&1"
    host.run("apt-get purge -qq -y systemd-timesyncd chrony", check=False)
    try:
        host.apply(*told)
        assert host.run("systemctl is-enabled systemd-timesyncd").strip() == "enabled"
        host.run("systemctl disable systemd-timesyncd")
        host.apply(*told)
        assert host.run("systemctl is-enabled systemd-timesyncd").strip() == "enabled"
        host.run("DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chrony")
        host.run("systemctl disable chrony")
        host.apply(*told)
        assert host.run("systemctl is-enabled chrony").strip() == "enabled"
        assert host.run(status, check=False).strip() != "installed"
    finally:
        host.run("apt-get purge -qq -y systemd-timesyncd chrony", check=False)
