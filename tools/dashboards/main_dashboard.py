"""`jiucom-main`: the manual's board of four rows and sixteen panels (D5), on the API's native metrics."""

from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import (
    API,
    Language,
    Text,
    dashboard_frame,
    graph_panel,
    link,
    stat_panel,
    text_in,
    thresholds,
    trace_link,
)

REQUESTS = f"http_server_requests_seconds_count{{{API}}}"
# Without those of /actuator, and from 0 on: a series of REQUESTS is born with its first error, which rate() does not see.
ALL = f"jiucom_http_requests_total{{{API}}}"
ERRORS = f'jiucom_http_requests_total{{{API}, outcome="SERVER_ERROR"}}'


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    board = dashboard_frame(
        "jiucom-main",
        t("JIUCOM 통합 모니터링", "JIUCOM overview"),
        t(
            "매뉴얼 8장의 대시보드입니다. 경고선은 매뉴얼의 경고 신호입니다.",
            "The board of the manual's chapter 8; lines mark its warning signs.",
        ),
        ["overview"],
    )
    board = board.link(trace_link(t("추적 (Zipkin)", "Traces (Zipkin)")))
    board = board.link(link(t("엔드포인트별 보기", "Single endpoint"), "/grafana/d/jiucom-endpoint/jiucom-endpoint"))
    for add_row in (_overview, _http, _runtime, _stores):
        board = add_row(board, t)
    return board.build()


def _overview(board: dashboard_builder.Dashboard, t: Text) -> dashboard_builder.Dashboard:
    return (
        board.with_row(dashboard_builder.Row(t("개요", "Overview")))
        .with_panel(_api_status(t))
        .with_panel(
            stat_panel(
                t("메모리 사용률", "Memory used"),
                t(
                    "컨테이너 한도에 대한 비율입니다. 90 %를 넘으면 한도를 올리고 메모리 추이를 확인하세요.",
                    "Share of the container's limit. Above 90 % raise the limit and look at the memory trend.",
                ),
                f"max(jiucom_memory_used_bytes{{{API}}} / jiucom_memory_limit_bytes{{{API}}}) * 100",
                thresholds(75, 90),
                unit="percent",
                decimals=1,
            )
        )
        .with_panel(
            stat_panel(
                t("스레드", "Threads"),
                t(
                    "스레드가 가장 많은 복제본의 수입니다. 계속 늘어나면 끝나지 않는 작업이 있습니다: app 로그를 확인하세요.",
                    "Of the replica with the most. A number that only grows means work that never ends: read app's log.",
                ),
                f"max(jiucom_threads{{{API}}})",
                thresholds(100, 200),
            )
        )
        .with_panel(
            stat_panel(
                t("초당 요청 수", "Request rate"),
                t(
                    "최근 5분 평균입니다. 급증하면 nginx 로그에서 출발지를, 급감하면 nginx를 확인하세요.",
                    "Mean of 5 minutes. On a surge find the source in nginx's log, on a collapse check nginx.",
                ),
                f"sum(rate({REQUESTS}[5m]))",
                thresholds(None, None),
                unit="reqps",
                decimals=2,
            )
        )
        .with_panel(
            stat_panel(
                t("5xx 오류 비율", "5xx share"),
                t(
                    "최근 5분의 서버 오류 비율입니다. 1 %를 넘으면 Zipkin의 오류 추적을 확인하세요.",
                    "Server errors among 5 minutes' requests. Above 1 % read the failed traces in Zipkin.",
                ),
                # `0 *` instead of vector(0): without the API there is no share, and a green zero would be a lie.
                f"100 * sum(rate({ERRORS}[5m])) / (sum(rate({ALL}[5m])) > 0) or 0 * sum(rate({ALL}[5m]))",
                thresholds(0.5, 1),
                unit="percent",
                decimals=2,
                width=4,
            )
        )
    )


def _api_status(t: Text) -> stat.Panel:
    """UP while at least one replica answers; without any target Prometheus has no `up` at all, which is DOWN too."""
    up = dashboard.ValueMappingResult(text="UP", color="green", index=0)
    down = dashboard.ValueMappingResult(text="DOWN", color="red", index=1)
    return stat_panel(
        t("API 상태", "API status"),
        t(
            "DOWN이면 `docker compose ps`와 `docker compose logs app`을 확인하세요.",
            "On DOWN look at `docker compose ps` and `docker compose logs app`.",
        ),
        f"max(up{{{API}}}) or vector(0)",
        thresholds(None, 1, below=True),
    ).mappings([dashboard.ValueMap(options={"1": up, "0": down})])


