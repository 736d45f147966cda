"""What the desk refuses, and why: by a code that has words in every language.

Who calls knows by the type whose fault it is. ``code`` is looked up in ``http/api/texts``, its
placeholders are filled from ``values``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: ``field`` is its path in the request (``targets.0``)."""

    field: str
    code: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)


class DeskError(Exception):
    """The base of everything that the desk refuses.

    ``status``: the one of HTTP, for kinds that have one of their own.
    """

    status: int | None = None

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.code = code
        self.values = values


class NotFound(DeskError):
    """There is no such thing."""


class Forbidden(DeskError):
    """Whoever asked has no right to this."""


class Invalid(DeskError):
    """The request makes no sense; ``fields`` names each rejected one."""

    def __init__(self, *fields: FieldProblem, code: str = "invalid", **values: Any) -> None:
        super().__init__(code, **values)
        self.fields = fields


class Conflict(DeskError):
    """It collides with ``others``: what, by kind, id and name."""

    def __init__(self, code: str, others: Sequence[dict[str, Any]] = (), **values: Any) -> None:
        super().__init__(code, **values)
        self.others = list(others)


class Stale(DeskError):
    """Somebody changed it meanwhile: ``version`` is the one that is there now."""

    def __init__(self, version: int) -> None:
        super().__init__("stale", version=version)
        self.version = version


class SignedOut(DeskError):
    """Nobody, where somebody is needed."""


class TooMany(DeskError):
    """Tried too often, or by too many at once; ``after`` seconds to wait."""

    def __init__(self, code: str, after: float) -> None:
        super().__init__(code, after=max(1, round(after)))
        self.after = after
