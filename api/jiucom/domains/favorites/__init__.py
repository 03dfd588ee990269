"""Favourite parts of users."""
