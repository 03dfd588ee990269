"""The manual's PromQL, word for word (D3)."""

SERVER_ERRORS = (
    'rate(http_server_requests_seconds_count{status=~"5.."}[5m])\n/ rate(http_server_requests_seconds_count[5m]) * 100'
)

# Chapter 8.
EXPRESSIONS = (
    'up{job="jiucom-api"}',
    'jvm_memory_used_bytes{area="heap"} / jvm_memory_max_bytes{area="heap"} * 100',
    'rate(http_server_requests_seconds_count{job="jiucom-api"}[5m])',
    SERVER_ERRORS,
    "rate(http_server_requests_seconds_sum[5m])\n/ rate(http_server_requests_seconds_count[5m])",
)

# Chapter 4.
METRICS = (
    "jvm_memory_used_bytes",
    "jvm_threads_live_threads",
    "http_server_requests_seconds_count",
    "http_server_requests_seconds_sum",
    "hikaricp_connections_active",
    "jvm_gc_pause_seconds_count",
)
