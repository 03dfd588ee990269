"""Who could come in by SSH once passwords are off."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugins import load

LOGIN = load("roles/host/library/host_login.py")
INCLUDE = "# Debian's\nInclude /etc/ssh/sshd_config.d/*.conf\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@laptop\n"


def test_files_of_keys_are_found_as_ssh_finds_them() -> None:
    patterns = ".ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/keys/%u %h/own /100%%"
    found = [str(path) for path in LOGIN.key_files(patterns, "deploy", "/home/deploy")]
    assert found[:2] == ["/home/deploy/.ssh/authorized_keys", "/home/deploy/.ssh/authorized_keys2"]
    assert found[2:] == ["/etc/ssh/keys/deploy", "/home/deploy/own", "/100%"]
    assert LOGIN.key_files("none", "deploy", "/home/deploy") == []


def test_lines_without_a_key_are_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text(f'# {KEY}\n\nssh-rsa\nfrom="10.0.0.0/8",no-pty {KEY}{KEY}sk-ssh-ed25519@openssh.com AAAAGnNr x\n')
    assert LOGIN.count_keys([file, tmp_path / "not-there"]) == 3


@pytest.mark.parametrize(
    ("user", "root", "settings", "keys", "config", "said"),
    [
        ("deploy", "no", {}, 0, INCLUDE, "deploy has no authorized key"),
        ("deploy", "no", {"pubkeyauthentication": "no"}, 1, INCLUDE, "PubkeyAuthentication no"),
        ("root", "no", {}, 1, INCLUDE, "Ansible comes in as root"),
        ("deploy", "no", {}, 1, "#Include /etc/ssh/sshd_config.d/*.conf\n", "does not read further files"),
        (
            "deploy",
            "no",
            {"authorizedkeyscommand": "none", "trustedusercakeys": "none"},
            0,
            INCLUDE,
            "ssh-copy-id deploy@HOST",
        ),
    ],
)
def test_settings_that_lock_the_user_out_are_refused(
    user: str, root: str, settings: dict[str, str], keys: int, config: str, said: str
) -> None:
    [fault] = LOGIN.faults(user, root, settings, keys, config)
    assert said in fault
    assert fault.endswith("; or set host_ssh to false")


def test_keys_and_certificates_let_in() -> None:
    assert LOGIN.faults("root", "prohibit-password", {"pubkeyauthentication": "yes"}, 1, INCLUDE) == []
    assert LOGIN.faults("deploy", "no", {"trustedusercakeys": "/etc/ssh/ca.pub"}, 0, INCLUDE) == []
    assert LOGIN.faults("deploy", "no", {"authorizedkeyscommand": "/usr/bin/sss_ssh_authorizedkeys"}, 0, INCLUDE) == []


def test_settings_are_asked_for_the_connection_that_there_is() -> None:
    assert LOGIN.asked("deploy", "192.0.2.7 5555 192.0.2.1 2222")[-1] == (
        "user=deploy,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=2222"
    )
    assert "lport=22" in LOGIN.asked("deploy", "")[-1]
