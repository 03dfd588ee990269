"""The user's own account and content."""
