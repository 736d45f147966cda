"""The box's configuration: the defaults play, every mistake is named, the example is right."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields
from typer.testing import CliRunner

from loa.receivers.config import Config, ConfigError, Section, load
from loa.streamer.cli import app

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "receiver.toml.example"
HOME = {"HOME": "/home/pole"}


def written(folder: Path, text: str) -> Path:
    file = folder / "receiver.toml"
    file.write_text(text)
    return file


def problems(folder: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(written(folder, text), environment or HOME)
    return error.value.problems


def test_without_a_file_the_defaults_hold() -> None:
    config = load(environment=HOME)
    assert config.output == config.sound == "device" and not config.transmitter
    assert config.relay.kind == "none"


def test_systemd_says_where_its_files_lie(tmp_path: Path) -> None:
    config = load(
        written(tmp_path, ""), {"STATE_DIRECTORY": "/var/lib/x:/y", "RUNTIME_DIRECTORY": "/run/x"}
    )
    assert (config.state, config.runtime) == (Path("/var/lib/x"), Path("/run/x"))
    config = load(written(tmp_path, 'state = "here"'), {"STATE_DIRECTORY": "/var/lib/x"})
    assert config.state == tmp_path / "here"


def test_every_mistake_is_named_at_once_in_plain_words(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        'outputs = "x"\noutput = "mp3:x"\nsign = 3\n'
        '[relay]\nkind = "gpoi"\nline = 5000\non = "abc"\nactive_low = "yes"\n'
        '[log]\nlevel = "loud"\n[stick]\nfolders = [1]\n',
    )
    file = tmp_path / "receiver.toml"
    assert found == [
        f"{file}: outputs: there is no such key; did you mean output?",
        f"{file}: output: cannot be 'mp3:x'",
        f"{file}: sign: must be a table of keys and values, not 3",
        f"{file}: relay.kind: must be none or gpio or command, not 'gpoi'",
        f"{file}: relay.line: must be a whole number, at most 1023, not 5000",
        f'{file}: relay.on: must be a list of words such as ["program", "argument"], not \'abc\'',
        f"{file}: relay.active_low: must be true or false, not 'yes'",
        f"{file}: log.level: must be debug or info or warning or error, not 'loud'",
        f"{file}: stick.folders: must be text in quotes",
    ]


def test_keys_that_belong_together(tmp_path: Path) -> None:
    assert problems(tmp_path, '[relay]\nkind = "gpio"')[0].endswith("needed where kind is gpio")
    assert problems(tmp_path, '[relay]\nkind = "command"\non = ["a"]')
    assert problems(tmp_path, '[sensors]\nmicrophone = "1"\ncurrent = "x"')


def test_the_environment_overrides_and_is_named(tmp_path: Path) -> None:
    environment = HOME | {
        "LOA_RECEIVER_OUTPUT": "transmitter:null",
        "LOA_RECEIVER_RELAY_KIND": "command",
        "LOA_RECEIVER_RELAY_ON": "relay 'number one' on",
        "LOA_RECEIVER_RELAY_OFF": "relay off",
        "LOA_RECEIVER_RELAY_HOLD_SECONDS": "2.5",
        "LOA_RECEIVER_CLOCK_BATTERY": "true",
        "LOA_SERVER": "not ours",
    }
    config = load(written(tmp_path, 'output = "null"'), environment)
    assert config.transmitter and config.sound == "null" and config.clock.battery
    assert config.relay.on == ("relay", "number one", "on")
    assert config.relay.hold_seconds == 2.5
    wrong = {"LOA_RECEIVER_RELAY_LINE": "x", "LOA_RECEIVER_OUTPUTS": "1"}
    assert problems(tmp_path, "", HOME | wrong) == [
        "LOA_RECEIVER_OUTPUTS: there is no such setting; did you mean LOA_RECEIVER_OUTPUT?",
        "LOA_RECEIVER_RELAY_LINE: must be a whole number, not 'x'",
    ]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none", HOME)
    assert "is not TOML" in problems(tmp_path, "[relay")[0]
    (tmp_path / "receiver.toml").write_bytes(b'output = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        load(tmp_path / "receiver.toml", HOME)


def test_the_example_holds_every_key_with_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert load(written(tmp_path, text), HOME) == load(written(tmp_path, ""), HOME)
    table, named = "", set()
    for line in text.splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            table = match[1] + "."
        elif match := re.match(r"#(\w+) = ", line):
            named.add(table + match[1])
    known = set()
    for field in fields(Config):
        inner = field.type if isinstance(field.type, type) else None
        if inner is not None and issubclass(inner, Section):
            known |= {f"{field.name}.{key.name}" for key in fields(inner)}
        else:
            known.add(field.name)
    assert named == known
    # Uncommented it is still right, but for what excludes each other.
    lines = [re.sub(r"^#(\w+ = )", r"\1", line) for line in text.splitlines()]
    kept = [line for line in lines if not line.startswith("current = ")]
    load(written(tmp_path, "\n".join(kept)), HOME)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(deadline=None, derandomize=True, max_examples=150,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    key=st.sampled_from(["output", "relay", "sensors", "x"]),
    inner=st.sampled_from(["kind", "line", "on", "current", "microphone_db", "y"]),
    value=ANYTHING,
)
def test_whatever_stands_there_is_read_or_explained(
    key: str, inner: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in ({key: value}, {key: {inner: value}}):
        monkeypatch.setattr("loa.receivers.config._read", lambda file, content=content: content)
        with contextlib.suppress(ConfigError):
            load(Path("receiver.toml"), HOME)


def test_enrol_keeps_its_state_where_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[Path | None] = []

    def run(server: str, code: str, state: Path | None, *, as_json: bool) -> int:
        states.append(state)
        return 0

    monkeypatch.setattr("loa.receivers.enrolling.run", run)
    file = tmp_path / "receiver.toml"
    file.write_text('state = "here"\n')
    words = ["receiver", "enrol", "loa.example", "LOA1-X", "--config", str(file)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, [*words, "--state", str(tmp_path)]).exit_code == 0
    assert states == [tmp_path / "here", tmp_path]
    file.write_text("state = 1\n")
    assert CliRunner().invoke(app, words).exit_code == 2 and len(states) == 2
