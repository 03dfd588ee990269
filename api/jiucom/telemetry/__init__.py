"""What the process tells about itself: metrics, traces, logs."""
