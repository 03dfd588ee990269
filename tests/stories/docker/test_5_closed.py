"""A control node and a host without a way out install, verify and upgrade from bundles alone; no packet goes outward.

The machine that tests has a network: it makes the bundles, and joins the two over the network of the tests.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker_hosts import ROOT, SCENARIO, Machine

KEY = ROOT / ".cache/molecule/id_ed25519"
# An address of nobody's: a name that is looked up is a packet outward.
NOBODY = "192.0.2.53"
# Counts and drops what leaves for another network, of the containers on the host too. What all neighbours hear is not outward.
EDGE = """
for program in iptables ip6tables; do
    case $program in iptables) all=224.0.0.0/24 near={subnet};; *) all=ff00::/8 near=fe80::/10;; esac
    $program -t mangle -A POSTROUTING -o eth0 -d $all -j RETURN
    $program -t mangle -A POSTROUTING -o eth0 ! -d $near -j DROP
done
"""
HOSTS = """
all:
  vars: {{platform_min_memory_mb: 3000}}
  hosts:
    shop:
      ansible_host: {address}
      ansible_user: deploy
      ansible_ssh_private_key_file: /root/key
      ansible_ssh_common_args: -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
"""


def run(*command: str | Path, cwd: Path = ROOT, seconds: int = 1500) -> str:
    """Run a program on this machine, which must succeed, and return its output."""
    # What make and this test's own environment would pass on.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "BUNDLE", "MAKE"))
    }
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd, env=environment,
        timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@dataclass
class Site:
    """The two, and what the control node reads: /media of it is this directory of the test."""

    control: Machine
    host: Machine
    media: Path

    def outward(self) -> dict[str, int]:
        """Count the packets that left each of the two for another network, IPv4 and IPv6."""
        return {
            f"{one.name} {program}": int(one.sh(f"{program} -t mangle -vxnL POSTROUTING | awk '/DROP/ {{print $1}}'"))
            for one in (self.control, self.host)
            for program in ("iptables", "ip6tables")
        }

    def make(self, bundle: str, target: str = "deploy", code: int = 0, words: str = "") -> str:
        """Unpack the checkout that lies in a bundle, and run make there as an operator does; returns what it printed."""
        unpack = f"mkdir /root/{bundle} && tar -xzf /media/{bundle}/checkout.tar.gz -C /root/{bundle}"
        self.control.sh(f"test -d /root/{bundle} || {{ {unpack}; }}")
        command = f"cd /root/{bundle}/jiucom && make {target} BUNDLE=/media/{bundle} ARGS='-i /root/inventory {words}'"
        done = subprocess.run(
            ["docker", "exec", self.control.container, "bash", "-c", command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1500,
        )  # fmt: skip
        assert done.returncode == code, done.stdout[-6000:]
        return done.stdout


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two signed bundles, the second of a newer checkout: another line in the API's source and in the recipe of an image.

    They take minutes; JIUCOM_BUNDLES names a directory that keeps them for the next run.
    """
    kept = os.environ.get("JIUCOM_BUNDLES", "")
    media = Path(kept) if kept else tmp_path_factory.mktemp("media")
    if (media / "second").is_dir():
        return media
    media.mkdir(exist_ok=True)
    media.chmod(0o755)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", media / "key")
    (media / "signers").write_text("operator " + (media / "key.pub").read_text())
    newer = media / "newer"
    run("git", "clone", "--quiet", ROOT, newer)
    for name in (".venv", ".cache"):
        (newer / name).symlink_to(ROOT / name)
    with (
        (newer / "api/jiucom/__init__.py").open("a") as source,
        (newer / "files/images/redis-exporter/Dockerfile").open("a") as recipe,
    ):
        source.write("# newer\n")
        recipe.write("# newer\n")
    for name, checkout in (("first", ROOT), ("second", newer)):
        words = [
            f"bundle_to={media}/{name}",
            f"bundle_key={media}/key",
            "bundle_distributions=debian-13",
            "bundle_pythons=3.13",
        ]
        command: list[str | Path] = [
            str(ROOT / ".venv/bin/ansible-playbook"),
            "playbooks/bundle.yml",
            *(word for one in words for word in ("-e", one)),
        ]
        print(run(*command, cwd=checkout)[-3000:])
    return media


