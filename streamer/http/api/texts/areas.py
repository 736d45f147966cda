"""Texts about areas."""

TEXTS: dict[str, tuple[str, str]] = {}
