"""Administration of the catalogue: single parts, and uploads."""
