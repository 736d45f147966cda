"""Examples of the calls about air."""

from __future__ import annotations

from support.examples import Example

EXAMPLES: dict[str, Example] = {}
