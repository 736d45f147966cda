"""Texts about webhooks."""

TEXTS: dict[str, tuple[str, str]] = {}
