"""Calls about bulletins: drafts, what is looked for, and the steps of their life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from loa.streamer.core.areas import Area
from loa.streamer.core.bulletins import Step
from loa.streamer.core.languages import LANGUAGES
from loa.streamer.core.rights import Permission
from loa.streamer.desk import bulletin_audio as bulletin_audio_desk
from loa.streamer.desk import bulletin_list, bulletins
from loa.streamer.desk.bulletin_list import Filter
from loa.streamer.http.api import bulletin_audio, uploads
from loa.streamer.http.api.bulletin_models import (
    CLASSES,
    NEEDS,
    BulletinChange,
    BulletinNew,
    BulletinOut,
    BulletinQuery,
    BulletinWhole,
    CopyTo,
    Made,
    Reason,
    needed,
    shown,
    shown_whole,
)
from loa.streamer.http.api.paging import Page, page
from loa.streamer.http.api.route import Access, Call, Model, Route, area_in_body


async def its_area(call: Call) -> Sequence[Area]:
    """The bulletin's own area, or what stands where that was."""
    return [await bulletin_list.home_of(call.desk, call.params["bulletin"])]


async def readable(call: Call) -> Sequence[Area]:
    """The bulletin's own area, or one that it was approved for."""
    id, rights = call.params["bulletin"], call.actor.rights
    return [await bulletin_list.area_to_read(call.desk, rights, id)]


async def copied_to(call: Call) -> Sequence[Area]:
    """Where a copy is to be made."""
    if call.body.area is not None:
        return [call.desk.area(call.body.area)]
    return await its_area(call)


async def listed(call: Call) -> Page[BulletinOut]:
    """List bulletins, newest first."""
    query: BulletinQuery = call.query
    wanted = Filter(
        area=None if query.area is None else call.desk.area(query.area),
        for_area=None if query.for_area is None else call.desk.area(query.for_area),
        state=query.state,
        cls=None if query.cls is None else int(CLASSES[query.cls]),
        language=query.language,
        text=query.q,
    )
    found = await bulletin_list.listed(call.desk, call.actor, wanted, query.after, query.limit + 1)
    return page(Page[BulletinOut], found, query.limit, lambda w: shown(call, w), lambda w: w.row.id)


async def one(call: Call) -> BulletinWhole:
    """Show a bulletin."""
    return shown_whole(call, await bulletin_list.one(call.desk, call.params["bulletin"]))


async def create(call: Call) -> BulletinWhole:
    """Make a draft."""
    body: BulletinNew = call.body
    wish = bulletins.Wish(
        title=body.title, language=body.language, cls=int(CLASSES[body.cls]),
        sign_text=body.sign_text, notes=body.notes, starts_at=body.starts_at,
        expires_at=body.expires_at, per_day=body.per_day, days=body.days, targets=body.targets,
    )  # fmt: skip
    id = await bulletins.create(call.desk, call.actor, call.areas[0], wish)
    return shown_whole(call, await bulletin_list.one(call.desk, id))


async def edit(call: Call) -> BulletinWhole:
    """Change a draft, or what was rejected."""
    body: BulletinChange = call.body
    id = call.params["bulletin"]
    await bulletins.edit(call.desk, call.actor, id, body.changes(), call.version)
    return await one(call)


async def copy(call: Call) -> Made:
    """Make a draft like this one."""
    id = call.params["bulletin"]
    for area in await readable(call):
        call.require(Permission.READ, area)
    return Made(id=await bulletins.copy(call.desk, call.actor, id, call.areas[0]))


def stepping(step: Step) -> Callable[[Call], Awaitable[BulletinWhole]]:
    """Return the handler of one step."""

    async def handler(call: Call) -> BulletinWhole:
        id = call.params["bulletin"]
        row = (await bulletin_list.one(call.desk, id)).row
        if row.version == call.version:  # else it is refused below
            for permission in needed(step, row.state, row.cls):
                call.require(permission, call.areas[0])
        note = call.body.reason if call.body is not None else ""
        await bulletins.take(call.desk, call.actor, id, step, call.version, note)
        if step is Step.WITHDRAW:
            await bulletin_audio_desk.forget(call.services.preparer, id, row.source)
        return await one(call)

    handler.__name__ = step.value
    return handler


class LanguageOut(Model):
    """A language that bulletins can be in, with its names."""

    tag: str
    vi: str
    en: str


async def languages(call: Call) -> list[LanguageOut]:
    """List the languages, the most usual first."""
    return [LanguageOut(tag=x.tag, vi=x.vi, en=x.en) for x in LANGUAGES.values()]


def _step(step: Step, summary: str) -> Route:
    body = Reason if step is Step.REJECT else None
    return Route(
        "POST", "/bulletins/{bulletin}/" + step, stepping(step), summary, NEEDS[step],
        on=its_area, body=body, answer=BulletinWhole, versioned=True,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/languages", languages, "The languages of bulletins", Access.SIGNED_IN,
        answer=list[LanguageOut],
    ),
    Route(
        "GET", "/bulletins", listed, "List bulletins", Permission.READ,
        query=BulletinQuery, answer=Page[BulletinOut],
    ),
    Route(
        "POST", "/bulletins", create, "Make a draft", Permission.BULLETIN_EDIT,
        on=area_in_body, body=BulletinNew, answer=BulletinWhole, status=201,
    ),
    Route(
        "GET", "/bulletins/{bulletin}", one, "Show a bulletin", Permission.READ,
        on=readable, answer=BulletinWhole,
    ),
    Route(
        "PATCH", "/bulletins/{bulletin}", edit, "Change a draft", Permission.BULLETIN_EDIT,
        on=its_area, body=BulletinChange, answer=BulletinWhole, versioned=True,
    ),
    Route(
        "POST", "/bulletins/{bulletin}/copy", copy, "Make a draft like this one",
        Permission.BULLETIN_EDIT, on=copied_to, body=CopyTo, answer=Made, status=201,
    ),
    _step(Step.SUBMIT, "Submit a draft for approval"),
    _step(Step.REVISE, "Take back what was submitted or rejected, as a draft"),
    _step(Step.APPROVE, "Approve a bulletin"),
    _step(Step.REJECT, "Reject a bulletin, saying why"),
    _step(Step.WITHDRAW, "Withdraw a bulletin: it goes off the air at once"),
    *bulletin_audio.routes(its_area, readable),
    *uploads.ROUTES,
)  # fmt: skip
