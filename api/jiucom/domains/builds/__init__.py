"""Builds: lists of parts that make a computer."""
