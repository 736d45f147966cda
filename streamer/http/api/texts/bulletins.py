"""Texts about bulletins."""

TEXTS: dict[str, tuple[str, str]] = {}
