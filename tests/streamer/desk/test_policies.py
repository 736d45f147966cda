"""Policies of areas: what is said above holds below, until somebody there says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from loa.streamer.core.policy import DEFAULT, Hours, Policy, RoutineLive
from loa.streamer.desk.errors import Stale
from loa.streamer.desk.policies import effective_policy, policy_version, set_policy
from support.desk import desk_with_sample


async def test_what_is_said_above_holds_below(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        province, commune = office.area("/ha-giang"), office.area("/ha-giang/quang-binh/xuan-minh")
        assert effective_policy(office.desk, commune) == DEFAULT
        hours = (Hours((0, 1, 2), 300, 390),)
        said = Policy(hours=hours, approve_own=False)
        assert await set_policy(office.desk, office.server, province, said, 0) == 1
        own = Policy(approve_own=True, routine_live=RoutineLive.NEVER)
        assert await set_policy(office.desk, office.server, commune, own, 0) == 1

        holds = effective_policy(office.desk, commune)
        assert (holds.hours, holds.approve_own) == (hours, True)
        assert holds.routine_live is RoutineLive.NEVER
        assert effective_policy(office.desk, office.area("/tuyen-quang")) == DEFAULT
        sources = office.desk.policies.sources(commune)
        assert (sources["hours"], sources["approve_own"]) == (province, commune)
        assert sources["timezone"] is None

        office.desk.policies = None  # type: ignore[assignment]
        await office.desk.load()
        assert effective_policy(office.desk, commune) == holds


async def test_the_second_of_two_is_told(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang")
        await set_policy(office.desk, office.server, area, Policy(sessions_a_day=3), 0)
        with pytest.raises(Stale) as refused:
            await set_policy(office.desk, office.server, area, Policy(sessions_a_day=2), 0)
        assert refused.value.version == 1 == await policy_version(office.desk, area)
        assert effective_policy(office.desk, area).sessions_a_day == 3
        assert [h.details for h in office.happened] == [
            {"before": {"sessions_a_day": None}, "after": {"sessions_a_day": 3}}
        ]
