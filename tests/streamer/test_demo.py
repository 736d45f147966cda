"""``loa demo`` as a process: on air, with people, played by its box, gone without a trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from loa.streamer import demo_data
from loa.streamer.store.store import StoreError

STATION = "/ha-giang/quang-binh/na-khuong"
PROGRAM = "from loa.streamer.cli import main; main()"


@contextmanager
def running(folder: Path, number: signal.Signals) -> Iterator[dict[str, Any]]:
    """Give the ready line of a demo, which ``number`` then ends as it should."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "demo", "--json", "--port", "0"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("LOA_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield json.loads(line)
            # As Ctrl-C: to all of the terminal's group.
            os.killpg(process.pid, number)
            out, errors = process.communicate(timeout=20)
            assert process.returncode == 0, errors
            assert out == "" and "Traceback" not in errors
        finally:
            process.kill()
    # Its box had standard error too: communicate() returned, so it is gone.


def call(ready: dict[str, Any], path: str, body: Any = None, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(f"{ready['url']}/api/v1{path}", data, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def sign_in(ready: dict[str, Any], password: str) -> Any:
    body = {"login": ready["admin"]["user"], "password": password, "cookie": False}
    return call(ready, "/sign-in", body)


def counts(data: Path) -> dict[str, int]:
    tables = (
        "area", "account", "role_grant", "bulletin", "slot", "queue_entry", "receiver",
    )  # fmt: skip
    with closing(sqlite3.connect(data / "loa.db")) as db:
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def test_on_air_with_people_and_again_without_doubling(tmp_path: Path) -> None:
    assert shutil.which("espeak-ng"), "espeak-ng is not installed: make setup does that"
    with running(tmp_path, signal.SIGINT) as ready:
        assert set(ready) == {
            "version", "url", "mounts", "data", "source", "receivers", "admin",
        }  # fmt: skip
        assert STATION in ready["mounts"] and f"{STATION}/thon-1" in ready["mounts"]
        for path in ready["mounts"]:
            with urllib.request.urlopen(ready["url"] + path + ".opus", timeout=10) as stream:
                assert stream.read(4) == b"OggS"
        signed_in = sign_in(ready, ready["admin"]["password"])
        assert not signed_in["must_change"]
        token = signed_in["token"]
        [bulletin] = call(ready, "/bulletins", token=token)["items"]
        assert bulletin["state"] == "approved" and "dữ liệu mẫu" in bulletin["title"]
        areas = call(ready, "/areas", token=token)["items"]
        assert all("dữ liệu mẫu" in area["name"] for area in areas)
        [receiver] = call(ready, "/receivers", token=token)["items"]
        assert receiver["state"] == "enrolled" and receiver["connected"]
        assert "dữ liệu mẫu" in receiver["name"] and receiver["key"]
        status = tmp_path / "loa-demo" / "box" / "run" / "status.json"
        assert json.loads(status.read_bytes())["sounding"] in ("bulletin", "file")
        for _ in range(100):  # its box says so within seconds
            if call(ready, "/receivers", token=token)["items"][0]["on_air"]:
                break
            time.sleep(0.2)
        else:
            raise AssertionError("the list does not say that it plays")
    first, made = ready, counts(tmp_path / "loa-demo")
    assert made["bulletin"] == made["slot"] == made["queue_entry"] == 1
    assert made["account"] == made["role_grant"] == len(demo_data.PEOPLE)

    with running(tmp_path, signal.SIGTERM) as ready:
        assert counts(tmp_path / "loa-demo") == made
        assert made["receiver"] == 1
        assert ready["mounts"] == first["mounts"]
        # Passwords are made anew at each start.
        with pytest.raises(urllib.error.HTTPError) as caught:
            sign_in(ready, first["admin"]["password"])
        caught.value.close()
        assert sign_in(ready, ready["admin"]["password"])["token"]


def test_a_servers_data_is_left_alone(tmp_path: Path) -> None:
    demo_data.guard(tmp_path)
    (tmp_path / "loa.db").touch()
    demo_data.guard(tmp_path)
    (tmp_path / demo_data.MARK).unlink()
    with pytest.raises(StoreError, match="--data"):
        demo_data.guard(tmp_path)
    assert not (tmp_path / demo_data.MARK).exists()
