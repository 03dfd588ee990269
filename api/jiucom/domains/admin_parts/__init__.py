"""The catalogue, for administrators: one part at a time, or thousands."""
