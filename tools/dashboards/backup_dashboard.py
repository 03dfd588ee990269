"""`jiucom-backup`: what would be lost now, how old the newest archive and the last proof of a restore are."""

from grafana_foundation_sdk.models import dashboard

from tools.dashboards.parts import Language, dashboard_frame, graph_panel, link, stat_panel, text_in, thresholds

HOUR, DAY = 3600, 86400
VOLUMES_GONE = "time() - jiucom_binlog_copied_timestamp_seconds"
HOST_GONE = "time() - (jiucom_binlog_shipped_timestamp_seconds or jiucom_backup_shipped_timestamp_seconds)"
ARCHIVE = "time() - jiucom_backup_success_timestamp_seconds"
PROOF = "time() - jiucom_restore_proved_timestamp_seconds"


def build(language: Language) -> dashboard.Dashboard:
    """Return the dashboard with Korean or English texts."""
    t = text_in(language)
    volumes, host = t("볼륨을 잃으면", "Volumes gone"), t("호스트를 잃으면", "Host gone")
    return (
        dashboard_frame(
            "jiucom-backup",
            t("JIUCOM 백업", "JIUCOM backup"),
            t(
                "지금 무엇을 잃을 수 있는지, 복원할 수 있는지 보여 줍니다.",
                "What would be lost now, and whether it can be restored.",
            ),
            ["backup"],
        )
        .link(link(t("통합 모니터링", "Overview"), "/grafana/d/jiucom-main/jiucom-main"))
        .with_panel(
            stat_panel(
                volumes,
                t(
                    "지금 MySQL의 볼륨이 없어지면 잃는 시간입니다. 5분을 넘으면 바이너리 로그의 복사가 멈춘 것입니다.",
                    "What is lost if MySQL's volume goes now. Above 5 minutes the copying of binary logs has stopped.",
                ),
                VOLUMES_GONE,
                thresholds(60, 300),
                unit="s",
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                host,
                t(
                    "지금 호스트가 없어지면 잃는 시간입니다. 다른 호스트로 보내지 않으면 비어 있습니다.",
                    "What is lost if the host goes now. Empty where nothing is shipped to another host.",
                ),
                HOST_GONE,
                thresholds(HOUR, 26 * HOUR),
                unit="s",
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                t("마지막 아카이브", "Newest archive"),
                t("26시간을 넘으면 밤의 백업이 실패한 것입니다.", "Above 26 hours last night's backup has failed."),
                ARCHIVE,
                thresholds(25 * HOUR, 26 * HOUR),
                unit="s",
                width=6,
            )
        )
        .with_panel(
            stat_panel(
                t("마지막 복원 확인", "Last restore proved"),
                t(
                    "복원해 보고 내용을 비교한 아카이브의 나이입니다. 9일을 넘으면 연습이 실패한 것입니다.",
                    "Age of the archive that was last restored and compared. Above 9 days the drill has failed.",
                ),
                PROOF,
                thresholds(8 * DAY, 9 * DAY),
                unit="s",
                width=6,
            )
        )
        .with_panel(
            graph_panel(
                t("잃을 수 있는 시간", "What would be lost"),
                t("점선은 경보가 나는 5분입니다.", "The dashed line is the alert's 5 minutes."),
                [(VOLUMES_GONE, volumes), (HOST_GONE, host)],
                unit="s",
                limits=thresholds(None, 300),
                width=12,
            )
        )
        .with_panel(
            graph_panel(
                t("아카이브의 크기", "Size of the archives"),
                t("갑자기 작아지면 무엇이 빠졌는지 확인하세요.", "Where it drops, look at what is missing."),
                [
                    ("jiucom_backup_size_bytes", t("아카이브", "archive")),
                    ("jiucom_backup_dump_bytes", t("덤프", "dump")),
                ],
                unit="bytes",
                width=12,
            )
        )
        .build()
    )
