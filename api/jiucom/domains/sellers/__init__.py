"""Shops: who they are, what they offer, and how a user gets one."""
