"""Bad lines between network namespaces: for measurements and tests over real TCP.

One namespace holds the server, at ``SERVER``; each line leads from there to a namespace of its own
for a box. They have no names and belong to processes that end with this one, however it ends, so
nothing is left behind. A line's delay, jitter, rate and outages are a relay's between two TUN
devices (``benchmarks.relay``). Its loss is nftables': where a packet arrives, a connection is in a
good state, in which one packet in so many begins a burst, or in a bad one, where all are lost until
it ends (Gilbert's model, as in netem's ``gemodel``; state by connection and direction, kept in
the connection's mark; ``numgen random``). With a mean burst of 1 the losses are independent.

::

    with Lines(2) as lines:
        lines.set(0, Line(delay_ms=200, jitter_ms=60, loss=0.05))
        server = lines.server.popen(["loa", "serve", "--host", SERVER])
        box = lines.boxes[0].popen(["loa", "receiver", "run"])
        lines.cut(0)
        lines.mend(0)

``python -m benchmarks.lines`` says what a few lines really do: loss, bursts, delay, rate.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.rows import Missing

SERVER = "10.77.0.1"
MTU = 1400
MOST = 64
"""Lines at once."""
_ROOT = Path(__file__).resolve().parent.parent
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """What a line does to the packets, in each direction alike.

     ``delay_ms``: one way, at least; ``jitter_ms``: up to that much more (uniform; the order is
     kept, so one that is late holds up those behind it).
    ``rate_kbit``: 0 for no limit; a packet waits at most ``queue_ms`` for its turn. ``loss``
     is the share of packets lost (0 … 0.9), in bursts of ``burst`` packets in the mean.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_kbit: float = 0.0
    queue_ms: float = 1000.0
    loss: float = 0.0
    burst: float = 2.0

    def __post_init__(self) -> None:
        if not (0 <= self.loss <= 0.9 and self.burst >= 1 and self.delay_ms >= 0):
            raise ValueError(
                "a line has a loss of 0 … 0.9, bursts of at least 1, a delay from 0 on"
            )


def rules(arriving: Sequence[tuple[str, Line]]) -> str:
    """Return the nftables rules of what arrives on these devices, as a whole table that replaces
    the one before."""
    jumps, chains = [], []
    for number, (device, line) in enumerate(arriving):
        # A burst of one packet is no state: each packet is lost for itself.
        leave = 1 / line.burst
        enter = line.loss * leave / (1 - line.loss) if line.burst > 1 else line.loss
        enters, leaves = round(enter * _PARTS), round(leave * _PARTS)
        bad = f"numgen random mod {_PARTS} < {leaves} ct mark set 0 counter accept; counter drop;"
        begin = f"numgen random mod {_PARTS} < {enters} ct mark set 1 counter drop"
        if line.burst == 1:
            bad, begin = "", f"numgen random mod {_PARTS} < {enters} counter drop"
        jumps.append(f'iifname "{device}" jump good{number}')
        chains.append(f"chain bad{number} {{ {bad} }}")
        held = f"ct mark 1 jump bad{number}; {begin}; " if enters else ""
        chains.append(f"chain good{number} {{ {held}counter accept; }}")
    hook = "type filter hook input priority 0; policy accept;"
    return "\n".join((
        "table inet line", "delete table inet line", "table inet line {", *chains,
        f"chain arriving {{ {hook} {'; '.join(jumps)}; }}", "}", "",
    ))  # fmt: skip


def why_not() -> str | None:
    """Say why there can be no lines here; None when there can."""
    for program, package in (("ip", "iproute2"), ("nft", "nftables"), ("nsenter", "util-linux")):
        if shutil.which(program, path=_path()) is None:
            return f"needs {program} ({package})"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "needs /dev/net/tun"
    tried = subprocess.run(
        ["unshare", "--net", "nft", "list", "ruleset"],
        check=False, capture_output=True, env=_environment(), timeout=20,
    )  # fmt: skip
    if tried.returncode:
        return "needs the right to make network namespaces"
    return None


