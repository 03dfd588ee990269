"""Rules about parts and searches: pure functions."""
