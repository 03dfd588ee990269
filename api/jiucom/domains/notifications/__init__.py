"""Notifications: stored, listed, and pushed to open connections."""
