"""A second run changes nothing; what was changed by hand is named and repaired (issue 2)."""

from __future__ import annotations

from hosts import Host, wait_for


def test_check_mode_tells_the_truth_and_touches_no_container(host: Host) -> None:
    before = host.ids()
    changed, _ = host.apply("--check", "--diff")
    assert changed == 0
    assert host.ids() == before


def test_check_mode_counts_a_stopped_container_and_leaves_it(host: Host) -> None:
    host.run("docker compose stop redis-exporter")
    changed, output = host.apply("--check")
    assert changed == 1
    assert "redis-exporter: exited" in output
    assert host.inspect()["redis-exporter"][0]["State"]["Status"] == "exited"
    host.run("docker compose start redis-exporter")
    wait_for(lambda: host.health()["redis-exporter"] == "healthy", 60, "the exporter")


def test_what_was_changed_by_hand_is_named_and_repaired_alone(host: Host) -> None:
    """A file of Redis, a file that nginx has read since, and a container that was stopped: one run finds all three."""
    before = host.ids()
    host.write("redis/conf/redis.conf", "\nmaxclients 77\n")
    host.run('sed -i \'s/return 200 "OK"/return 200 "HACKED"/\' nginx/conf/nginx.conf')
    host.run("docker compose exec nginx nginx -c /etc/nginx/jiucom/nginx.conf -s reload")
    wait_for(lambda: host.get("/health") == (200, "HACKED"), 10, "the hand-made change")
    host.run("docker compose stop zipkin")

    changed, output = host.apply()

    assert changed > 0
    assert "-maxclients 77" in output
    assert "redis: its files are newer than its container" in output
    assert "nginx: its files are newer than what it has read" in output
    assert "zipkin: exited" in output
    assert "maxclients 77" not in host.run("cat redis/conf/redis.conf")
    wait_for(lambda: host.get("/health") == (200, "OK"), 10, "the repaired gateway")
    assert set(host.health().values()) == {"healthy"}
    after = host.ids()
    assert {name for name in after if after[name] != before[name]} == {"redis"}


def test_a_changed_limit_recreates_its_service_alone(host: Host) -> None:
    before = host.ids()
    _, output = host.apply("-e", '{"platform_services_overrides": {"zipkin": {"memory": "600m"}}}')
    assert "zipkin: its definition in compose.yaml changed" in output
    after = host.inspect()
    assert after["zipkin"][0]["HostConfig"]["Memory"] == 600 * 2**20
    assert {name for name in after if {c["Id"] for c in after[name]} != before[name]} == {"zipkin"}
    # As Compose itself counts it: the next run, and the manual's own `up`, find nothing to do.
    hashes = dict(line.split() for line in host.run("docker compose config --hash zipkin").splitlines())
    assert after["zipkin"][0]["Config"]["Labels"]["com.docker.compose.config-hash"] == hashes["zipkin"]


def test_a_broken_template_is_caught_before_it_replaces_the_running_one(host: Host) -> None:
    before, running = host.ids(), host.run("cat nginx/conf/nginx.conf prometheus/conf/prometheus.yml")
    for variable, said in {
        "gateway_max_body=plenty": "client_max_body_size",
        "monitoring_scrape_interval=often": "often",
    }.items():
        code, output = host.playbook("-e", variable)
        assert code != 0
        assert said in output
    assert host.run("cat nginx/conf/nginx.conf prometheus/conf/prometheus.yml") == running
    assert host.ids() == before
    assert host.get("/api/v1/parts?size=1")[0] == 200


def test_a_restart_of_the_daemon_keeps_the_containers(host: Host) -> None:
    before = {name: group[0]["State"]["StartedAt"] for name, group in host.inspect().items()}
    host.run("systemctl restart docker")
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 60, "all healthy again")
    assert {name: group[0]["State"]["StartedAt"] for name, group in host.inspect().items()} == before
