"""Texts about people."""

TEXTS: dict[str, tuple[str, str]] = {}
