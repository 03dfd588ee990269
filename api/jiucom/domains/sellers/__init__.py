"""Shops: applications, products, statistics."""