class Place:
    """A network namespace; it lasts as long as a process that does nothing but hold it, which ends
    when this one does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )  # fmt: skip
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            self.close()
            raise Missing("needs the right to make network namespaces")
        self.run(["ip", "link", "set", "lo", "up"])

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._holder.pid

    def inside(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs another one in here, under the same process id."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def popen(self, words: Sequence[str], **given: Any) -> subprocess.Popen[Any]:
        """Start a command in here; to be ended by whoever started it, before the lines close."""
        given.setdefault("env", _environment())
        return subprocess.Popen(self.inside(words), **given)

    def run(self, words: Sequence[str], text: str = "") -> str:
        """Run a command in here, and return what it says; ``RuntimeError`` if it fails."""
        done = subprocess.run(
            self.inside(words), input=text, capture_output=True, text=True, timeout=30,
            check=False, env=_environment(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread in here for a while: sockets that it makes meanwhile stay here."""
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.pid}/ns/net") as here:
            _enter(here.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def lossy(self, arriving: Sequence[tuple[str, Line]]) -> None:
        """Lose what arrives on these devices, as their lines do."""
        self.run(["nft", "-f", "-"], rules(arriving))

    def lost(self) -> tuple[int, int]:
        """Return how many packets were lost at arrival, and how many arrived, since the last
        ``Lines.set``; at the server of all lines together."""
        said = json.loads(self.run(["nft", "-j", "list", "table", "inet", "line"]))
        lost = arrived = 0
        for rule in (item["rule"]["expr"] for item in said["nftables"] if "rule" in item):
            count = sum(part["counter"]["packets"] for part in rule if "counter" in part)
            if any("drop" in part for part in rule):
                lost += count
            else:
                arrived += count
        return lost, arrived

    def close(self) -> None:
        """Let it go; it ends once nothing runs in it."""
        assert self._holder.stdin is not None and self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.kill()
        self._holder.wait()


class Lines:
    """A server's namespace, and ``count`` lines from it to boxes'. See the module.

    Raises ``Missing`` with a reason where that cannot be.
    """

    def __init__(self, count: int = 1, line: Line | None = None) -> None:
        if not 0 < count <= MOST:
            raise ValueError(f"1 to {MOST} lines")
        if (reason := why_not()) is not None:
            raise Missing(f"lines between network namespaces: {reason}")
        self._open: list[Place] = []
        self._relay: subprocess.Popen[str] | None = None
        try:
            self.server = self._place(SERVER)
            self._relay = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.relay", str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT,
            )  # fmt: skip
            names = self._answer()
            self.boxes = [self._place(f"10.77.1.{n + 1}") for n in range(count)]
            self._devices: list[tuple[str, str]] = [(ours, theirs) for ours, theirs in names]
            for place, (ours, theirs) in zip(self.boxes, self._devices, strict=True):
                self._connect(self.server, ours, place.address)
                self._connect(place, theirs, SERVER)
            self._settings = [line or Line()] * count
            for number in range(count):
                self.set(number, self._settings[number])
        except BaseException:
            self.close()
            raise

    def set(self, number: int, line: Line) -> None:
        """Make a line such, from now on."""
        self._settings[number] = line
        self._order(
            number, delay=line.delay_ms / 1000, jitter=line.jitter_ms / 1000,
            rate=line.rate_kbit * 125, queue=line.queue_ms / 1000,
        )  # fmt: skip
        self.boxes[number].lossy([(self._devices[number][1], line)])
        ours = [device for device, _ in self._devices]
        self.server.lossy(list(zip(ours, self._settings, strict=True)))

    def cut(self, number: int) -> None:
        """An outage begins: nothing gets through, and nobody is told."""
        self._order(number, cut=1)

    def mend(self, number: int) -> None:
        """It ends."""
        self._order(number, cut=0)

    def counts(self, number: int) -> dict[str, dict[str, int]]:
        """Return the relay's counts of ``packets`` and ``bytes`` carried, of what ``overflowed``
        its queue and what an ``outage`` took, ``down`` to the box and ``up`` from it."""
        said: dict[str, dict[str, int]] = self._order(number)
        return said

    def close(self) -> None:
        """Take everything down; idempotent. What still runs in a namespace loses its devices."""
        if self._relay is not None:
            assert self._relay.stdin is not None and self._relay.stdout is not None
            self._relay.kill()
            self._relay.wait()
            self._relay.stdin.close()
            self._relay.stdout.close()
            self._relay = None
        while self._open:
            self._open.pop().close()

    def _place(self, address: str) -> Place:
        place = Place(address)
        self._open.append(place)
        return place

    def _connect(self, place: Place, device: str, peer: str) -> None:
        # Devices are made by the relay, here, and moved to where they belong.
        subprocess.run(
            ["ip", "link", "set", device, "netns", str(place.pid)], check=True, timeout=30,
            env=_environment(),
        )  # fmt: skip
        place.run(["ip", "link", "set", device, "mtu", str(MTU), "up"])
        place.run(["ip", "addr", "add", place.address, "peer", peer, "dev", device])

    def _order(self, number: int, **order: float) -> Any:
        assert self._relay is not None and self._relay.stdin is not None
        print(json.dumps({"line": number, **order}), file=self._relay.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._relay is not None and self._relay.stdout is not None
        said = self._relay.stdout.readline()
        if not said:
            raise Missing("lines between network namespaces: TUN devices cannot be made here")
        return json.loads(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_libc = ctypes.CDLL(None, use_errno=True)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _environment() -> dict[str, str]:
    # Administrators' programs are not in everybody's path.
    return {**os.environ, "PATH": _path()}


# --- what a line really does

_ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7007))
print(flush=True)
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)
"""
_ASK = """
import json, socket, sys, time
count, gap, patience = int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7007))
took, start, sent = {}, time.monotonic(), {}
for n in range(count + 1):
    until = start + n * gap if n < count else time.monotonic() + patience
    while (left := until - time.monotonic()) > 0 and len(took) < count:
        s.settimeout(left)
        try:
            back = int.from_bytes(s.recv(2048)[:4])
        except TimeoutError:
            break
        took[back] = time.monotonic() - sent[back]
    if n < count:
        sent[n] = time.monotonic()
        s.send(n.to_bytes(4) + bytes(96))
