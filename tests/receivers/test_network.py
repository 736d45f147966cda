"""Changes of the network, in a network of its own; and the data that an idle connection takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.namespace import in_namespace

CHANGES = """
import asyncio, json
from loa.receivers.network import watch

async def main():
    seen = []
    task = asyncio.create_task(watch(lambda: seen.append(1), 0.05))
    await asyncio.sleep(0.2)
    before = len(seen)
    for _ in range(3):
        await (await asyncio.create_subprocess_exec(
            "ip", "address", "add", f"10.9.8.{7 + _}/24", "dev", "lo")).wait()
    async with asyncio.timeout(10):
        while len(seen) == before:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    print(json.dumps({"before": before, "after": len(seen)}))

asyncio.run(main())
"""

IDLE = """
import asyncio, json, pathlib, sys
from loa.streamer.fleet.door import DoorSettings
from loa.streamer.fleet.fleet import FleetSettings
from support.link import fleet_door

def loopback():
    for line in open("/proc/net/dev"):
        name, _, rest = line.partition(":")
        if name.strip() == "lo":
            fields = rest.split()
            return int(fields[0]) - 14 * int(fields[1])  # an Ethernet head that no modem sends

async def main():
    settings = FleetSettings(door=DoorSettings(heartbeat=1.0))
    async with fleet_door(pathlib.Path(sys.argv[1]), settings=settings) as there:
        box = await there.enrol()
        await asyncio.sleep(0.5)
        before = loopback()
        await there.link(identity=box)
        await asyncio.sleep(1.5)
        connected = loopback()
        await asyncio.sleep(8.0)
        print(json.dumps({"connect": connected - before, "beat": (loopback() - connected) / 8.0}))

asyncio.run(main())
"""


def test_a_change_of_the_network_is_told() -> None:
    told = in_namespace(CHANGES)
    assert told["before"] == 0 and told["after"] >= 1


@pytest.mark.slow
def test_an_idle_connection_takes_less_than_a_megabyte_a_day(tmp_path: Path) -> None:
    # All bytes of IP, both ways; a heartbeat of a second shows what one of 50 s takes in a day.
    measured = in_namespace(IDLE, str(tmp_path))
    assert measured["beat"] * 86_400 / 50 < 600_000, measured
    assert measured["connect"] < 8_000, measured
