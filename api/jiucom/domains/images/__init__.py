"""Uploaded pictures: checked, re-encoded, stored as files, served with caching."""
