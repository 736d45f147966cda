"""Texts about schedule."""

TEXTS: dict[str, tuple[str, str]] = {}
