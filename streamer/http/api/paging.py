"""Lists that can grow: asked for in pages by ``?limit=`` and ``?after=``, in the order of ids.

class ThingQuery(Paging): …                     the query, with filters of its own
rows = list(await db.scalars(select(Row).where(Row.id > q.after).limit(q.limit + 1)))
return page(Page[Thing], rows, q.limit, lambda row: Thing(…), lambda row: row.id)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from loa.streamer.http.api.route import Model

T = TypeVar("T")
Row = TypeVar("Row")

Id = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""An id, within what databases and browsers can hold."""


class Paging(Model):
    """Which part of a list: at most ``limit`` items after the one that ``after`` names."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0


class Page(Model, Generic[T]):
    """A part of a list; ``next`` is the ``after`` of the following part, null at the end."""

    items: tuple[T, ...]
    next: int | None = None


def page(
    model: type[Page[T]],
    rows: Sequence[Row],
    limit: int,
    show: Callable[[Row], T],
    cursor: Callable[[Row], int],
) -> Page[T]:
    """Make a page of ``rows``, of which one more than ``limit`` was asked for."""
    more = len(rows) > limit
    kept = rows[:limit]
    return model(
        items=tuple(show(row) for row in kept), next=cursor(kept[-1]) if more and kept else None
    )
