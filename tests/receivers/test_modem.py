"""The modem's bytes: counted through reboots, resets, new interfaces and wraps; and its words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.modem import (
    WRITE_BYTES,
    WRITE_EVERY,
    Counted,
    DataCounter,
    Modem,
    Reading,
    count,
    from_command,
    from_mmcli,
    interface_of_route,
    sim_path,
)
from loa.receivers.modem_probe import ModemProbe


def counted(*readings: Reading) -> Counted:
    found = Counted()
    for reading in readings:
        found = count(found, reading)
    return found


def at(
    received: int, sent: int = 0, boot: str = "a", name: str = "wwan0", index: int = 3
) -> Reading:
    return Reading(boot, name, index, received, sent)


@pytest.mark.parametrize(
    ("readings", "received", "before"),
    [
        ((at(100), at(250)), 250, 0),
        ((at(100), at(250, boot="b")), 250, 100),
        ((at(100), at(60)), 160, 0),  # reset
        ((at(100), at(60, index=9)), 160, 0),  # made again, of the same name
        ((at(2**32 - 10), at(20)), 2**32 + 20, 0),  # wrapped at 32 bits
        ((at(2**33), at(20)), 2**33 + 20, 0),  # no 32-bit counter
        ((at(100), at(7, name="eth0", index=2), at(150), at(9, name="eth0", index=2)), 159, 0),
        ((at(5), at(5), at(5)), 5, 0),
    ],
)
def test_counting(readings: tuple[Reading, ...], received: int, before: int) -> None:
    found = counted(*readings)
    assert (found.received, found.before) == (received, before)
    assert found.epoch == counted(at(0, boot=readings[-1].boot)).epoch


@settings(deadline=None, derandomize=True)
@given(
    st.lists(
        st.builds(
            Reading, st.sampled_from("ab"), st.sampled_from(["wwan0", "ppp0", *"cdefghijk"]),
            st.integers(0, 2), st.integers(0, 2**34), st.integers(0, 2**34),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_the_total_never_falls(readings: list[Reading]) -> None:
    found, last = Counted(), 0
    for reading in readings:
        found = count(found, reading)
        assert found.total >= last and len(found.last) <= 8
        last = found.total


ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wwan0\t00000000\t0102A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0
eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0002A8C0\t00000000\t0001\t0\t0\t1\t00FFFFFF\t0\t0\t0
"""


def test_the_default_route_is_the_cheapest() -> None:
    assert interface_of_route(ROUTE) == "eth0"
    assert interface_of_route(ROUTE.replace("100\t", "900\t")) == "wwan0"
    assert interface_of_route("") is None


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_table_of_routes_can_be_read(text: str) -> None:
    interface_of_route("head\n" + text)


