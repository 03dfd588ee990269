"""Backup, restore and drill of a JIUCOM installation. Runs on the host as root, with Debian's Python alone."""
