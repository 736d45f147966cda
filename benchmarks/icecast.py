"""The peer Icecast 2, with a source that feeds it our own mount's pages.

So both send the same bytes at the same moments to the same load generator. Icecast gets what is
good for it: no burst, limits raised, no access log that grows with the listeners, all in a
directory of its own on a free port.
"""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

from benchmarks.load import Address
from benchmarks.rows import Missing
from benchmarks.tap import Tap

MOUNT = "/loa.opus"
PASSWORD = "benchmark"
SHARE = Path("/usr/share/icecast2")


def program() -> str:
    """Return Icecast's path; ``Missing`` where it is not installed."""
    found = shutil.which("icecast2") or shutil.which("icecast")
    if found is None:
        raise Missing("icecast2 is not installed")
    return found


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _config(port: int, home: Path) -> str:
    # Icecast refuses to run as root, and gives itself to a user that may write its logs.
    owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
    return f"""<icecast>
<limits><clients>19000</clients><sources>4</sources><queue-size>1048576</queue-size>
<client-timeout>30</client-timeout><header-timeout>15</header-timeout>
<source-timeout>3600</source-timeout><burst-on-connect>0</burst-on-connect>
<burst-size>0</burst-size></limits>
<authentication><source-password>{PASSWORD}</source-password>
<admin-user>admin</admin-user><admin-password>{PASSWORD}</admin-password></authentication>
<hostname>localhost</hostname>
<listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<fileserve>0</fileserve>
<paths><logdir>{escape(str(home))}</logdir><webroot>{SHARE}/web</webroot>
<adminroot>{SHARE}/admin</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog>
<loglevel>1</loglevel></logging>
<security><chroot>0</chroot>{owner if os.geteuid() == 0 else ""}</security>
</icecast>
"""


class Icecast:
    """A running Icecast; use as a context."""

    def __init__(self) -> None:
        path = program()
        self._home = tempfile.TemporaryDirectory(prefix="loa-bench-icecast-")
        home = Path(self._home.name)
        if getpass.getuser() == "root":
            home.chmod(0o777)
        # A free port may be taken by somebody else before Icecast has it.
        for _ in range(5):
            self.port = free_port()
            config = home / "icecast.xml"
            config.write_text(_config(self.port, home))
            self._child = subprocess.Popen(
                [path, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            if self._started():
                break
            self._child.kill()
            self._child.wait()
        else:
            self._home.cleanup()
            raise RuntimeError("Icecast does not start")
        self.pid = self._child.pid
        self.address = Address("127.0.0.1", self.port, MOUNT)

    def _started(self) -> bool:
        """Wait until it listens; False when it ended instead."""
        end = time.monotonic() + 10
        while self._child.poll() is None and time.monotonic() < end:
            time.sleep(0.3)
            if self._listens():
                return self._child.poll() is None
        return False

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._home.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Feeder:
    """A source client: takes a mount's pages as a listener and PUTs them to Icecast.

    While paused the pages are thrown away, so that Icecast's listeners stay and cost nothing.
    """

    def __init__(self, mount: Address, icecast: Icecast) -> None:
        self._tap = Tap(mount)
        self._out = socket.create_connection(("127.0.0.1", icecast.port), 10)
        self._out.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        word = base64.b64encode(f"source:{PASSWORD}".encode()).decode()
        self._out.sendall(
            f"PUT {MOUNT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {word}\r\n"
            "Content-Type: audio/ogg\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        answer = self._out.recv(4096)
        if b" 100" not in answer and b" 200" not in answer:
            raise RuntimeError(f"Icecast refuses its source: {answer[:80]!r}")
        self._on = threading.Event()
        self._on.set()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._tap, contextlib.suppress(OSError):
            for page in self._tap.pages():
                if self._over:
                    return
                if page.granule == 0 or self._on.is_set():
                    self._out.sendall(page.data)

    def pause(self) -> None:
        self._on.clear()

    def resume(self) -> None:
        self._on.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._thread.join(5)
        self._out.close()
