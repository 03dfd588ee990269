"""One search over parts, posts and builds, and suggestions while typing."""
