"""What users are told: stored, listed, and pushed to open connections."""
