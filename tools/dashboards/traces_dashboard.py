"""`jiucom-traces`: whether traces are stored, how much room they have, and how far they reach back."""

from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import Language, dashboard_frame, graph_panel, link, stat_panel, text_in, thresholds

DROPPED = "sum(increase(zipkin_collector_spans_dropped_total[5m]))"
STORED = "sum(rate(zipkin_collector_spans_total[5m])) - sum(rate(zipkin_collector_spans_dropped_total[5m]))"
LOST = "sum(rate(zipkin_collector_spans_dropped_total[5m]))"
FREE = "100 * jiucom_traces_disk_available_bytes / jiucom_traces_disk_total_bytes"
BACK = "time() - jiucom_traces_oldest_timestamp_seconds"


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    return (
        dashboard_frame(
            "jiucom-traces",
            t("JIUCOM 트레이스 저장소", "JIUCOM store of traces"),
            t(
                "트레이스가 저장되는지, 공간이 남아 있는지 보여 줍니다.",
                "Whether traces are stored, and how much room they have.",
            ),
            ["traces"],
        )
        .link(link(t("통합 모니터링", "Overview"), "/grafana/d/jiucom-main/jiucom-main"))
        .with_panel(
            stat_panel(
                t("상태", "Status"),
                t(
                    "0은 green, 1은 yellow(복제본 부족), 2는 red(데이터 없음)입니다. runbook의 TraceStoreDown을 보세요.",
                    "0 is green, 1 yellow (copies are missing), 2 red (data is missing): see TraceStoreDown in the runbook.",
                ),
                "jiucom_traces_store_status",
                thresholds(1, 2),
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                t("5분간 버린 스팬", "Spans dropped in 5 minutes"),
                t(
                    "Zipkin이 저장하지 못한 스팬입니다. 0이 아니면 저장소의 디스크와 상태를 보세요.",
                    "What Zipkin could not store. Above 0, look at the store's disk and status.",
                ),
                DROPPED,
                thresholds(None, 1),
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                t("디스크의 남은 공간", "Disk left"),
                t(
                    "10 % 아래에서는 새 날짜의 인덱스를 만들지 못하고, 5 % 아래에서는 읽기 전용이 됩니다.",
                    "Below 10 % no new day begins, below 5 % indices become read-only.",
                ),
                FREE,
                thresholds(None, 12, below=True),
                unit="percent",
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                t("보관 기간", "Reaches back"),
                t(
                    "가장 오래된 날짜의 나이입니다. tracing_retention_days보다 크면 삭제 작업이 실패한 것입니다.",
                    "Age of the oldest day. Above tracing_retention_days the removal has failed.",
                ),
                BACK,
                thresholds(None, None),
                unit="s",
                width=6,
            )
        )
        .with_panel(
            graph_panel(
                t("초당 스팬", "Spans a second"),
                t("버린 스팬은 다시 오지 않습니다.", "What is dropped does not come again."),
                [(STORED, t("저장", "stored")), (LOST, t("버림", "dropped"))],
                unit="short",
                alarming=t("버림", "dropped"),
                width=12,
            )
        )
        .with_panel(
            graph_panel(
                t("트레이스의 크기", "Size of the traces"),
                t(
                    "디스크가 부족하면 tracing_retention_days나 tracing_sampling을 낮추세요.",
                    "Short of disk, lower tracing_retention_days or tracing_sampling.",
                ),
                [("jiucom_traces_bytes", t("크기", "size"))],
                unit="bytes",
                width=12,
            )
        )
        .build()
    )
