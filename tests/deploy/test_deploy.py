"""What lies in deploy/ is accepted by the programs it is for."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_unit_says_what_the_server_does(tmp_path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(DEPLOY / "loa.service")
    service = parser["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 10
    assert int(service["LimitNOFILE"]) > 20_000
    assert service["DynamicUser"] == "yes" and service["ProtectSystem"] == "strict"
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "loa.service"
        text = (DEPLOY / "loa.service").read_text()
        unit.write_text(text.replace("/opt/loa/bin/loa", "/bin/true"))
        done = run("systemd-analyze", "verify", unit)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_boxs_unit_says_what_a_box_needs(tmp_path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(DEPLOY / "loa-receiver.service")
    service = parser["Service"]
    assert service["Type"] == "notify" and int(service["WatchdogSec"]) >= 30
    assert service["ExecStopPost"].endswith("silence"), "the relay is off behind a crash"
    assert service["Restart"] == "always" and service["RestartPreventExitStatus"] == "78"
    assert service["ProtectSystem"] == "strict" and service["DynamicUser"] == "yes"
    text = (DEPLOY / "loa-receiver.service").read_text()
    assert "ListenStream" not in text and "CapabilityBoundingSet=\n" in text
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "loa-receiver.service"
        unit.write_text(text.replace("/opt/loa/bin/python", "/bin/true"))
        done = run("systemd-analyze", "verify", unit)
        assert (done.returncode, done.stderr) == (0, "")


def test_haproxy_accepts_its_configuration() -> None:
    assert shutil.which("haproxy"), "haproxy is not installed: make test does that"
    done = run("haproxy", "-c", "-f", DEPLOY / "haproxy.cfg")
    assert done.returncode == 0, done.stderr


def test_system_packages_names_what_is_missing(tmp_path: Path) -> None:
    # With nothing on the path but what the script itself uses, all programs are missing.
    for tool in ("bash", "env", "sed", "dirname", "cat", "id"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    done = run(DEPLOY / "system-packages", "--list", "run", PATH=str(tmp_path))
    assert {"python3", "gcc", "pkg-config", "libopus-dev"} <= set(done.stdout.split())
    assert "chromium" not in done.stdout


def test_system_packages_explains_itself() -> None:
    done = run(DEPLOY / "system-packages", "nonsense")
    assert done.returncode == 2 and "usage:" in done.stderr
