"""Configuration: layers, defaults, and every mistake named where it was made."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from loa.streamer.config import Config, ConfigError, load
from loa.streamer.config_sections import SECTIONS, AreaSetting

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "loa.toml.example"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("LOA_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(text: str, path: Path = Path("loa.toml")) -> Path:
    path.write_text(text)
    return path


def problems(text: str, **environment: str) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(ConfigError) as caught:
            load(written(text))
    return caught.value.problems


def test_defaults_need_no_file() -> None:
    config = load()
    assert (config.host, config.port) == ("127.0.0.1", 8000)
    assert config.data == Path("loa-data")
    assert config.listeners.total == 15_000
    assert config.listeners.lag_policy == "skip"
    assert (config.sources.hold_seconds, config.sources.take_back_seconds) == (5, 3)
    assert [area.path for area in config.areas] == ["/xa-mau"]
    assert "dữ liệu mẫu" in config.areas[0].name


def test_environment_overrides_file_and_command_line_both(monkeypatch: pytest.MonkeyPatch) -> None:
    written('port = 1\nhost = "a"\n[listeners]\ntotal = 10\nper_mount = 11\n[log]\nlevel = "debug"')
    monkeypatch.setenv("LOA_PORT", "2")
    monkeypatch.setenv("LOA_HOST", "b")
    monkeypatch.setenv("LOA_LISTENERS_PER_MOUNT", "12")
    config = load(options={"port": 3, "host": None, "log.level": "error"})
    assert (config.port, config.host) == (3, "b")
    assert (config.listeners.total, config.listeners.per_mount) == (10, 12)
    assert config.log.level == "error"


def test_lists_and_tables_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_PROXY_PROTOCOL", "10.0.0.1, 10.1.0.0/16")
    monkeypatch.setenv("LOA_AREAS", '[{"name": "X", "tokens": [{"password": "a long one"}]}]')
    config = load()
    assert config.proxy_protocol == ("10.0.0.1/32", "10.1.0.0/16")
    assert config.areas[0].name == "X"
    assert config.areas[0].tokens[0].class_ == "routine"


def test_variables_of_other_commands_are_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    names = set(re.findall(r'envvar="(\w+)"', (ROOT / "streamer" / "cli.py").read_text()))
    assert "LOA_SERVER" in names
    for name in names:
        monkeypatch.setenv(name, "x")
    load()


def test_which_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written("port = 5")
    other = written("port = 6", tmp_path / "other.toml")
    assert load().port == 5
    monkeypatch.setenv("LOA_CONFIG", str(other))
    assert load().port == 6
    assert load(Path("loa.toml")).port == 5


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "a.wav").touch()
    file = written('data = "d"\n[[areas]]\nname = "A"\nfile = "a.wav"\n', folder / "loa.toml")
    config = load(file)
    assert config.data == folder / "d"
    assert config.areas[0].file == folder / "a.wav"
    assert load(file, {"data": Path("here")}).data == Path("here")


def test_every_mistake_is_named_in_one_go() -> None:
    found = problems(
        """
