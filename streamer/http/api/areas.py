"""Calls about areas: the tree, one area, and what changes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from aiohttp import web
from sqlalchemy import select

from loa.streamer.core import area_tables
from loa.streamer.core.areas import Area, fold
from loa.streamer.core.policy import Policy
from loa.streamer.core.reorganise import Change
from loa.streamer.core.rights import Permission
from loa.streamer.desk import area_import, areas, policies
from loa.streamer.http.api.area_models import (
    AreaDetail,
    AreaEdit,
    AreaOut,
    AreaQuery,
    AreaTreeOut,
    DryRun,
    Event,
    ExportQuery,
    Imported,
    Merge,
    Mistake,
    Move,
    Named,
    NewArea,
    Order,
    OutcomeOut,
    PolicyModel,
    PolicyOut,
    RemovedArea,
    RemoveQuery,
    TreeQuery,
    area_out,
    changes_out,
    named,
)
from loa.streamer.http.api.paging import Page, Paging, page
from loa.streamer.http.api.reading import NotJson, TooLarge
from loa.streamer.http.api.route import Call, Route, area_in_path
from loa.streamer.http.api.texts import say
from loa.streamer.store.tables.areas import AreaEventRow, AreaRow

P = Permission

# --- where


def _top(call: Call) -> list[Area]:
    """The top belongs to those who administer an area there."""
    tops = [area for area in call.desk.tree if area.parent is None]
    rights, tree = call.actor.rights, call.desk.tree
    return [a for a in tops if rights.allow(P.AREAS, a, tree)][:1] or tops[:1]


async def parent_in_body(call: Call) -> Sequence[Area]:
    """The area below which something is to be, in the body: ``parent``, null for the top."""
    return _top(call) if call.body.parent is None else [call.desk.area(call.body.parent)]


async def area_and_parent(call: Call) -> Sequence[Area]:
    """The area in the path and the one that it is to hang below."""
    return [*await area_in_path(call), *await parent_in_body(call)]


async def area_and_into(call: Call) -> Sequence[Area]:
    """The area in the path and the one that is to take it in."""
    return [*await area_in_path(call), call.desk.area(call.body.into)]


async def area_or_past(call: Call) -> Sequence[Area]:
    """The area in the path; for one that is no more, what took its place."""
    living = call.desk.tree.get(call.params["area"])
    if living is not None:
        return [living]
    _, here = await areas.past_area(call.desk, call.params["area"])
    return [here]


# --- reading


async def list_areas(call: Call) -> Page[AreaOut]:
    """List areas in the order of their ids."""
    q: AreaQuery = call.query
    tree = call.desk.tree
    found = _visible(call, q.under)
    if q.path is not None:
        one = tree.find(q.path)
        found = [area for area in found if one is not None and area.id == one.id]
    if q.station is not None:
        found = [area for area in found if area.station is q.station]
    words = fold(q.q or "").split()
    if words:
        found = [area for area in found if _matches(area, words)]
    found = sorted((a for a in found if a.id > q.after), key=lambda area: area.id)
    return page(
        Page[AreaOut], found[: q.limit + 1], q.limit, lambda a: area_out(a, tree), lambda a: a.id
    )


async def read_tree(call: Call) -> AreaTreeOut:
    """Give all areas that one may see."""
    tree = call.desk.tree
    found = _visible(call, call.query.under)
    return AreaTreeOut.model_construct(items=tuple(area_out(area, tree) for area in found))


def _visible(call: Call, under: int | None) -> list[Area]:
    found = call.actor.rights.areas(P.READ, call.desk.tree)
    if under is None:
        return found
    inside = {area.id for area in call.desk.tree.below(call.desk.area(under))}
    return [area for area in found if area.id in inside]


def _matches(area: Area, words: Sequence[str]) -> bool:
    text = f"{fold(area.name)} {area.code.lower()} {area.path}"
    return all(word in text for word in words)


async def read_area(call: Call) -> AreaDetail:
    """Give one area with everything about it."""
    desk, tree = call.desk, call.desk.tree
    row, here = await areas.past_area(desk, call.params["area"])
    living = row.removed_at is None
    area = here if living else Area(row.path, row.name, row.station, (), row.id, row.code, row.rank)
    lineage = tree.lineage(here)[1:] if living else []
    heir = None if row.successor_id is None else tree.get(row.successor_id)
    station = tree.station_of(here) if living else None
    return AreaDetail(
        **area_out(area, tree).model_dump() | {"parent": row.parent_id, "version": row.version},
        aliases=area.aliases,
        lineage=tuple(named(a) for a in lineage),
        children=tree.children(area) if living else 0,
        own_station=None if station is None else named(station),
        created_at=row.created_at,
        removed_at=row.removed_at,
        successor=None if heir is None else named(heir),
        policy=await _policy(call, area),
    )


async def list_removed(call: Call) -> Page[RemovedArea]:
    """List areas that are no more, of which one may see what took their place."""
    q: Paging = call.query
    tree, rights = call.desk.tree, call.actor.rights
    found: list[AreaRow] = []
    async with call.desk.store.read() as db:
        rows = await db.scalars(
            select(AreaRow)
            .where(AreaRow.removed_at.is_not(None), AreaRow.id > q.after)
            .order_by(AreaRow.id)
        )
        removed = list(rows)
    by_id = {row.id: row for row in removed}
    for row in removed:
        here = await areas.stand_in(call.desk, row, by_id)
        if here is not None and rights.allow(P.READ, here, tree):
            found.append(row)
        if len(found) > q.limit:
            break

    def show(row: AreaRow) -> RemovedArea:
        heir = None if row.successor_id is None else tree.get(row.successor_id)
        return RemovedArea(
            id=row.id, path=row.path, name=row.name, removed_at=row.removed_at or 0.0,
            successor=None if heir is None else named(heir),
        )  # fmt: skip

    return page(Page[RemovedArea], found, q.limit, show, lambda row: row.id)


async def history(call: Call) -> Page[Event]:
    """List what was done to an area, oldest first."""
    q: Paging = call.query
    async with call.desk.store.read() as db:
        rows = await db.scalars(
            select(AreaEventRow)
            .where(AreaEventRow.area_id == call.params["area"], AreaEventRow.id > q.after)
            .order_by(AreaEventRow.id)
            .limit(q.limit + 1)
        )
        return page(Page[Event], list(rows), q.limit, _event, lambda row: row.id)


def _event(row: AreaEventRow) -> Event:
    return Event(id=row.id, at=row.at, who=row.who, kind=row.kind, details=row.details)


# --- changing


async def create(call: Call) -> AreaOut:
    """Make an area."""
    body: NewArea = call.body
    parent = None if body.parent is None else call.desk.area(body.parent)
    id = await areas.create(
        call.desk, call.actor, body.name, parent,
        word=body.word, code=body.code, station=body.station,
    )  # fmt: skip
    return area_out(call.desk.area(id), call.desk.tree)


async def edit(call: Call) -> AreaOut:
    """Rename an area, make it a station or none, give it its code."""
    body: AreaEdit = call.body
    area = call.areas[0]
    wanted = areas.Edit(body.name, body.word, body.keep_path, body.code, body.station)
    await areas.edit(call.desk, call.actor, area, call.version, wanted)
    return area_out(call.desk.area(area.id), call.desk.tree)


async def move(call: Call) -> OutcomeOut:
    """Hang an area below another one."""
    area = call.areas[0]
    parent = None if call.body.parent is None else call.desk.area(call.body.parent)
    dry_run = call.query.dry_run
    done = await areas.move(call.desk, call.actor, area, call.version, parent, dry_run)
    return _outcome(call, done, area.id)


async def merge(call: Call) -> OutcomeOut:
    """Have an area taken in by another."""
    area, into = call.areas
    dry_run = call.query.dry_run
    done = await areas.merge(call.desk, call.actor, area, call.version, into, dry_run)
    return _outcome(call, done, into.id)


async def remove_level(call: Call) -> OutcomeOut:
    """Remove an area; what is below it goes up."""
    area = call.areas[0]
    dry_run = call.query.dry_run
    done = await areas.remove_level(call.desk, call.actor, area, call.version, dry_run)
    return _outcome(call, done, None)


async def remove(call: Call) -> OutcomeOut:
    """Remove an area, with or without what is below it."""
    q: RemoveQuery = call.query
    area = call.areas[0]
    done = await areas.remove(
        call.desk, call.actor, area, call.version, subtree=q.subtree, dry_run=q.dry_run
    )
    return _outcome(call, done, None)


def _outcome(call: Call, done: areas.Outcome, about: int | None) -> OutcomeOut:
    changes, more, following = changes_out(done.changes)
    area = None if about is None else call.desk.area(about)
    return OutcomeOut(
        dry_run=call.query.dry_run,
        area=None if area is None else area_out(area, call.desk.tree),
        changes=changes,
        more=more,
        following=following,
        handed_over=done.over,
        ended=done.ended,
    )


async def order(call: Call) -> None:
    """Put the areas below one, or at the top, into an order."""
    body: Order = call.body
    if body.parent is None:
        for area in call.desk.tree:
            if area.parent is None:
                call.require(P.AREAS, area)
    parent = None if body.parent is None else call.desk.area(body.parent)
    await areas.order(call.desk, call.actor, parent, body.areas)


# --- policies


async def read_policy(call: Call) -> PolicyOut:
    """Tell what an area says, and what holds there."""
    return await _policy(call, call.areas[0])


async def set_policy(call: Call) -> PolicyOut:
    """Have an area say all this, and nothing else."""
    body: PolicyModel = call.body
    await policies.set_policy(call.desk, call.actor, call.areas[0], body.policy(), call.version)
    return await _policy(call, call.areas[0])


async def _policy(call: Call, area: Area) -> PolicyOut:
    said = call.desk.policies
    sources = said.sources(area)
    return PolicyOut(
        area=area.id,
        said=PolicyModel.of(said.said(area)),
        effective=PolicyModel.of(said.effective(area)),
        sources={f.name: _by(sources[f.name]) for f in fields(Policy)},
        version=await policies.policy_version(call.desk, area),
    )


def _by(area: Area | None) -> Named | None:
    return None if area is None else named(area)


# --- tables


async def export(call: Call) -> web.Response:
    """Write the areas that one may see as a table."""
    q: ExportQuery = call.query
    found = _visible(call, q.under)
    if q.format == "json":
        body, media = area_tables.write_json(found), "application/json"
    else:
        separator = ";" if q.separator == "semicolon" else ","
        body, media = area_tables.write_csv(found, separator), "text/csv"
    response = web.Response(body=body, content_type=media)
    if media == "text/csv":
        response.charset = "utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="areas.{q.format}"'
    return response


async def import_table(call: Call) -> Imported:
    """Change the tree as a table says."""
    formats = {"text/csv": "csv", "application/json": "json"}
    format = formats.get(call.request.content_type)
    if format is None:
        raise NotJson("import.content_type")
    data = await _table(call)
    read = area_import.FORMATS[format]
    dry_run = call.query.dry_run

    def check(changes: Sequence[Change]) -> None:
        area_import.check_rights(call.actor.rights, call.desk.tree, changes)

    if dry_run:
        done = await area_import.look(call.desk, data, read, check)
    else:
        done = await area_import.carry_out(call.desk, call.actor, data, read, check)
    changes, more, _ = changes_out(tuple(done.changes))
    return Imported(
        dry_run=dry_run,
        counts=area_import.counted(done.changes),
        untouched=done.untouched,
        changes=changes,
        more=more,
        problems=tuple(
            Mistake(
                line=p.line, column=p.column, code=p.code,
                message=say(p.code, call.language, dict(p.values)),
            )
            for p in done.problems
        ),
    )  # fmt: skip


async def _table(call: Call) -> bytes:
    if (call.request.content_length or 0) > area_tables.MAX_BYTES:
        raise TooLarge(area_tables.MAX_BYTES)
    data = bytearray()
    async for chunk in call.request.content.iter_chunked(65_536):
        data += chunk
        if len(data) > area_tables.MAX_BYTES:
            raise TooLarge(area_tables.MAX_BYTES)
    return bytes(data)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas", list_areas, "List areas, or search them", P.READ,
        query=AreaQuery, answer=Page[AreaOut],
    ),
    Route(
        "GET", "/areas/tree", read_tree, "All areas as a tree", P.READ,
        query=TreeQuery, answer=AreaTreeOut,
    ),
    Route(
        "GET", "/areas/removed", list_removed, "List areas that are no more", P.READ,
        query=Paging, answer=Page[RemovedArea],
    ),
    Route(
        "POST", "/areas", create, "Make an area", P.AREAS, on=parent_in_body,
        body=NewArea, answer=AreaOut, status=201,
    ),
    Route(
        "POST", "/areas/order", order, "Order the areas below one", P.AREAS, on=parent_in_body,
        body=Order,
    ),
    Route(
        "GET", "/areas/export", export, "Areas as a table", P.READ,
        query=ExportQuery, answers=("text/csv", "application/json"),
    ),
    Route(
        "POST", "/areas/import", import_table, "Change areas as a table says", P.AREAS,
        query=DryRun, answer=Imported, raw=True, takes=("text/csv", "application/json"),
    ),
    Route(
        "GET", "/areas/{area}", read_area, "One area with everything about it", P.READ,
        on=area_or_past, answer=AreaDetail,
    ),
    Route(
        "PATCH", "/areas/{area}", edit, "Change an area", P.AREAS, on=area_in_path,
        body=AreaEdit, answer=AreaOut, versioned=True,
    ),
    Route(
        "DELETE", "/areas/{area}", remove, "Remove an area", P.AREAS, on=area_in_path,
        query=RemoveQuery, answer=OutcomeOut, versioned=True,
    ),
    Route(
        "POST", "/areas/{area}/move", move, "Hang an area below another", P.AREAS,
        on=area_and_parent, body=Move, query=DryRun, answer=OutcomeOut, versioned=True,
    ),
    Route(
        "POST", "/areas/{area}/merge", merge, "Have an area taken in by another", P.AREAS,
        on=area_and_into, body=Merge, query=DryRun, answer=OutcomeOut, versioned=True,
    ),
    Route(
        "POST", "/areas/{area}/remove-level", remove_level,
        "Remove an area; what is below it goes up", P.AREAS, on=area_in_path,
        query=DryRun, answer=OutcomeOut, versioned=True,
    ),
    Route(
        "GET", "/areas/{area}/history", history, "What was done to an area", P.READ,
        on=area_or_past, query=Paging, answer=Page[Event],
    ),
    Route(
        "GET", "/areas/{area}/policy", read_policy, "How an area wants things", P.READ,
        on=area_in_path, answer=PolicyOut,
    ),
    Route(
        "PUT", "/areas/{area}/policy", set_policy, "Say how an area wants things", P.POLICY,
        on=area_in_path, body=PolicyModel, answer=PolicyOut, versioned=True,
    ),
)  # fmt: skip