print(json.dumps([took.get(n) for n in range(count)]))
"""
_SINK = """
import socket, sys
s = socket.create_server((sys.argv[1], 7008))
print(flush=True)
c, _ = s.accept()
while c.recv(65536):
    pass
c.sendall(b'x')
"""
_PUSH = """
import socket, sys, time
size = int(sys.argv[2])
s = socket.create_connection((sys.argv[1], 7008))
start = time.monotonic()
s.sendall(bytes(size))
s.shutdown(socket.SHUT_WR)
s.recv(1)
print(time.monotonic() - start)
"""


def ask(
    lines: Lines, number: int, count: int, gap: float, patience: float = 1.5
) -> list[float | None]:
    """Send ``count`` packets to the server, a ``gap`` of seconds between them, and have it send
    them back; return the round trip of each in seconds, None for the lost (there or back).

    ``patience``: seconds after which what is not back is lost.
    """
    echo = lines.server.popen(
        [sys.executable, "-c", _ECHO, SERVER], stdout=subprocess.PIPE, text=True
    )
    try:
        assert echo.stdout is not None
        echo.stdout.readline()
        words = [sys.executable, "-c", _ASK, SERVER, str(count), str(gap), str(patience)]
        with lines.boxes[number].popen(words, stdout=subprocess.PIPE, text=True) as asking:
            said, _ = asking.communicate(timeout=count * gap + 30)
        took: list[float | None] = json.loads(said)
        return took
    finally:
        echo.kill()
        echo.communicate()


def push(lines: Lines, number: int, size: int, patience: float = 60) -> float:
    """Send ``size`` bytes from a box to the server by TCP; return the seconds until all arrived."""
    sink = lines.server.popen(
        [sys.executable, "-c", _SINK, SERVER], stdout=subprocess.PIPE, text=True
    )
    try:
        assert sink.stdout is not None
        sink.stdout.readline()
        words = [sys.executable, "-c", _PUSH, SERVER, str(size)]
        with lines.boxes[number].popen(words, stdout=subprocess.PIPE, text=True) as pushing:
            try:
                said, _ = pushing.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                pushing.kill()
                raise
        return float(said)
    finally:
        sink.kill()
        sink.communicate()


def main() -> None:
    """Measure a few lines and print what they do."""
    wanted = [
        Line(),
        Line(delay_ms=100, jitter_ms=40),
        Line(delay_ms=50, loss=0.05),
        Line(delay_ms=50, loss=0.10, burst=1),
        Line(delay_ms=100, jitter_ms=60, rate_kbit=384, loss=0.03),
    ]
    with Lines(1) as lines:
        for line in wanted:
            lines.set(0, line)
            took = ask(lines, 0, 2000, 0.005)
            there = sorted(t for t in took if t is not None)
            bursts = sum(a is None and b is not None for a, b in pairwise([*took, 0.0]))
            lost, arrived = lines.boxes[0].lost()
            seconds = push(lines, 0, 200_000)
            print(
                f"{line}\n  lost there or back {1 - len(there) / len(took):.1%}"
                f" in {bursts} bursts; at the box {lost / max(1, lost + arrived):.1%};"
                f" round trip {1000 * there[0]:.1f} … {1000 * there[len(there) // 2]:.1f}"
                f" … {1000 * there[-1]:.1f} ms; 200 kB by TCP {1600 / seconds:.0f} kbit/s"
            )


if __name__ == "__main__":
    main()
