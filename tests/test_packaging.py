"""Sdist and wheel: they build, install into an empty environment and work there.

The base packages alone are enough for everything but the server.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import venv
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from support.audio import tone
from support.box import BoxProcess
from support.client import ApiClient
from support.process import ServerProcess

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_SOURCE = (".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "data", "loa-data",
              "node_modules")  # fmt: skip
PAGES = ROOT / "streamer/web"


def not_source(folder: str, names: list[str]) -> set[str]:
    """Say what of a folder is not copied; the built pages are, as a packager has built them."""
    left_out = set(shutil.ignore_patterns(*NOT_SOURCE)(folder, names))
    return left_out - {"dist"} if Path(folder) == PAGES else left_out


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program in an environment without our paths; return its output, or fail with it."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist from a copy of the tree and the wheel from the sdist, as a packager would."""
    work = tmp_path_factory.mktemp("packaging")
    source, out = work / "source", work / "out"
    shutil.copytree(ROOT, source, ignore=not_source)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, cwd=source)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and the base packages into an empty environment; return its bin."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    run(
        sys.executable, "-m", "pip", "--python", environment / "bin" / "python",
        "install", "-q", "--no-compile", built[1], cwd=environment,
    )  # fmt: skip
    return environment / "bin"


def test_the_wheel_is_for_every_python_from_3_11(built: tuple[Path, Path]) -> None:
    _, wheel = built
    assert "-cp311-abi3-linux_" in wheel.name
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert "loa/native/_loa.abi3.so" in names
    assert [name for name in names if name.endswith((".c", ".h", ".o"))] == []
    assert {name.split("/")[0] for name in names} == {"loa", f"loa-{PROJECT['version']}.dist-info"}
    for part in ("native", "codecs", "streamer", "receivers"):
        assert f"loa/{part}/py.typed" in names
    # Every module of the tree is in it: a folder that pyproject.toml does not name would be lost.
    ours = {
        f"loa/{path.relative_to(ROOT)}"
        for part in ("native", "codecs", "streamer", "receivers")
        for path in (ROOT / part).rglob("*")
        if path.suffix in (".py", ".html", ".js", ".css") and "tests" not in path.parts
        if not path.is_relative_to(PAGES)
    }
    assert ours <= set(names)
    # Of the pages, what was built is there, and not what it was built from.
    pages = {name.removeprefix("loa/streamer/web/") for name in names if "/web/" in name}
    assert "dist/index.html" in pages and "site.py" in pages
    assert not [name for name in pages if name.startswith(("src/", "node_modules/"))]


def test_the_sdist_has_the_c_core_and_the_licence(built: tuple[Path, Path]) -> None:
    sdist, _ = built
    with tarfile.open(sdist) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "setup.py", "native/build.py"} <= names
    assert {
        f"native/src/audio/{path.name}" for path in (ROOT / "native/src/audio").glob("*.[ch]")
    } <= names
    assert {"streamer/web/src/main.ts", "streamer/web/dist/index.html"} <= names
    assert not any(name.endswith((".so", ".o")) or "/node_modules/" in name for name in names)


def test_the_command_works_in_an_empty_environment(installed: Path, tmp_path: Path) -> None:
    assert "Loa" in run(installed / "loa", "--help", cwd=tmp_path)


def test_base_packages_are_enough_outside_the_server(installed: Path, tmp_path: Path) -> None:
    program = """
import importlib, json, pkgutil, loa.native, loa.codecs, loa.receivers, loa.streamer.core
names = ["loa.streamer.cli", "loa.native._loa"]
for package in (loa.native, loa.codecs, loa.receivers, loa.streamer.core):
    names += [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if name != "loa.native.build":
        importlib.import_module(name)
from loa.native import _loa
print(json.dumps([len(names), _loa.__file__]))
"""
    count, file = json.loads(run(installed / "python", "-c", program, cwd=tmp_path))
    assert count > 5
    assert str(installed.parent) in file


@pytest.mark.slow
def test_a_box_needs_none_of_the_servers_packages(built: tuple[Path, Path], tmp_path: Path) -> None:
    """``pip install loa[receiver]`` enrols with a real server, plays its air and says so."""
    environment = tmp_path / "box-venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", f"{built[1]}[receiver]",
        cwd=tmp_path,
    )  # fmt: skip
    there = run(
        python, "-c",
        "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))",
        cwd=tmp_path,
    ).split()  # fmt: skip
    assert {"aiohttp", "cryptography", "gpiod", "msgspec", "numpy", "sounddevice"} <= set(there)
    assert not {"av", "sqlalchemy", "uvloop", "alembic", "webrtcvad-wheels"} & set(there)

    recording = tmp_path / "tone.wav"
    with wave.open(str(recording), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((tone(5, 700) * 20_000).astype(np.int16).tobytes())
    areas = f'[[areas]]\nname = "Xã"\npath = "/xa"\nstation = true\nfile = "{recording}"\n'
    server = ServerProcess(tmp_path, areas)
    box = BoxProcess(tmp_path / "box", python=python)
    try:
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        added = api.call("POST", "/receivers", {"area": api.area("/xa"), "name": "Cột 1"})
        box.enrol(server.ready["receivers"], added["code"])
        box.start()
        box.until(lambda s: s["sounding"] == "file" and s["relay"])
        said = box.loa("status")
        assert said.returncode == 0 and "online for" in said.stdout
        # Nothing that a box has no use for is in its memory either.
        assert box.process is not None
        mapped = Path(f"/proc/{box.process.pid}/maps").read_text()
        for name in ("pydantic", "uvloop", "libavcodec", "sqlalchemy"):
            assert name not in mapped
        assert box.stop() == 0
    finally:
        if box.process is not None:
            box.stop(signal.SIGKILL)
        server.stop()
        server.hang_up()
    assert np.abs(box.heard()).max() > 0.1


@pytest.mark.slow
def test_the_extras_can_be_installed_beside_it(installed: Path, built: tuple[Path, Path],
                                               tmp_path: Path) -> None:  # fmt: skip
    python = installed / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q",
        f"{built[1]}[server,receiver]", cwd=tmp_path,
    )  # fmt: skip
    run(
        python, "-c", "import loa.streamer.config, av, uvloop, webrtcvad, sounddevice", cwd=tmp_path
    )
