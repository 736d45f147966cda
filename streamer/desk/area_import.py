"""Importing a table of areas: looked at first, then all of it or nothing, in one transaction.

Tables are read and worked out in a thread: a province takes a moment, and others work meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from loa.streamer.core import area_tables
from loa.streamer.core.area_import import ImportPlan, plan_import
from loa.streamer.core.area_tables import AreaLine, TableRefused
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.reorganise import Change
from loa.streamer.core.rights import Permission, Rights
from loa.streamer.desk.areas import refuse_emergencies, store
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import FieldProblem, Forbidden, Invalid

Read = Callable[[bytes], list[AreaLine]]
Check = Callable[[Sequence[Change]], None]
"""Refuses what somebody has no right to: it depends on what a table would change."""
FORMATS: dict[str, Read] = {"csv": area_tables.read_csv, "json": area_tables.read_json}


async def look(desk: Desk, data: bytes, read: Read, check: Check | None = None) -> ImportPlan:
    """Return what a table would change, or its mistakes; what ``check`` raises is raised."""
    plan = await asyncio.to_thread(_plan, desk.tree, data, read)
    if check is not None:
        check(plan.changes)
    return plan


async def carry_out(
    desk: Desk, actor: Actor, data: bytes, read: Read, check: Check | None = None
) -> ImportPlan:
    """Change what a table says. Raises ``Invalid`` with its mistakes, or what ``check`` raises."""
    async with desk.reorganising:
        plan = await look(desk, data, read, check)
        if plan.problems:
            raise Invalid(
                *(
                    FieldProblem(f"lines.{p.line}" + f".{p.column}" * bool(p.column), p.code,
                                 dict(p.values))
                    for p in plan.problems
                ),
                code="import.refused",
            )  # fmt: skip
        if not plan.changes:
            return plan
        counts = counted(plan.changes)
        moved = [c.before for c in plan.changes if c.before is not None and "moved" in c.kinds]
        async with desk.work(actor) as work:
            await refuse_emergencies(desk, work, moved)
            await store(work, plan.changes)
            around = _around(desk.tree, plan.changes)
            work.record("area.imported", area=around, subject="areas", counts=counts)
    return plan


def counted(changes: Sequence[Change]) -> dict[str, int]:
    """Return how many areas are created, renamed and so on, and how many only follow."""
    counts = Counter(kind for change in changes for kind in change.kinds)
    counts["following"] = sum(not change.kinds for change in changes)
    kinds = ("created", "renamed", "moved", "station", "code", "ordered", "following")
    return {kind: counts[kind] for kind in kinds}


def check_rights(rights: Rights, tree: AreaTree, changes: Sequence[Change]) -> None:
    """Refuse changes of areas, or below areas, that somebody has no right to change.

    The top belongs to those who administer an area there. Raises ``Forbidden``.
    """
    allowed = {area.id for area in rights.areas(Permission.AREAS, tree)}
    on_top = any(area.parent is None and area.id in allowed for area in tree)
    for id in _concerned(changes):
        if id is None and not on_top:
            raise Forbidden("area.top")
        if id is not None and id not in allowed:
            area = tree.get(id)
            raise Forbidden("forbidden", area="" if area is None else area.name)


def _concerned(changes: Sequence[Change]) -> Iterator[int | None]:
    """Yield the areas that are changed, or get something new below them; None for the top.

    What is new itself is left out: what it hangs on is there, too.
    """
    for change in changes:
        if change.kinds and change.before is not None:
            yield change.id
        hangs_anew = change.before is None or "moved" in change.kinds
        if hangs_anew and (change.parent is None or change.parent > 0):
            yield change.parent


def _plan(tree: AreaTree, data: bytes, read: Read) -> ImportPlan:
    try:
        return plan_import(tree, read(data))
    except TableRefused as error:
        return ImportPlan(problems=list(error.problems), untouched=len(tree))


def _around(tree: AreaTree, changes: Sequence[Change]) -> int | None:
    """Return the nearest area that everything lies below which changes; None: there is none."""
    common: list[Area] | None = None
    for id in set(_concerned(changes)):
        area = None if id is None else tree.get(id)
        above = [] if area is None else tree.lineage(area)
        common = above if common is None else [a for a in common if a in above]
    return common[0].id if common else None
