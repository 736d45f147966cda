"""Texts about airing."""

TEXTS: dict[str, tuple[str, str]] = {}
