"""Messages as they were sent once: whatever was said in a version is understood for ever.

The files under ``tests/recorded/control/v1`` are never changed. A message that gets a field gets
another file beside the old one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from loa.codecs.control import frames, messages
from loa.codecs.control.dialects import DIALECTS
from loa.codecs.control.messages import FromBox, FromServer

RECORDED = Path(__file__).parents[2] / "recorded" / "control"
TEXTS = sorted(RECORDED.glob("v1/*.json"))
BINARY = sorted(RECORDED.glob("v1/*.bin"))


def of_server(name: str) -> bool:
    return any(name == kind.__struct_config__.tag for kind in get_args(FromServer))


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_a_recorded_message_means_what_it_meant(file: Path) -> None:
    data = file.read_bytes().strip()
    said = json.loads(data)
    dialect = DIALECTS[1]
    read = dialect.from_server if of_server(said["t"]) else dialect.from_box
    message = read(data)
    # What it meant is what it says again, with every field that was given.
    again = json.loads(messages.encode(message))
    assert {key: again.get(key) for key in said} == said


@pytest.mark.parametrize("file", BINARY, ids=lambda file: file.stem)
def test_a_recorded_frame_means_what_it_meant(file: Path) -> None:
    data = file.read_bytes()
    frame = frames.unpack(data)
    if isinstance(frame, frames.Audio):
        assert frames.pack_audio(frame.tick, frame.packets) == data
    else:
        assert frames.pack_piece(frame) == data


def test_every_message_of_version_1_is_recorded() -> None:
    recorded = {json.loads(file.read_bytes())["t"] for file in TEXTS}
    kinds = {kind.__struct_config__.tag for kind in (*get_args(FromServer), *get_args(FromBox))}
    assert recorded >= kinds
    assert {file.stem.partition("-")[0] for file in BINARY} == {"audio", "piece"}


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_what_a_later_minor_change_adds_disturbs_nobody(file: Path) -> None:
    said = json.loads(file.read_bytes())
    read = messages.from_server if of_server(said["t"]) else messages.from_box
    assert read(json.dumps({**said, "later": [1, {"a": None}]}).encode()) == read(json.dumps(said))
