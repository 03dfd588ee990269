"""Prices: comparison, history, deals, alerts."""
