"""Metrics, traces, logs."""
