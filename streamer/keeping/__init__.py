"""Keeping a server: backups, putting one back, and finding what is missing or wrong."""
