"""Texts about air."""

TEXTS: dict[str, tuple[str, str]] = {}
