"""A service's volume on a small file system of its own, which can be filled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hosts import Host

SMALL = "/mnt/small"
BALLAST = f"{SMALL}/ballast"


@dataclass
class Disk:
    """The small file system of a host."""

    host: Host

    def fill(self, free: float) -> None:
        """Leave so much of it free, a share of its size; 0 leaves nothing."""
        if not free:
            self.host.run(f"dd if=/dev/zero of={BALLAST} bs=64k oflag=append conv=notrunc 2> /dev/null || true")
            return
        size, left = map(int, self.host.run(f"df --output=size,avail -B1 {SMALL} | tail -1").split())
        assert left > size * free, f"{left} of {size} bytes are free"
        self.host.run(f"head -c {left - int(size * free)} /dev/zero >> {BALLAST}")

    def empty(self) -> None:
        """Take away what fills it."""
        self.host.run(f"rm -f {BALLAST}")


@contextmanager
def small_volume(host: Host, service: str, volume: str, spare: int) -> Iterator[Disk]:
    """Have the volume's data on a file system that has `spare` MB left, until the end of the block."""
    data = f"$(docker volume inspect --format '{{{{.Mountpoint}}}}' {volume})"
    host.run(f"docker compose stop {service}")
    size = f"$(($(du -sm {data} | cut -f1) + {spare}))m"
    host.run(f"mkdir -p {SMALL} && mount -t tmpfs -o size={size},mode=0755 full {SMALL}")
    host.run(f"cp -a {data}/. {SMALL}/ && chown --reference {data} {SMALL} && mount --bind {SMALL} {data}")
    host.run(f"docker compose start {service}")
    host.wait_until_healthy()
    disk = Disk(host)
    try:
        yield disk
    finally:
        host.run(f"docker compose stop {service}")
        disk.empty()
        host.run(f"umount {data} && cp -a {SMALL}/. {data}/ && umount {SMALL}")
        host.run(f"docker compose start {service}")
        host.wait_until_healthy()
