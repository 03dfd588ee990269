"""`jiucom-replica`: what the read replicas of MySQL take over, and how far they are behind."""

from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import Language, dashboard_frame, graph_panel, link, stat_panel, text_in, thresholds

READS = 'sum(rate(jiucom_db_reads_total{job="jiucom-api", server="replica"}[5m]))'
ALL_READS = 'sum(rate(jiucom_db_reads_total{job="jiucom-api"}[5m]))'


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    return (
        dashboard_frame(
            "jiucom-replica",
            t("JIUCOM 읽기 복제본", "JIUCOM read replicas"),
            t(
                "MySQL의 읽기 복제본이 얼마나 처리하고 얼마나 뒤처져 있는지 보여 줍니다.",
                "What the read replicas of MySQL take over, and how far they are behind.",
            ),
            ["mysql"],
        )
        .link(link(t("통합 모니터링", "Overview"), "/grafana/d/jiucom-main/jiucom-main"))
        .with_panel(
            stat_panel(
                t("복제본의 읽기 비율", "Reads on replicas"),
                t(
                    "API의 읽기 중 복제본이 처리한 비율입니다. 캐시를 채우는 읽기와 본인의 데이터는 주 서버에서 읽습니다.",
                    "Of all reads of the API. What fills the cache, and users' own data, is read from the primary.",
                ),
                f"100 * {READS} / {ALL_READS}",
                thresholds(None, None),
                unit="percent",
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("지연", "Lag"),
                t(
                    "가장 뒤처진 복제본의 지연입니다. 심장 박동이 1초마다 기록되므로 1초까지는 정상입니다.",
                    "Of the replica that is furthest behind. Up to a second is normal: so often the heartbeat is written.",
                ),
                'max(jiucom_db_replica_lag_seconds{job="jiucom-api"})',
                thresholds(3, 10),
                unit="s",
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("사용 중인 복제본", "Replicas in use"),
                t(
                    "0이면 모든 읽기를 주 서버가 처리합니다: `make doctor`를 실행하세요.",
                    "At 0 the primary takes all reads: run `make doctor`.",
                ),
                'sum(max by (replica) (jiucom_db_replica_in_use{job="jiucom-api"}))',
                thresholds(None, None),
                unit="short",
                width=8,
            )
        )
        .with_panel(
            graph_panel(
                t("읽기", "Reads"),
                t("서버별 초당 읽기 세션입니다.", "Sessions for reads a second, by server."),
                [('sum by (server) (rate(jiucom_db_reads_total{job="jiucom-api"}[$__rate_interval]))', "{{server}}")],
                unit="ops",
            )
        )
        .with_panel(
            graph_panel(
                t("복제본별 지연", "Lag of each replica"),
                t(
                    "계속 늘면 복제가 멈췄거나 복제본이 쓰기를 따라가지 못하는 것입니다.",
                    "Where it grows steadily, replication has stopped or the replica cannot keep up with the writes.",
                ),
                [('max by (replica) (jiucom_db_replica_lag_seconds{job="jiucom-api"})', "{{replica}}")],
                unit="s",
            )
        )
        .with_panel(
            graph_panel(
                t("복제본의 초당 쿼리", "Queries of each replica"),
                t("복제로 받은 변경은 세지 않습니다.", "Without the changes that it receives."),
                [('rate(mysql_global_status_queries{job="mysql-replica"}[$__rate_interval])', "{{instance}}")],
                unit="ops",
            )
        )
        .with_panel(
            graph_panel(
                t("복제본의 스레드", "Threads of each replica"),
                t(
                    "실행 중인 스레드가 CPU보다 오래 많으면 쿼리가 밀립니다.",
                    "More running threads than cores for long means queries pile up.",
                ),
                [('mysql_global_status_threads_running{job="mysql-replica"}', "{{instance}}")],
                unit="short",
            )
        )
        .build()
    )
