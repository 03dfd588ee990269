"""Measurements: what a request costs, and how that grows with the data. Results are tables, and JSON in .cache/bench."""
