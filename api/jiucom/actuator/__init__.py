"""What machines ask: health, info, metrics, loggers. Spring's paths and shapes (contract 1.18), no envelope."""
