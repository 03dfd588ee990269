"""Comments of posts, in threads of any depth."""
