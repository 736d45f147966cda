"""The status in plain words: of a box that runs, hangs, ended, or was never there."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from loa.receivers import boxstatus
from loa.receivers.box import Box
from loa.receivers.identity import BoxIdentity, Kept
from loa.receivers.status import FRESH, Seen, Status, boot_id, find, show, write
from loa.receivers.status_words import WORDS, ago, language_of, lines
from support.boxes import KEY
from support.wholebox import HandMachine, config_below

NOW = 1_790_000_000.0
HERE = Status(
    boot="this", written=5000.0, process=os.getpid(), version="loa 0.1.0", unix=NOW, started=1000.0,
    receiver=7, name="Cột 1", area="Nà Khương", server="wss://loa.example:8443", online=True,
    line_for=3700.0, output="device", output_open=True, relay=True, relay_kind="gpio",
    sounding="bulletin", cls=2, origin="cache", volume=100, clock="server", drill=True,
    schedule_until=NOW + 86_400, schedule_from=NOW - 600, cache_files=12, cache_mb=34.5,
    cache_missing=2, journal_waiting=3, tested_at=NOW - 1000, sign="Bão", sounded=True,
    values={"temperature_c": 48.3}, memory_mb=48,
)  # fmt: skip


def text(seen: Seen | None, language: str = "en", enrolled: bool | None = True) -> str:
    return "\n".join(lines(seen, language, enrolled, NOW + 100))


def test_a_box_that_runs() -> None:
    said = text(Seen(HERE, 2.0, True))
    for part in (
        "Cột 1 (#7)  Nà Khương", "online for 61 min", "bulletin, DRILL, EMERGENCY, from the cache",
        "volume 100 %", "Relay", "on", "the server's", "2 still to be fetched",
        "3 entries wait for the server", "all well", "48 °C", "it sounds", "Bão",
    ):  # fmt: skip
        assert part in said, part
    assert "DOES NOT RUN" not in said
    vi = text(Seen(HERE, 2.0, True), "vi")
    assert "DIỄN TẬP, KHẨN CẤP, từ bộ nhớ đệm" in vi and "trực tuyến 61 phút" in vi


def test_what_is_wrong_stands_out() -> None:
    wrong = changed(
        HERE, online=False, line_why="the name loa.example is not known", offline=True,
        output_open=False, output_trouble="unplugged", relay=None, unix=None, clock="",
        schedule_until=NOW - 5, tested={"output": "takes nothing"}, sounding="silence",
        sounded=False, failures=("sign: broken",),
    )  # fmt: skip
    said = text(Seen(wrong, 2.0, True))
    for part in (
        "OFFLINE for 61 min, the name loa.example is not known, plays by its schedule",
        "device LOST: unplugged", "UNKNOWN: it cannot be switched", "nothing is heard",
        "nothing is played by schedule", "output: takes nothing", "sign: broken", "silence",
    ):  # fmt: skip
        assert part in said, part
    assert "OVER since" in text(Seen(changed(HERE, schedule_until=NOW - 5), 2.0, True))


def test_one_that_does_not_run_says_since_when() -> None:
    assert "DOES NOT ANSWER (60 s" in text(Seen(HERE, 60.0, True))
    gone = text(Seen(HERE, 300.0, False))
    assert "DOES NOT RUN" in gone and "about 5 min ago" in gone and "without saying why" in gone
    ended = text(Seen(changed(HERE, ended=""), 7300.0, False))
    assert "ended 2 h 1 min ago" in ended and "in order" in ended
    assert "restart" in text(Seen(changed(HERE, ended="restart"), 10.0, True))
    assert "since this machine was started; it last ran at" in text(Seen(HERE, None, False))
    never = text(None, enrolled=False)
    assert "has not run" in never and "not enrolled" in never
    assert "not enrolled" not in text(None, enrolled=None), "that cannot be seen by everybody"


def test_both_languages_say_everything() -> None:
    assert WORDS["vi"].keys() == WORDS["en"].keys()
    for key, english in WORDS["en"].items():
        fields = {part.split("}")[0] for part in english.split("{")[1:]}
        assert fields == {part.split("}")[0] for part in WORDS["vi"][key].split("{")[1:]}, key
    assert [ago(s, WORDS["en"]) for s in (5, 600, 9000, 300_000)] == [
        "5 s", "10 min", "2 h 30 min", "3 days 11 h",
    ]  # fmt: skip


def test_the_language_is_that_of_the_surroundings() -> None:
    assert language_of({"LANG": "vi_VN.UTF-8"}) == "vi"
    assert language_of({"LANG": "vi_VN", "LC_ALL": "C"}) == "en"
    assert language_of({}) == "en"


def test_the_file_is_replaced_whole_and_its_age_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert find(folder) is None
    write(folder, HERE)
    seen = find(folder, clock=lambda: 5003.0, boot="this")
    assert seen == Seen(HERE, 3.0, True) and seen.running
    later = find(folder, clock=lambda: 5000.0 + FRESH, boot="this")
    assert later is not None and not later.running
    assert find(folder, boot="another") == Seen(HERE, None, False)
    assert (folder / "status.json").stat().st_mode & 0o777 == 0o644
    (folder / "status.json").write_bytes(b'{"boot": 3}')
    assert find(folder) is None
    assert not replace(seen, alive=False).running


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(tmp_path, tmp_path, "vi", False) == 3
    assert "chưa đăng ký" in capsys.readouterr().out
    write(tmp_path, changed(HERE, boot=boot_id(), written=0.0))
    assert show(tmp_path, tmp_path, "en", True) == 3, "it is old"
    told = json.loads(capsys.readouterr().out)
    assert told["running"] is False and told["name"] == "Cột 1" and told["receiver"] == 7


def test_whatever_is_counted_can_be_seen(tmp_path: Path) -> None:
    """Each part's counters, and how well the server's clock is followed, are in the status."""
    config = config_below(tmp_path)
    kept = Kept(
        server="wss://127.0.0.1:9", receiver=1, name="Cột 1", area="/xa",
        servers=(KEY.public.data,), key=KEY.secret,
    )  # fmt: skip
    box = Box(config, BoxIdentity.enrolled(config.state, kept), machine=HandMachine())
    box.timeline.resets = 3
    for part in vars(box).values():
        if isinstance(counted := getattr(part, "counters", None), Counter):
            counted["something"] = 7
            assert boxstatus.counters(box).get("something") == 7, part
            counted.clear()
    found = boxstatus.counters(box)
    assert found["clock.resets"] == 3 and found["data.not_kept"] == 0
    box.journal.stopped()
