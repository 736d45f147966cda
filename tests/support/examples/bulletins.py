"""Examples of the calls about bulletins."""

from __future__ import annotations

from support.examples import Example

EXAMPLES: dict[str, Example] = {}
