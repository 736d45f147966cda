"""A server with thousands of enrolled receivers, written straight into its data directory.

Four levels of areas, a receiver in each village, an administrator's token and one approved bulletin
of every class: what the benchmarks of receivers run on. How that came about is not what is
measured; every row and file is as the server, or the box, writes it itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import insert

from benchmarks import speech
from benchmarks.load import cpu_seconds, memory_mb
from loa.codecs.control.signing import PublicKey, SigningKey
from loa.codecs.opus import OpusFileWriter
from loa.receivers.fleet.office import Office
from loa.receivers.fleet.roll import MEMORY, place
from loa.receivers.identity import BoxIdentity, Kept
from loa.streamer.core.rights import Permission, digest
from loa.streamer.fleet.identity import ServerIdentity
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.people import AccountRow, ApiTokenRow, GrantRow
from loa.streamer.store.tables.receivers import ReceiverRow

DISTRICTS, COMMUNES = 10, 100
TOP = 1
TOKEN = "loa_benchmark-of-receivers-with-no-secret-in-it"
SECONDS = 20.0
"""Of the bulletins. Their ids are 1 (routine), 2 (priority), 3 (emergency)."""
BATCH = 5000
ROOT = Path(__file__).resolve().parent.parent


COMMUNE = TOP + 1 + DISTRICTS
"""The id of the first commune, whose the bulletin of priority is."""


def village(number: int, communes: int = COMMUNES) -> tuple[int, str]:
    """Return the id and path of the area of a receiver."""
    commune = number % communes
    district = commune % DISTRICTS
    path = f"/tinh-mau/huyen-{district + 1}/xa-{commune + 1}/thon-{number + 1}"
    return COMMUNE + communes + number, path


def build(
    data: Path, keys: Sequence[SigningKey], seconds: float = SECONDS, communes: int = COMMUNES
) -> PublicKey:
    """Write everything into a data directory; return the server's identity."""
    now = time.time()
    identity = ServerIdentity.load(data, now)
    size, sha256, ticks = _audio(data, seconds)
    asyncio.run(_build(data, keys, communes, now, size, sha256, ticks))
    return identity.key.public


def _audio(data: Path, seconds: float) -> tuple[int, str, int]:
    folder = data / "audio"
    folder.mkdir(exist_ok=True)
    packets, sizes = speech.packets(seconds)
    new = folder / "new"
    with new.open("wb") as file:
        writer = OpusFileWriter(file)
        writer.add(packets, sizes)
        writer.finish(960 * len(sizes))
    said = new.read_bytes()
    sha256 = hashlib.sha256(said).hexdigest()
    new.rename(folder / f"{sha256}.opus")
    return len(said), sha256, len(sizes)


async def _build(
    data: Path, keys: Sequence[SigningKey], communes: int, now: float, size: int, sha256: str,
    ticks: int,
) -> None:  # fmt: skip
    store = await Store.open(database_url(None, data))
    bulletins = [
        {"id": cls + 1, "area_id": COMMUNE if cls == 1 else TOP, "cls": cls,
         "title": f"Bản tin mẫu {cls + 1}", "state": "approved", "audio_state": "ready",
         "audio_sha256": sha256, "created_at": now, "created_by": 1,
         "expires_at": now + 30 * 86_400, "per_day": 10}
        for cls in range(3)
    ]  # fmt: skip
    account = {
        "id": 1, "login": "mau", "name": "Cán bộ mẫu", "password": "!", "created_at": now,
    }  # fmt: skip
    grant = {
        "account_id": 1, "area_id": TOP, "role": "administrator", "created_at": now,
        "created_by": "loa",
    }  # fmt: skip
    token = {
        "sha256": digest(TOKEN), "account_id": 1, "name": "đo", "created_at": now,
        "scopes": [str(p) for p in Permission], "expires_at": now + 86_400,
    }  # fmt: skip
    audio = {
        "sha256": sha256, "ticks": ticks, "size": size, "report": {}, "peaks": b"",
        "created_at": now,
    }  # fmt: skip
    receivers = [
        {"area_id": village(number, communes)[0], "name": f"Cụm loa mẫu {number + 1}",
         "state": "enrolled", "key": key.public.data, "settings": {}, "created_at": now,
         "created_by": "loa", "enrolled_at": now}
        for number, key in enumerate(keys)
    ]  # fmt: skip
    try:
        async with store.write() as db:
            for table, rows in (
                (AreaRow, list(_areas(len(keys), communes, now))), (AccountRow, [account]),
                (GrantRow, [grant]), (ApiTokenRow, [token]), (AudioRow, [audio]),
                (BulletinRow, bulletins),
                (BulletinTargetRow, [{"bulletin_id": b["id"], "area_id": b["area_id"]}
                                     for b in bulletins]),
                (ReceiverRow, receivers),
            ):  # fmt: skip
                for first in range(0, len(rows), BATCH):
                    await db.execute(insert(table), rows[first : first + BATCH])
    finally:
        await store.close()


