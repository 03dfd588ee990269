"""board: a small read-only viewer of Grafana's dashboard files, for hosts where Grafana cannot be had."""

__version__ = "1.0.0"