prot = 9
host = 5
[listeners]
total = "many"
lag_polcy = "skip"
[[areas]]
name = "A"
path = "/A"
file = "missing.ogg"
[[areas]]
relay = "ftp://x"
tokens = [{password="short"}, {sha256="ff"}, {}, {class="bad", password="long enough"}]
""",
        LOA_SOUND_BITRATE="high",
        LOA_PROT="1",
    )
    text = "\n".join(found)
    for wanted in (
        "LOA_PROT: there is no such setting; did you mean LOA_PORT?",
        "LOA_SOUND_BITRATE: must be a whole number, not 'high'",
        "loa.toml: prot: there is no such key; did you mean port?",
        "loa.toml: host: must be text in quotes, not 5",
        "loa.toml: listeners.total: must be a whole number, not 'many'",
        "loa.toml: listeners.lag_polcy: there is no such key; did you mean lag_policy?",
        "loa.toml: areas[1].path: must look like /ha-giang/quang-binh",
        "loa.toml: areas[1].file: ",
        "loa.toml: areas[2].name: is missing",
        "loa.toml: areas[2].relay: only http and https",
        "loa.toml: areas[2].tokens[1].password: must have at least 8 characters",
        "loa.toml: areas[2].tokens[2].sha256: must be 64 hexadecimal digits",
        "loa.toml: areas[2].tokens[3]: needs either password or sha256",
        "loa.toml: areas[2].tokens[4].class: must be 'routine', 'priority' or 'emergency'",
    ):
        assert wanted in text
    assert len(found) == 14


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("port = 70000", "loa.toml: port: must be less than or equal to 65535, not 70000"),
        ("port = -1", "loa.toml: port: must be greater than or equal to 0"),
        ("listeners = 3", "loa.toml: listeners: must be a table"),
        ("areas = 3", "loa.toml: areas: must be a list"),
        ("areas = [3]", "loa.toml: areas[1]: must be a table"),
        ("plain_port = 3", "plain_port is for use beside TLS"),
        ('[tls]\ncert = "loa.toml"', "loa.toml: tls: cert and key belong together"),
        ('[tls]\ncert = "x"\nkey = "loa.toml"', "loa.toml: tls.cert: "),
        ("[sound]\ntarget_lufs = 0", "loa.toml: sound.target_lufs: must be less"),
        ('[log]\nlevel = "loud"', "must be 'debug', 'info', 'warning' or 'error', not 'loud'"),
        ("kept_minutes = 0.5\nlisteners.lag_seconds = 40", "listeners.lag_seconds must be shorter"),
        ('proxy_protocol = ["x"]', "loa.toml: proxy_protocol[1]: must be an address or a network"),
        ('[[areas]]\nname = ""', "loa.toml: areas[1].name: must have at least 1 char"),
        ('[[areas]]\nname="a"\npath="/a"\nparent="/b"', "areas[1]: give path or parent, not both"),
        ('[[areas]]\nname="a"\nrelay_alternative="http://x.example/"', "needs relay"),
        (
            '[[areas]]\nname="a"\npath="/a"\n[[areas]]\nname="b"\npath="/a"',
            "loa.toml: areas: two areas have the path /a",
        ),
        (
            '[[areas]]\nname="a"\ntokens=[{user="a", password="long enough"}]',
            "areas[1].tokens[1].user: there is no such key; there are: password, sha256, class",
        ),
        ("port = ", "loa.toml: is not TOML: "),
        ("nonsense = 1", "loa.toml: nonsense: there is no such key; there are: host, port"),
    ],
)
def test_one_mistake(text: str, wanted: str) -> None:
    assert wanted in "\n".join(problems(text))


def test_a_mistake_on_the_command_line_is_named_as_its_option() -> None:
    with pytest.raises(ConfigError, match=r"^--tls-cert: 'x' cannot be read"):
        load(options={"tls.cert": "x", "tls.key": "x"})
    with pytest.raises(ConfigError, match=r"^--port: must be"):
        load(options={"port": 70000})


def test_a_file_that_cannot_be_read() -> None:
    with pytest.raises(ConfigError, match=r"^none\.toml: cannot be read: No such file"):
        load(Path("none.toml"))
    Path("bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(Path("bytes.toml"))


def test_secrets_are_neither_printed_nor_named() -> None:
    secret = "tiếng loa buổi sáng"
    config = load(written(f'[[areas]]\nname = "A"\ntokens = [{{ password = "{secret}" }}]'))
    assert secret not in repr(config) and secret not in str(config)
    password = config.areas[0].tokens[0].password
    assert password is not None and password.get_secret_value() == secret
    found = problems('[[areas]]\nname = "A"\ntokens = [{ password = "geheim" }]')
    assert "geheim" not in "\n".join(found)
    found = problems('[[areas]]\nname = "A"\ntokens = [{ password = 1234567 }]')
    assert "1234567" not in "\n".join(found)
    config = load(written('database.url = "postgresql://loa:geheim@host/loa"'))
    assert config.database.url is not None and "geheim" not in repr(config)
    found = problems("", LOA_DATABASE_URL="mysql://loa:geheim@host/loa")
    assert "LOA_DATABASE_URL: must be like postgresql://" in found[0]
    assert "geheim" not in "\n".join(found)


def test_the_example_loads_and_has_every_key_with_its_default() -> None:
    config = load(EXAMPLE)
    assert [(area.path, area.parent) for area in config.areas] == [
        ("/ha-giang", None),
        (None, "/ha-giang"),
        (None, "/ha-giang/quang-binh"),
    ]
    # With every comment before an assignment taken away, only what needs files is out of place.
    text = re.sub(r"^#(?=[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.M)
    text = re.sub(
        r"^(cert|key|file|piper_model|plain_port|proxy_protocol|allow_private|tokens|aliases"
        r"|relay\w*|url) = .*\n",
        "",
        text,
        flags=re.M,
    )
    full = load(written(text))
    assert full.model_dump(exclude={"areas", "data"}) == Config().model_dump(
        exclude={"areas", "data"}
    )
    keys = {key for section in SECTIONS.values() for key in section.model_fields}
    keys |= set(Config.model_fields) | set(AreaSetting.model_fields) | {"sha256", "class"}
    for key in keys:
        assert re.search(rf"^#?\[*{key}\b|[{{, ]{key} = ", EXAMPLE.read_text(), flags=re.M), key
