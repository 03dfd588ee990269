"""What was changed by hand is named and repaired, and nothing else is touched: Redis, its exporter and nginx stand for all."""

from __future__ import annotations

from hosts import Host, wait_for


def test_check_mode_counts_a_stopped_container_and_leaves_it(host: Host) -> None:
    host.run("docker compose stop redis-exporter")
    changed, output = host.apply("--check")
    assert changed == 1
    assert "redis-exporter: exited" in output
    assert host.inspect()["redis-exporter"][0]["State"]["Status"] == "exited"


def test_what_was_changed_by_hand_is_named_and_repaired_alone(host: Host) -> None:
    """A file of Redis, a file that nginx has read since, a secret, and the container that still is stopped."""
    before = host.ids()
    host.write("redis/conf/redis.conf", "\nmaxclients 77\n")
    host.run('sed -i \'s/return 200 "OK"/return 200 "HACKED"/\' nginx/conf/*.conf')
    host.run("docker compose exec nginx nginx -c /etc/nginx/jiucom/nginx.conf -s reload")
    wait_for(lambda: host.get("/health") == (200, "HACKED"), 10, "the hand-made change")
    host.run("printf wrong > redis/secrets/health_password")

    changed, output = host.apply()

    assert changed > 0
    assert "-maxclients 77" in output
    assert "health_password: secret written" in output
    assert "redis: its files changed" in output
    assert "nginx: its files changed since it read them" in output
    assert "redis-exporter: exited" in output
    assert "maxclients 77" not in host.run("cat redis/conf/redis.conf")
    wait_for(lambda: host.get("/health") == (200, "OK"), 10, "the repaired gateway")
    host.wait_until_healthy(60)
    after = host.ids()
    assert {name for name in after if after[name] != before[name]} == {"redis"}
