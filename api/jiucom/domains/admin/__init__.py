"""What only administrators do."""