def machine(tmp_path: Path, received: int, boot: str = "boot-1") -> dict[str, Path]:
    proc, net = tmp_path / "proc", tmp_path / "net"
    (proc / "net").mkdir(parents=True, exist_ok=True)
    (proc / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
    (net / "wwan0/statistics").mkdir(parents=True, exist_ok=True)
    (proc / "sys/kernel/random/boot_id").write_text(boot + "\n")
    (proc / "net/route").write_text(ROUTE.replace("eth0", "lan7").replace("100\t", "900\t"))
    (net / "wwan0/ifindex").write_text("3\n")
    (net / "wwan0/statistics/rx_bytes").write_text(f"{received}\n")
    (net / "wwan0/statistics/tx_bytes").write_text("0\n")
    return {"proc": proc, "net": net}


def test_it_is_written_rarely_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    counter = DataCounter(file, **machine(tmp_path, 1000))
    assert counter.values == {}
    counter.sample(0.0)
    first = file.read_bytes()  # a new boot is written down
    machine(tmp_path, 5000)
    counter.sample(60.0)
    assert file.read_bytes() == first and counter.values["modem_received"] == 5000
    counter.sample(WRITE_EVERY)
    assert file.read_bytes() != first
    machine(tmp_path, 5000 + WRITE_BYTES)
    counter.sample(WRITE_EVERY + 60)
    assert DataCounter(file).counted.received == 5000 + WRITE_BYTES
    # A power cut: what came after is gone here, yet nothing is counted twice.
    again = DataCounter(file, **machine(tmp_path, 70, "boot-2"))
    again.sample(0.0)
    assert again.values["modem_before"] == 5000 + WRITE_BYTES
    assert again.values["modem_received"] == 70
    machine(tmp_path, 90, "boot-2")
    again.sample(10.0)
    again.close()
    assert DataCounter(file).counted.received == 90


@pytest.mark.parametrize("kept", [b"", b"{", b'{"received": -5}', b'{"last": 3}', b"\xff"])
def test_a_spoiled_file_is_no_obstacle(tmp_path: Path, kept: bytes) -> None:
    file = tmp_path / "data.json"
    file.write_bytes(kept)
    counter = DataCounter(file, "wwan0", **machine(tmp_path, 10))
    counter.sample(0.0)
    assert counter.values["modem_received"] == 10


def test_an_interface_that_is_gone_and_a_full_disk_are_no_obstacle(tmp_path: Path) -> None:
    counter = DataCounter(tmp_path / "none" / "data.json", "ppp9", **machine(tmp_path, 10))
    counter.sample(0.0)
    assert counter.values == {}
    counter = DataCounter(tmp_path / "none" / "data.json", "wwan0", **machine(tmp_path, 10))
    counter.sample(0.0)
    assert counter.failed_writes == 1 and counter.values["modem_received"] == 10


SIM = "/org/freedesktop/ModemManager1/SIM/0"
MODEM = json.dumps({
    "modem": {
        "3gpp": {"operator-name": "Viettel"},
        "generic": {
            "access-technologies": ["lte"], "own-numbers": ["+84981234567"], "sim": SIM,
            "signal-quality": {"recent": "yes", "value": "61"},
        },
    }
}).encode()  # fmt: skip
CARD = json.dumps({"sim": {"properties": {"iccid": "89840480000123456789"}}}).encode()
POWER = json.dumps(
    {"modem": {"signal": {"lte": {"rsrp": "-97.00"}, "5g": {"rsrp": "--"}}}}
).encode()


def test_what_modem_manager_says() -> None:
    assert sim_path(MODEM) == SIM
    assert from_mmcli(MODEM, CARD, POWER) == Modem(
        "89840480000123456789", "Viettel", "lte", "+84981234567", 61, -97.0
    )
    assert from_mmcli(b'{"modem": {"generic": {"own-numbers": ["--"]}}}', b"[]", b"no") == Modem()


@settings(deadline=None, derandomize=True)
@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["modem", "generic", "3gpp", "sim", "signal", "dbm", "iccid", "lte",
                         "rsrp", "own-numbers", "signal-quality", "value", "operator"]),
        inner, max_size=4,
    ),
    max_leaves=12,
))  # fmt: skip
def test_nothing_that_is_said_can_break_it(said: object) -> None:
    data = json.dumps(said).encode()
    for modem in (from_mmcli(data, data, data), from_command(data)):
        assert modem.signal is None or 0 <= modem.signal <= 100
    sim_path(data)


def test_a_command_is_asked_rarely() -> None:
    now = [0.0]
    asked: list[object] = []

    def run(command: object) -> bytes:
        asked.append(command)
        return b'{"iccid": "8984048000012345678F", "signal": 40, "dbm": "-97"}'

    probe = ModemProbe(lambda: now[0], None, ["modem-info"], run=run)
    expected = {"iccid": "8984048000012345678", "operator": "", "network": "", "number": ""}
    for now[0] in (0.0, 10.0, 299.0):
        assert probe() == {**expected, "signal_percent": 40, "signal_dbm": -97.0}
    assert asked == [["modem-info"]]
    now[0] = 300.0
    probe()
    assert len(asked) == 2
    assert ModemProbe(lambda: 0.0, None, ["/nonexistent/modem-info"])() == {
        **expected, "iccid": ""
    }  # fmt: skip
