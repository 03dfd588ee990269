"""Prices: what sellers ask, asked, and who wants to hear of it."""
