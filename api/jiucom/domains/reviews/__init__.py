"""Reviews of parts."""