def _areas(villages: int, communes: int, now: float) -> Iterator[dict[str, Any]]:
    def area(id: int, parent: int | None, name: str, path: str, station: bool) -> dict[str, Any]:
        return {
            "id": id, "parent_id": parent, "name": f"{name} (dữ liệu mẫu)", "path": path,
            "station": station, "rank": id, "created_at": now,
        }  # fmt: skip

    yield area(TOP, None, "Tỉnh mẫu", "/tinh-mau", True)
    for number in range(DISTRICTS):
        path = f"/tinh-mau/huyen-{number + 1}"
        yield area(TOP + 1 + number, TOP, f"Huyện {number + 1}", path, True)
    for number in range(communes):
        above = number % DISTRICTS
        path = f"/tinh-mau/huyen-{above + 1}/xa-{number + 1}"
        yield area(COMMUNE + number, TOP + 1 + above, f"Xã {number + 1}", path, True)
    for number in range(villages):
        id, path = village(number, communes)
        above = COMMUNE + number % communes
        yield area(id, above, f"Thôn {number + 1}", path, False)


class District:
    """The data, the boxes' state directories, and a server that can be killed and started again.

    ``count`` receivers, ``numbers`` of them from 0 on below ``root``. ``inside``: words before the
    server's command, for a namespace (``lines``); ``host``: what it listens on there.
    """

    def __init__(
        self, count: int, *, inside: Sequence[str] = (), host: str = "127.0.0.1", config: str = "",
        seconds: float = SECONDS, communes: int = COMMUNES,
    ) -> None:  # fmt: skip
        self.count = count
        self.numbers = range(count)
        self.host = host
        self._inside = list(inside)
        self._stack = ExitStack()
        base = MEMORY if MEMORY.is_dir() else None
        self.home = Path(tempfile.mkdtemp(prefix="loa-district-"))
        self._stack.callback(shutil.rmtree, self.home, ignore_errors=True)
        self.root = Path(tempfile.mkdtemp(prefix="loa-boxes-", dir=base))
        self._stack.callback(shutil.rmtree, self.root, ignore_errors=True)
        self._server: subprocess.Popen[str] | None = None
        try:
            self.data = self.home / "data"
            self.data.mkdir()
            keys = [SigningKey.generate() for _ in self.numbers]
            server = build(self.data, keys, seconds, communes)
            port, boxes = free_port(), free_port()
            (self.home / "loa.toml").write_text(
                f"port = {port}\n{config}\n[receivers]\nport = {boxes}\n"
            )
            self.url = f"http://{host}:{port}"
            self.connect = f"wss://{host}:{boxes}"
            for number, key in enumerate(keys):
                area = village(number, communes)[1]
                kept = Kept(
                    server=self.connect, receiver=number + 1, name="", area=area,
                    servers=(server.data,), key=key.secret, made_at=time.time(),
                )  # fmt: skip
                BoxIdentity.enrolled(place(self.root, number), kept)
            self.office = Office(self.url, TOKEN)
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> float:
        """Start the server; return when (monotonic) it said that it listens."""
        words = [
            *self._inside, sys.executable, "-m", "benchmarks.instrumented", "serve", "--json",
            "--config", str(self.home / "loa.toml"), "--data", str(self.data), "--host", self.host,
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOA_")}
        with (self.home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=environment, cwd=ROOT,
            )  # fmt: skip
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f"loa serve did not start:\n{self.log()[-2000:]}")
        connect = json.loads(line)["receivers"]
        if connect != self.connect:
            raise RuntimeError(f"boxes were to connect to {self.connect}, not to {connect}")
        return time.monotonic()

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._server is not None
        return self._server.pid

    def cpu(self) -> float:
        """CPU seconds of the server so far."""
        return cpu_seconds(self.pid)

    def memory(self) -> float:
        """Its resident memory in 10⁶ bytes."""
        return memory_mb(self.pid)

    def log(self) -> str:
        """What it logged."""
        return (self.home / "log").read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the server a signal and wait for its end."""
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(number)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.close()
        server.stdout.close()

    def emergency(self, **more: Any) -> tuple[int, float]:
        """Call an emergency for all; return its id and when (monotonic) the call was sent."""
        asked = {"area": TOP, "bulletin": 3, "severity": 4, "drill": True, "reason": "đo", **more}
        sent = time.monotonic()
        said = self.office.call("POST", "/emergencies", asked)
        return int(said["id"]), sent

    def silence(self, emergency: int) -> None:
        """Stop an emergency."""
        self.office.call("POST", f"/emergencies/{emergency}/stop", {"reason": "đo xong"})

    def close(self) -> None:
        """Stop the server and remove everything."""
        self.stop()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