def _http(board: dashboard_builder.Dashboard, t: Text) -> dashboard_builder.Dashboard:
    slow = trace_link(t("느린 추적", "Slow traces"), "&minDuration=1s")
    failed = trace_link(t("오류 추적", "Failed traces"), "&annotationQuery=error")
    bucket = f"http_server_requests_duration_seconds_bucket{{{API}}}"
    return (
        board.with_row(dashboard_builder.Row("HTTP"))
        .with_panel(
            graph_panel(
                t("평균 응답 시간", "Mean latency"),
                t(
                    "1초를 넘으면 느린 추적을 열어 DB와 Redis 중 어디서 시간이 걸리는지 확인하세요.",
                    "Above 1 s open the slow traces and see whether the database or Redis takes the time.",
                ),
                [
                    (
                        f"sum(rate(http_server_requests_seconds_sum{{{API}}}[$__rate_interval]))"
                        f" / sum(rate({REQUESTS}[$__rate_interval]))",
                        t("평균", "mean"),
                    ),
                    (f"max(http_server_requests_seconds_max{{{API}}})", t("최대", "max")),
                ],
                unit="s",
                limits=thresholds(None, 1),
                links=[slow],
            )
        )
        .with_panel(
            graph_panel(
                t("상태코드별 요청 수", "Requests by status"),
                t(
                    "5xx가 1 %를 넘으면 오류 추적과 app 로그를 확인하세요. 429는 속도 제한입니다.",
                    "When 5xx exceed 1 % read the failed traces and app's log. 429 is the rate limit.",
                ),
                [(f"sum by (status) (rate({REQUESTS}[$__rate_interval]))", "{{status}}")],
                unit="reqps",
                links=[failed],
                stacked=True,
                alarming="5..",
            )
        )
        .with_panel(
            graph_panel(
                t("응답 시간 백분위", "Latency percentiles"),
                t(
                    "p99만 높으면 일부 경로가 느린 것입니다: 엔드포인트별 보기에서 찾으세요. "
                    "5 ms, 30 ms, 0.2초, 1초, 5초 사이는 추정입니다.",
                    "A high p99 alone means some routes are slow: find them on the board of a single endpoint. "
                    "Between 5 ms, 30 ms, 0.2, 1 and 5 s it is an estimate.",
                ),
                [
                    (f"histogram_quantile({quantile}, sum by (le) (rate({bucket}[$__rate_interval])))", name)
                    for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                ],
                unit="s",
                limits=thresholds(None, 1),
                links=[slow],
            )
        )
    )


def _runtime(board: dashboard_builder.Dashboard, t: Text) -> dashboard_builder.Dashboard:
    return (
        board.with_row(dashboard_builder.Row(t("런타임", "Runtime")))
        .with_panel(
            graph_panel(
                t("메모리 추이", "Memory"),
                t(
                    "요청이 줄어도 계속 증가하면 누수입니다: 재시작하고 최근 배포를 확인하세요.",
                    "Growth without traffic is a leak: restart app, then look at the latest release.",
                ),
                [
                    (f"sum(jiucom_memory_used_bytes{{{API}}})", t("사용", "used")),
                    (f"sum(process_resident_memory_bytes{{{API}}})", t("프로세스 RSS", "process RSS")),
                    (f"sum(jiucom_memory_limit_bytes{{{API}}})", t("한도", "limit")),
                ],
                unit="bytes",
                limit=t("한도", "limit"),
                width=12,
            )
        )
        .with_panel(
            graph_panel(
                t("GC 일시정지 빈도", "GC pauses"),
                t(
                    "세대별 초당 횟수입니다. 2세대(Full GC)가 잦으면 메모리가 부족하거나 큰 응답이 많은 것입니다.",
                    "Per second. Frequent generation 2 (full GC) means scarce memory or very large answers.",
                ),
                [
                    (
                        f"sum by (generation) (rate(jiucom_gc_pause_seconds_count{{{API}}}[$__rate_interval]))",
                        t("{{generation}}세대", "generation {{generation}}"),
                    )
                ],
                unit="cps",
                width=12,
            )
        )
    )


