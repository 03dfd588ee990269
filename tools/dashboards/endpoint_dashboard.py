"""`jiucom-endpoint`: one route of the API, chosen by the variable `uri`."""

from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import (
    API,
    PROMETHEUS,
    Language,
    dashboard_frame,
    graph_panel,
    link,
    stat_panel,
    table_panel,
    text_in,
    thresholds,
    trace_link,
)

SELECTED = f'{API}, uri="$uri", method=~"$method"'
REQUESTS = f"http_server_requests_seconds_count{{{SELECTED}}}"
ERRORS = f'http_server_requests_seconds_count{{{SELECTED}, status=~"5.."}}'
SECONDS = f"http_server_requests_seconds_sum{{{SELECTED}}}"


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    slow = trace_link(t("느린 추적", "Slow traces"), "&minDuration=1s")
    by_status = f"sum by (status, exception) (increase({REQUESTS}[$__range]))"
    bucket = f"http_server_requests_duration_seconds_bucket{{{SELECTED}}}"
    return (
        dashboard_frame(
            "jiucom-endpoint",
            t("JIUCOM 엔드포인트", "JIUCOM endpoint"),
            t("경로 하나의 요청 수, 오류와 응답 시간입니다.", "Requests, errors and latency of a single route."),
            ["endpoint"],
        )
        .link(link(t("통합 모니터링", "Overview"), "/grafana/d/jiucom-main/jiucom-main"))
        .link(trace_link(t("추적 (Zipkin)", "Traces (Zipkin)")))
        .with_variable(_labels_of("uri", t("경로", "Route"), f"http_server_requests_seconds_count{{{API}}}"))
        .with_variable(
            _labels_of("method", t("메서드", "Method"), f'http_server_requests_seconds_count{{{API}, uri="$uri"}}')
            .include_all(True)
            .all_value(".*")
        )
        .with_panel(
            stat_panel(
                t("초당 요청 수", "Request rate"),
                t("최근 5분 평균입니다.", "Mean of the last 5 minutes."),
                f"sum(rate({REQUESTS}[5m]))",
                thresholds(None, None),
                unit="reqps",
                decimals=2,
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("평균 응답 시간", "Mean latency"),
                t("1초를 넘으면 느린 추적을 확인하세요.", "Above 1 s look at the slow traces."),
                f"sum(rate({SECONDS}[5m])) / (sum(rate({REQUESTS}[5m])) > 0)",
                thresholds(0.5, 1),
                unit="s",
                decimals=1,
                width=8,
            )
        )
        .with_panel(
            stat_panel(
                t("5xx 오류 비율", "5xx share"),
                t(
                    "1 %를 넘으면 아래 표의 예외를 app 로그에서 찾으세요.",
                    "Above 1 % look for the table's exceptions in app's log.",
                ),
                f"100 * (sum(rate({ERRORS}[5m])) or 0 * sum(rate({REQUESTS}[5m]))) / (sum(rate({REQUESTS}[5m])) > 0)",
                thresholds(0.5, 1),
                unit="percent",
                decimals=2,
                width=8,
            )
        )
        .with_panel(
            graph_panel(
                t("상태코드별 요청 수", "Requests by status"),
                t("선택한 경로의 초당 요청 수입니다.", "Requests per second of the chosen route."),
                [(f"sum by (status) (rate({REQUESTS}[$__rate_interval]))", "{{status}}")],
                unit="reqps",
                stacked=True,
                alarming="5..",
                width=12,
            )
        )
        .with_panel(
            graph_panel(
                t("응답 시간 백분위", "Latency percentiles"),
                t(
                    "p50과 p99가 멀수록 입력에 따라 차이가 큽니다. 5 ms, 30 ms, 0.2초, 1초, 5초 사이는 추정입니다.",
                    "The wider p50 and p99 part, the more the input matters. "
                    "Between 5 ms, 30 ms, 0.2, 1 and 5 s it is an estimate.",
                ),
                [
                    (f"histogram_quantile({quantile}, sum by (le) (rate({bucket}[$__rate_interval])))", name)
                    for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                ],
                unit="s",
                limits=thresholds(None, 1),
                links=[slow],
                width=12,
            )
        )
        .with_panel(
            table_panel(
                t("상태코드와 예외", "Statuses and exceptions"),
                t("선택한 기간의 건수입니다.", "Counts within the chosen time range."),
                f"sort_desc({by_status} > 0)",
                unit="short",
                hide=[],
                width=24,
            )
        )
        .build()
    )


def _labels_of(label: str, title: str, metric: str) -> dashboard_builder.QueryVariable:
    query: dict[str, object] = {"query": f"label_values({metric}, {label})", "refId": label}
    return (
        dashboard_builder.QueryVariable(label)
        .label(title)
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(False)
        .allow_custom_value(False)
    )
