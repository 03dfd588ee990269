"""Boards and what is written there."""
