"""A Redis cluster for the tests: six servers in one container, three of them replicas."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from testing.images import image
from testing.servers import docker, free_port

_SERVER = (
    "redis-server --port {port} --cluster-enabled yes --cluster-announce-ip 127.0.0.1 --cluster-port 1{index}000"
    " --cluster-node-timeout {timeout} --cluster-require-full-coverage no --protected-mode no --daemonize yes"
    " --dir /tmp --appendonly yes --appenddirname {port} --cluster-config-file {port}.conf --pidfile /tmp/{port}.pid"
)
# Without an answer for so long a server counts as failed (ms).
_TIMEOUT = 500


def _at(port: int) -> Redis:
    """A client of one server, on one connection."""
    return Redis(port=port, socket_timeout=0.5, retry=Retry(NoBackoff(), 0), single_connection_client=True)


class Cluster:
    """Three primaries with a replica each, as their ports on loopback."""

    def __init__(self, container: str, ports: list[int], timeout: int = _TIMEOUT) -> None:
        self._container = container
        self._timeout = timeout
        self.ports = ports

    @property
    def nodes(self) -> str:
        """The value of REDIS_CLUSTER_NODES."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self, port: int) -> None:
        """Start the server of this port."""
        command = _SERVER.format(port=port, index=self.ports.index(port) + 1, timeout=self._timeout)
        docker("exec", "--detach", self._container, *command.split())

    def signal(self, port: int, name: str) -> None:
        """Send a signal to the server of this port."""
        docker("exec", self._container, "sh", "-c", f"kill -{name} $(cat /tmp/{port}.pid)")

    def primary(self, key: str) -> int:
        """The port of the server that has the slot of a key now, as most servers say."""
        said: list[int] = []
        for port in self.ports:
            try:
                with _at(port) as one:
                    slot = one.execute_command("CLUSTER KEYSLOT", key)
                    ranges = one.execute_command("CLUSTER SLOTS")
            except RedisError:
                continue
            said += [primary[1] for first, last, primary, *_ in ranges if first <= slot <= last]
        return max(said, key=said.count)

    def is_primary(self, port: int) -> bool:
        """Whether a server has slots."""
        with _at(port) as one:
            return bool(one.execute_command("INFO", "replication")["role"] == "master")

    def hand_over(self, port: int) -> None:
        """Let the replica of a primary take its place, and return once the primary follows it."""
        with _at(port) as primary:
            replica = int(primary.execute_command("INFO", "replication")["slave0"]["port"])
            with _at(replica) as other:
                other.execute_command("CLUSTER", "FAILOVER")
            while primary.execute_command("INFO", "replication")["role"] != "slave":
                time.sleep(0.02)

    def replicated(self, port: int, key: str) -> None:
        """Return once the replica of this server has what was written so far; `key` is one of the server's."""
        with _at(port) as one:
            one.append(key, "")
            if one.execute_command("WAIT", 1, 400) < 1:
                raise TimeoutError("the replica does not follow")

    def whole(self) -> bool:
        """Whether every server answers, sees all slots served, and each replica is in step with its primary."""
        try:
            for port in self.ports:
                with _at(port) as one:
                    state, role = one.execute_command("CLUSTER INFO"), one.execute_command("INFO", "replication")
                if state["cluster_state"] != "ok" or state["cluster_slots_ok"] != "16384":
                    return False
                if not (role.get("connected_slaves") or role.get("master_link_status") == "up"):
                    return False
        except RedisError:
            return False
        return True


@contextmanager
def redis_cluster(timeout: int = _TIMEOUT) -> Iterator[Cluster]:
    """A cluster of the test's own, whose servers count as failed without an answer for `timeout` ms."""
    name, free = f"jiucom-test-cluster-{uuid.uuid4().hex[:8]}", set[int]()
    while len(free) < 6:
        free.add(free_port())
    ports = sorted(free)
    published = [word for port in ports for word in ("--publish", f"127.0.0.1:{port}:{port}")]
    docker("run", "--detach", "--init", "--name", name, *published, image("redis"), "sleep", "infinity")
    try:
        cluster = Cluster(name, ports, timeout)
        for port in ports:
            cluster.start(port)
        servers = " ".join(cluster.nodes.split(","))
        create = f"redis-cli --cluster create {servers} --cluster-replicas 1 --cluster-yes"
        docker("exec", name, "sh", "-c", f"for i in $(seq 50); do {create} && exit; sleep 0.2; done; exit 1")
        await_whole(cluster)
        yield cluster
    finally:
        docker("rm", "--force", "--volumes", name)


def await_whole(cluster: Cluster, seconds: float = 60) -> None:
    """Return once the cluster is whole. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not cluster.whole():
        if time.monotonic() > end:
            raise TimeoutError("the cluster is not whole")
        time.sleep(0.1)