@pytest.fixture(scope="module")
def site(network: str, media: Path) -> Iterator[Site]:
    """A control node with Python, make and ssh, and a host without Docker; then the way out is closed."""
    inventories = [ROOT / "molecule/shared/inventory", SCENARIO / "inventory", Path(__file__).with_name("hosts.yml")]
    environment = {"MOLECULE_PROJECT_DIRECTORY": str(ROOT), "MOLECULE_SCENARIO_DIRECTORY": str(SCENARIO)}
    names = "closed-control,closed-host"
    both = Machine(f"localhost,{names}", "", inventories, environment)
    made = both.play(ROOT / "molecule/shared/create.yml")
    assert made.code == 0, made.said[-4000:]
    control, host = (Machine(name, f"{network}-{name}", inventories, environment) for name in names.split(","))
    subnet = run("docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network).strip()
    inside = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = run("docker", "inspect", "--format", inside, host.container).strip()
    control.sh(
        "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends make openssh-client"
    )
    for one in (control, host):
        one.sh("systemctl mask --now apt-daily.timer apt-daily-upgrade.timer; rm -rf /var/lib/apt/lists/*")
        one.sh(f"printf 'nameserver {NOBODY}\\n' > /etc/resolv.conf")
        one.sh(EDGE.format(subnet=subnet))
    control.sh("mkdir -p /media /root/.ssh /root/inventory/group_vars/all")
    (media / "hosts.yml").write_text(HOSTS.format(address=address))
    sources = {
        media / "signers": "/root/.ssh/allowed_signers",
        KEY: "/root/key",
        media / "hosts.yml": "/root/inventory/hosts.yml",
    }
    sources |= {
        file: f"/root/inventory/group_vars/all/{file.name}"
        for file in (ROOT / "inventories/dev/group_vars/all").iterdir()
    }
    for source, target in sources.items():
        run("docker", "cp", source, f"{control.container}:{target}")
    control.sh("chown root: /root/key && chmod 600 /root/key")
    for name in ("first", "second"):
        run("docker", "cp", media / name, f"{control.container}:/media/{name}")
    yield Site(control, host, media)
    removed = both.play(ROOT / "molecule/shared/destroy.yml")
    assert removed.code == 0, removed.said[-2000:]


def changed(output: str) -> int:
    """Return the number of changes of a run that ended well."""
    assert re.search(r"All \d+ checks passed", output), output[-4000:]
    return int(re.findall(r"changed=(\d+)", output)[-1])


def test_the_counters_see_what_goes_out(site: Site) -> None:
    before = site.outward()
    assert set(before.values()) == {0}, "something went out before the first run"
    for one in (site.control, site.host):
        assert one.sh("python3 -c 'import socket; socket.getaddrinfo(\"registry.example\", 443)'; true")
    assert all(count > 0 for name, count in site.outward().items() if name.endswith(" iptables"))
    for one in (site.control, site.host):
        one.sh("iptables -t mangle -Z; ip6tables -t mangle -Z")


def test_a_damaged_bundle_is_refused_by_the_name_of_the_file(site: Site) -> None:
    copy = "cp -rl first damaged && rm damaged/images/images.tar.gz && head -c 1000000 first/images/images.tar.gz"
    site.control.sh(f"cd /media && {copy} > damaged/images/images.tar.gz")
    said = site.make("damaged", code=2)
    assert "/media/damaged/images/images.tar.gz is damaged" in said
    assert "PLAY" not in said
    site.control.sh("test ! -e /root/damaged/jiucom/.venv && rm -r /media/damaged /root/damaged")
    assert site.host.sh("ls -d /opt/jiucom /var/cache/jiucom", check=False).count("No such file") == 2


def test_it_is_installed_and_verified(site: Site) -> None:
    assert changed(site.make("first")) > 0
    assert site.host.sh("docker ps --quiet --filter health=healthy | wc -l") == "9"


def test_a_second_run_changes_nothing(site: Site) -> None:
    assert changed(site.make("first")) == 0


def test_a_bundle_that_is_damaged_later_is_refused_before_the_host_is_asked(site: Site) -> None:
    """The environment is there by then, and Ansible itself refuses."""
    site.control.sh(
        "cp -rl /media/first /media/later && ln -s first /root/later && rm /media/later/wheels/app-*/starlette-*"
    )
    said = " ".join(site.make("later", code=2).split())
    assert re.search(r"/media/later/wheels/app-\S+/starlette-\S+ is missing", said)
    assert "Docker, images and services" not in said
    site.control.sh("rm -r /media/later /root/later")


def test_a_newer_bundle_upgrades(site: Site) -> None:
    ask = "docker inspect --format '{{.Config.Image}}' $(docker ps --quiet --filter name=-app- --filter name=redis-exporter)"
    before = site.host.sh(ask).split()
    count = "mysql -N -u root -p$(cat /run/secrets/root_password) -e 'select count(*) from jiucom.parts' 2> /dev/null"
    parts = f'docker exec $(docker ps --quiet --filter name=-mysql-1) sh -c "{count}"'.replace("$(cat", "\\$(cat")
    rows = site.host.sh(parts)
    assert int(rows) > 0
    assert changed(site.make("second")) > 0
    after = site.host.sh(ask).split()
    assert len(before) == len(after) == 2
    assert not set(before) & set(after)
    assert site.host.sh(parts) == rows
    assert changed(site.make("second")) == 0


def test_no_packet_went_out(site: Site) -> None:
    counted = site.outward()
    print(counted)
    assert counted == dict.fromkeys(counted, 0)
    assert len(counted) == 4