def _stores(board: dashboard_builder.Dashboard, t: Text) -> dashboard_builder.Dashboard:
    return (
        board.with_row(dashboard_builder.Row(t("DB · 캐시", "Database and cache")))
        .with_panel(
            graph_panel(
                t("DB 커넥션 풀", "Database pool"),
                t(
                    "대기가 0보다 크면 풀이 소진된 것입니다: 느린 쿼리를 찾거나 DB_POOL_SIZE를 올리세요.",
                    "Waiting above 0 means an exhausted pool: find the slow query or raise DB_POOL_SIZE.",
                ),
                [
                    (f"sum(jiucom_db_pool_used{{{API}}})", t("사용", "used")),
                    (f"sum(jiucom_db_pool_idle{{{API}}})", t("유휴", "idle")),
                    (f"sum(jiucom_db_pool_waiting{{{API}}})", t("대기", "waiting")),
                    (f"sum(jiucom_db_pool_size{{{API}}})", t("크기", "size")),
                ],
                unit="short",
                alarming=t("대기", "waiting"),
            )
        )
        .with_panel(
            graph_panel(
                t("Redis 클라이언트", "Redis clients"),
                t(
                    "복제본 수에 비해 급증하면 연결이 반환되지 않는 것입니다: 최근 배포를 확인하세요.",
                    "A jump without new replicas means connections that are not returned: look at the latest release.",
                ),
                [
                    ("sum(redis_connected_clients)", t("연결", "connected")),
                    ("sum(redis_blocked_clients)", t("블록됨", "blocked")),
                ],
                unit="short",
            )
        )
        .with_panel(
            graph_panel(
                t("Redis 메모리", "Redis memory"),
                t(
                    "한도의 90 %를 넘으면 키의 수명을 줄이거나 maxmemory를 올리세요.",
                    "Above 90 % of the limit shorten the keys' lifetimes or raise maxmemory.",
                ),
                [
                    ("sum(redis_memory_used_bytes)", t("사용", "used")),
                    ("sum(redis_memory_max_bytes)", t("한도", "limit")),
                ],
                unit="bytes",
                limit=t("한도", "limit"),
            )
        )
        .with_panel(
            graph_panel(
                t("MySQL 초당 쿼리", "MySQL queries"),
                t(
                    "요청 수는 그대로인데 쿼리만 늘면 캐시가 비었거나 N+1 쿼리가 배포된 것입니다.",
                    "More queries for the same requests mean a cold cache or a release with N+1 queries.",
                ),
                [
                    ('rate(mysql_global_status_queries{job="mysql-exporter"}[$__rate_interval])', t("전체", "all")),
                    (
                        'rate(mysql_global_status_commands_total{job="mysql-exporter",'
                        ' command=~"select|insert|update|delete"}[$__rate_interval])',
                        "{{command}}",
                    ),
                ],
                unit="ops",
            )
        )
        .with_panel(
            graph_panel(
                t("MySQL 스레드", "MySQL threads"),
                t(
                    "실행 중인 스레드가 CPU보다 오래 많으면 쿼리가 밀립니다: `SHOW PROCESSLIST`를 확인하세요.",
                    "More running threads than cores for long means queries pile up: look at `SHOW PROCESSLIST`.",
                ),
                [
                    ('mysql_global_status_threads_connected{job="mysql-exporter"}', t("연결", "connected")),
                    ('mysql_global_status_threads_running{job="mysql-exporter"}', t("실행 중", "running")),
                ],
                unit="short",
            )
        )
        .with_panel(
            graph_panel(
                t("MySQL 슬로우 쿼리", "MySQL slow queries"),
                t(
                    "최근 5분의 건수입니다. 급증하면 슬로우 로그와 느린 추적에서 쿼리를 찾으세요.",
                    "Within 5 minutes. On a surge find the statement in the slow log and the slow traces.",
                ),
                [('increase(mysql_global_status_slow_queries{job="mysql-exporter"}[5m])', t("5분 건수", "in 5 min"))],
                unit="short",
                limits=thresholds(None, 10),
            )
        )
    )
