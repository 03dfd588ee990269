"""Boards and posts."""
