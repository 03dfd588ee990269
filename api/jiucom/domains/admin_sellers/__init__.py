"""Applications for shops, decided by administrators."""
