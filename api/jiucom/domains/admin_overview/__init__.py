"""The dashboard of administrators: totals and daily numbers."""
