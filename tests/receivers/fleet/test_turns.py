"""Turns: in their order, so many at a time, and a slow one keeps nobody waiting."""

from __future__ import annotations

import asyncio

import pytest

from loa.receivers.fleet.turns import Turns


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_at_a_time_and_in_their_order() -> None:
    turns = Turns(2, 60.0)
    begun: list[int] = []
    ends = [asyncio.Event() for _ in range(5)]

    async def work(number: int) -> None:
        async with turns.turn():
            begun.append(number)
            await ends[number].wait()

    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    await settle()
    assert begun == [0, 1]
    ends[1].set()
    await settle()
    assert begun == [0, 1, 2]
    tasks[3].cancel()  # it gave up waiting
    ends[0].set()
    await settle()
    assert begun == [0, 1, 2, 4]
    for end in ends:
        end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_whoever_takes_long_is_counted_no_more() -> None:
    turns = Turns(1, 0.0)
    end = asyncio.Event()

    async def slow() -> None:
        async with turns.turn():
            await end.wait()

    slow_ones = [asyncio.create_task(slow()) for _ in range(3)]
    async with asyncio.timeout(5), turns.turn():
        pass
    end.set()
    await asyncio.gather(*slow_ones)
    # Each gave its turn back once, and not once more at its end.
    assert turns._free._value == 1


async def test_a_failure_ends_a_turn() -> None:
    turns = Turns(1, 60.0)
    with pytest.raises(ValueError, match="x"):
        async with turns.turn():
            raise ValueError("x")
    async with asyncio.timeout(5), turns.turn():
        pass
