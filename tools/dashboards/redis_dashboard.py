"""`jiucom-redis`: each server of a Redis cluster, and what the cluster lacks."""

from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import Language, dashboard_frame, graph_panel, link, stat_panel, text_in, thresholds

SLOTS = 16384
ALONE = 'count(redis_instance_info{role="master"} and on (instance) redis_connected_slaves == 0) or vector(0)'


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    return (
        dashboard_frame(
            "jiucom-redis",
            t("JIUCOM Redis 클러스터", "JIUCOM Redis cluster"),
            t(
                "클러스터의 서버마다 메모리와 명령, 맡은 이가 없는 슬롯을 보여 줍니다.",
                "Memory and commands of each server of the cluster, and slots that no server has.",
            ),
            ["redis"],
        )
        .link(link(t("통합 모니터링", "Overview"), "/grafana/d/jiucom-main/jiucom-main"))
        .with_panel(
            stat_panel(
                t("응답하는 서버", "Servers that answer"),
                t(
                    "여섯보다 적으면 `docker compose ps`에서 멈춘 서버를 찾으세요.",
                    "Fewer than six: find the one that is stopped with `docker compose ps`.",
                ),
                "sum(redis_up)",
                thresholds(None, 6, below=True),
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("맡은 서버가 있는 슬롯", "Slots served"),
                t(
                    f"{SLOTS}보다 적으면 그 키들은 캐시와 한도 없이 처리됩니다.",
                    f"Fewer than {SLOTS}: the API does without Redis for the keys of the others.",
                ),
                "min(redis_cluster_slots_ok)",
                thresholds(None, SLOTS, below=True),
                # Not 16.4 K, which a lost slot would not change.
                unit="none",
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("복제본이 없는 주 서버", "Primaries without a replica"),
                t(
                    "1 이상이면 그 주 서버가 멈출 때 이어받을 서버가 없습니다.",
                    "Above 0: nothing takes the place of such a primary when it ends.",
                ),
                ALONE,
                thresholds(None, 1),
                width=8,
            )
        )
        .with_panel(
            graph_panel(
                t("서버별 메모리", "Memory of each server"),
                t(
                    "복제본은 주 서버와 같은 데이터를 갖습니다. 한도에 가까우면 maxmemory를 올리세요.",
                    "A replica holds what its primary holds. Near the limit raise maxmemory.",
                ),
                [("redis_memory_used_bytes", "{{instance}}")],
                unit="bytes",
            )
        )
        .with_panel(
            graph_panel(
                t("서버별 초당 명령", "Commands of each server"),
                t(
                    "한 주 서버에만 몰리면 그 서버의 키 하나가 많이 쓰이는 것입니다.",
                    "Where one primary has most of them, one key of its slots is used much.",
                ),
                [("rate(redis_commands_processed_total[$__rate_interval])", "{{instance}}")],
                unit="ops",
            )
        )
        .with_panel(
            graph_panel(
                t("서버별 연결", "Connections of each server"),
                t(
                    "복제본 수에 비해 급증하면 연결이 반환되지 않는 것입니다.",
                    "A jump without new replicas of the API means connections that are not returned.",
                ),
                [("redis_connected_clients", "{{instance}}")],
                unit="short",
            )
        )
        .build()
    )
