"""The configuration: ``loa.toml``, then ``LOA_…`` in the environment, then the command line.

What comes later overrides what came before, key by key. Everything is checked at start, together,
and every mistake is named in plain words with the place where it stands (``ConfigError``). The
values are plain: the tree of areas, the rights and the rest are made from them elsewhere.
``deploy/loa.toml.example`` describes every key.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from loa.streamer.core.addresses import AddressRefused, target

DEFAULT_FILE = Path("loa.toml")
PREFIX = "LOA_"
BOX_PREFIX = "LOA_RECEIVER_"
"""What the box's own configuration reads (``receivers.config``)."""
# Variables of ours that are no settings of the server: read by other commands, or by load() itself.
NO_SETTINGS = frozenset(
    {
        "LOA_CONFIG",
        "LOA_PASSWORD",
        "LOA_RECEIVER_STATE",
        "LOA_SERVER",
        "LOA_SOURCE_PASSWORD",
        "LOA_TOKEN",
    }
)
MIN_PASSWORD = 8

_PATH = re.compile(r"(/[a-z0-9]+(-[a-z0-9]+)*)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` are whole sentences, one for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def _words(value: object) -> object:
    """Split what the environment gives for a list: ``"10.0.0.1, 10.0.0.2"``."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _tables(value: object) -> object:
    """Read what the environment gives for a list of tables: JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("must be JSON: a list of objects with the keys of [[areas]]") from None
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(
            f"must be an address or a network such as 10.0.0.0/8, not {value!r} ({error})"
        ) from None


Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_words)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Section):
    """TLS on ``port``. Both or neither; the files are read again when they are renewed."""

    cert: Path | None = None
    key: Path | None = None

    @field_validator("cert", "key")
    @classmethod
    def _is_file(cls, path: Path | None) -> Path | None:
        return path if path is None else _readable(path)

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together: give both or neither")
        return self


class Log(_Section):
    """``auto`` is ``console`` on a terminal and ``json`` elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Listeners(_Section):
    """Limits and times of those who pull a mount; beyond a limit a listener gets 503."""

    total: int = Field(default=15_000, ge=1, le=1_000_000)
    per_mount: int = Field(default=15_000, ge=1, le=1_000_000)
    lag_seconds: float = Field(default=10.0, ge=1, le=100)
    """A listener further behind than this…"""
    lag_policy: Literal["skip", "drop"] = "skip"
    """…goes on at the present, or is disconnected."""
    burst_seconds: float = Field(default=0.5, ge=0, le=30)
    """How much of the past a joining listener gets at once; 0: none."""


class Sources(_Section):
    """What happens when a live source is lost."""

    hold_seconds: float = Field(default=5.0, ge=0, le=60)
    """Silence for at most this long, before something else takes over; 0: at once."""
    take_back_seconds: float = Field(default=3.0, ge=0, le=60)
    """A source that came back is on air again after being steady for this long; 0: at once."""


class Sound(_Section):
    """How live programmes and files are levelled and encoded."""

    bitrate: int = Field(default=24_000, ge=8_000, le=128_000)
    """Bits a second of the Opus stream."""
    complexity: int = Field(default=10, ge=0, le=10)
    """Opus' own: CPU against quality."""
    target_lufs: float = Field(default=-16.0, ge=-31, le=-10)


class Database(_Section):
    """Where the state is kept: by default in the file ``loa.db`` of the data directory."""

    url: SecretStr | None = None
    """``postgresql://user:password@host/database``; it holds a password, so it is never logged."""

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr | None) -> SecretStr | None:
        # Said here without the URL: it has the password in it.
        if url is not None and not url.get_secret_value().startswith("postgresql://"):
            raise ValueError(
                "must be like postgresql://loa:password@host/loa; leave it out for the file in "
                "the data directory"
            )
        return url


class Relays(_Section):
    """Which private addresses a relay may be fetched from; by default none."""

    allow_private: Networks = ()


class Speech(_Section):
    """What speaks texts: espeak-ng where it is installed, and Piper where it has a model."""

    espeak: str = Field(default="espeak-ng", min_length=1)
    piper: str = Field(default="piper", min_length=1)
    """A program, by name or path; only asked where ``piper_model`` is set."""
    piper_model: Path | None = None
    piper_language: str = Field(default="vi", pattern=r"[a-z]{2,3}")
    """What the model speaks: a tag as bulletins have it."""

    @field_validator("piper_model")
    @classmethod
    def _is_file(cls, path: Path | None) -> Path | None:
        return path if path is None else _readable(path)


class Webhooks(_Section):
    """Which private addresses webhooks may be sent to; by default none."""

    allow_private: Networks = ()


class Air(_Section):
    """What is ready to go on air."""

    clip_megabytes: int = Field(default=256, ge=16, le=65_536)
    """Prepared audio that is kept in memory; what is on air is, whatever it takes."""


class Archive(_Section):
    """The packets of lives and relays as they went out."""

    months: float = Field(default=12.0, ge=0, le=240)
    """How long they are kept; 0: they are not."""


class Token(_Section):
    """What a source needs to go live on an area: a password, or its SHA-256 in hex.

    The user name that goes with it does not matter: Icecast's clients say ``source``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    password: SecretStr | None = None
    sha256: SecretStr | None = None
    class_: Literal["routine", "priority", "emergency"] = Field(default="routine", alias="class")
    """The class of what this source sends, fixed."""

    @field_validator("password")
    @classmethod
    def _long_enough(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None and len(password.get_secret_value()) < MIN_PASSWORD:
            raise ValueError(f"must have at least {MIN_PASSWORD} characters")
        return password

    @field_validator("sha256")
    @classmethod
    def _hex(cls, sha256: SecretStr | None) -> SecretStr | None:
        if sha256 is not None and not _SHA256.fullmatch(sha256.get_secret_value()):
            raise ValueError("must be 64 hexadecimal digits in lower case, as sha256sum prints")
        return sha256

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.password is None) == (self.sha256 is None):
            raise ValueError("needs either password or sha256")
        return self


class AreaSetting(_Section):
    """An area as it is written down: where it hangs is its ``path``, or its name below ``parent``.

    ``relay``, and ``file`` when there is none or it fails, is what is heard when nobody is live;
    with neither, what the area above has, else silence. ``aliases`` are paths it had before: they
    stay valid.
    """

    name: str = Field(min_length=1, max_length=100)
    path: str | None = None
    parent: str | None = None
    station: bool = False
    file: Path | None = None
    relay: str | None = None
    relay_alternative: str | None = None
    aliases: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()

    @field_validator("aliases")
    @classmethod
    def _are_paths(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        for alias in aliases:
            if not _PATH.fullmatch(alias):
                raise ValueError(f"must look like /ha-giang/quang-binh, not {alias!r}")
        return aliases

    @field_validator("path", "parent")
    @classmethod
    def _is_path(cls, path: str | None) -> str | None:
        if path is not None and not _PATH.fullmatch(path):
            raise ValueError(
                f"must look like /ha-giang/quang-binh (a-z, 0-9, single hyphens), not {path!r}"
            )
        return path

    @field_validator("relay", "relay_alternative")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                target(url)
            except AddressRefused as error:
                raise ValueError(str(error)) from None
        return url

    @field_validator("file")
    @classmethod
    def _is_file(cls, file: Path | None) -> Path | None:
        return file if file is None else _readable(file)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path is not None and self.parent is not None:
            raise ValueError("give path or parent, not both")
        if self.relay_alternative is not None and self.relay is None:
            raise ValueError("relay_alternative needs relay")
        return self


class Bulletins(_Section):
    """How recordings come in and are prepared."""

    workers: int = Field(default=1, ge=1, le=64)
    """How many recordings are prepared at once."""
    prepare_minutes: float = Field(default=60, ge=1, le=1440)
    """Preparing one that takes longer is given up."""
    max_upload_mb: int = Field(default=500, ge=1, le=100_000)
    unfinished: int = Field(default=20, ge=1, le=10_000)
    """Uploads that one account may have begun and not finished…"""
    unfinished_mb: int = Field(default=2000, ge=1, le=1_000_000)
    """…and the sum of their sizes."""
    upload_hours: float = Field(default=48, ge=1, le=1000)
    """An upload that does not go on is given up after so long."""
    disk_reserve_mb: int = Field(default=1000, ge=0, le=10_000_000)
    """What recordings leave free on the disk."""
    unused_days: float = Field(default=366, ge=1, le=10_000)
    """Audio that no bulletin has any more is kept for so long after it was aired."""


class Receivers(_Section):
    """Boxes on poles: their port where ``port`` has no TLS, their codes, the server's identity."""

    host: str | None = Field(default=None, min_length=1)
    """None: the main host."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """Of the TLS port that is opened where the main one has none. None: 8443, or a free one if
    that is taken or the main port is 0; 0: a free one."""
    code_days: float = Field(default=14.0, ge=0.01, le=366)
    """How long an enrolment code is good."""
    identity_days: float = Field(default=90.0, ge=1, le=3660)
    """How long a former identity of the server's is good beside its successor."""
    journal_months: float = Field(default=12.0, ge=1, le=240)
    """How long boxes' journals, and what they say was played, are kept."""
    fetch_kilobytes: int = Field(default=4000, ge=10, le=10_000_000)
    """A second, for all boxes together that fetch ahead what they will play."""
    health_days: float = Field(default=2.0, ge=0.1, le=366)
    """How long every single report of how they are is kept."""
    health_months: float = Field(default=2.0, ge=0.1, le=120)
    """How long the hours of those are."""


SECTIONS: dict[str, type[_Section]] = {
    "tls": Tls,
    "log": Log,
    "database": Database,
    "listeners": Listeners,
    "sources": Sources,
    "sound": Sound,
    "relays": Relays,
    "air": Air,
    "archive": Archive,
    "speech": Speech,
    "webhooks": Webhooks,
    "bulletins": Bulletins,
    "receivers": Receivers,
}

SAMPLE_AREA = AreaSetting(name="Xã mẫu (dữ liệu mẫu)", path="/xa-mau", station=True)
"""What there is when no area is configured, labelled as what it is: a sample."""


class Config(BaseSettings):
    """Everything that can be set; see ``deploy/loa.toml.example`` for the words of each."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        # LOA_LISTENERS_LAG_SECONDS is listeners.lag_seconds.
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
    )

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65535)
    """0: a free one."""
    plain_port: int | None = Field(default=None, ge=0, le=65535)
    """With TLS: a second port without it, for boxes and players that know none."""
    data: Path = Path("loa-data")
    kept_minutes: float = Field(default=2.0, ge=0.2, le=60)
    """How far back ``?from=`` can resume."""
    proxy_protocol: Networks = ()
    """Layer-4 proxies: connections from these addresses must begin with a PROXY header."""
    tls: Tls = Tls()
    log: Log = Log()
    database: Database = Database()
    listeners: Listeners = Listeners()
    sources: Sources = Sources()
    sound: Sound = Sound()
    relays: Relays = Relays()
    air: Air = Air()
    archive: Archive = Archive()
    speech: Speech = Speech()
    webhooks: Webhooks = Webhooks()
    bulletins: Bulletins = Bulletins()
    receivers: Receivers = Receivers()
    areas: Annotated[tuple[AreaSetting, ...], BeforeValidator(_tables)] = (SAMPLE_AREA,)

    @model_validator(mode="after")
    def _lag_within_kept(self) -> Self:
        for key in ("lag_seconds", "burst_seconds"):
            if getattr(self.listeners, key) >= self.kept_minutes * 60:
                raise ValueError(f"listeners.{key} must be shorter than what kept_minutes keeps")
        return self

    @model_validator(mode="after")
    def _plain_port_needs_tls(self) -> Self:
        if self.plain_port is not None and self.tls.cert is None:
            raise ValueError("plain_port is for use beside TLS: set tls.cert and tls.key as well")
        if self.plain_port and self.plain_port == self.port:
            raise ValueError("plain_port must be another port than port")
        return self

    @field_validator("areas")
    @classmethod
    def _no_path_twice(cls, areas: tuple[AreaSetting, ...]) -> tuple[AreaSetting, ...]:
        if not areas:
            return (SAMPLE_AREA,)
        seen: set[str] = set()
        for area in areas:
            if area.path is not None and area.path in seen:
                raise ValueError(f"two areas have the path {area.path}")
            if area.path is not None:
                seen.add(area.path)
        return areas


def load(file: Path | None = None, options: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration as it holds for this start.

    ``file`` is ``--config``; without it ``LOA_CONFIG``, else ``loa.toml`` if there is one, else
    none. ``options`` are the command line's by their key (``{"port": 0, "tls.cert": path}``); None
    means not given. Paths in the file are relative to the file. Raises ``ConfigError``.
    """
    if file is None:
        named = os.environ.get("LOA_CONFIG")
        if named:
            file = Path(named)
        elif DEFAULT_FILE.exists():
            file = DEFAULT_FILE
    from_file = {} if file is None else _read(file)
    from_environment = EnvSettingsSource(Config)()
    from_options: dict[str, Any] = {}
    for key, value in (options or {}).items():
        if value is not None:
            *tables, last = key.split(".")
            place = from_options
            for table in tables:
                place = place.setdefault(table, {})
            place[last] = value
    problems = _unknown_variables()
    merged = _merge(_merge(from_file, from_environment), from_options)
    config = None
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            location = mistake["loc"]
            where = _origin(location, from_options, from_environment, file)
            problems.append(f"{where}: {_explain(mistake, merged)}")
    if problems or config is None:
        raise ConfigError(problems)
    return config


# --- layers


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            data = tomllib.load(opened)
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{file}: is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: is not TOML: {error}"]) from None
    base = file.resolve().parent
    tls = data.get("tls")
    areas = data.get("areas")
    tables: list[tuple[dict[str, Any], tuple[str, ...]]] = [(data, ("data",))]
    if isinstance(tls, dict):
        tables.append((tls, ("cert", "key")))
    if isinstance(data.get("speech"), dict):
        tables.append((data["speech"], ("piper_model",)))
    if isinstance(areas, list):
        tables += [(area, ("file",)) for area in areas if isinstance(area, dict)]
    for table, keys in tables:
        for key in keys:
            if isinstance(table.get(key), str):
                table[key] = str(base / table[key])
    return data


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = _merge(under, value) if both and isinstance(under, Mapping) else value
    return merged


def _unknown_variables() -> list[str]:
    """Name the ``LOA_…`` variables that are no setting: most likely misspelt ones."""
    known = set(NO_SETTINGS)
    for name in Config.model_fields:
        keys = (
            [f"{name}_{key}" for key in SECTIONS[name].model_fields] if name in SECTIONS else [name]
        )
        known |= {(PREFIX + key).upper() for key in keys}
    return [
        f"{name}: there is no such setting{_suggestion(name, known)}"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(BOX_PREFIX)
    ]


# --- mistakes, in plain words


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}") from None


def _suggestion(word: str, known: Sequence[str] | set[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _origin(
    location: tuple[int | str, ...],
    options: Mapping[str, Any],
    environment: Mapping[str, Any],
    file: Path | None,
) -> str:
    """Say where a value came from, in the form in which its writer knows it."""

    def holds(layer: Any) -> bool:
        for part in location:
            if not isinstance(layer, Mapping) or part not in layer:
                # A table that lacks something, or is a string in the environment.
                return part != location[0] and not isinstance(layer, Mapping)
            layer = layer[part]
        return bool(location)

    names = [str(part) for part in location if isinstance(part, str)]
    if len(location) == 1 and names[0] in SECTIONS:
        # What keys have to do with each other; they may come from anywhere.
        return f"{file or 'configuration'}: {names[0]}"
    if holds(options):
        return "--" + "-".join(names).replace("_", "-")
    if holds(environment):
        depth = 1 if names[0] == "areas" else 2
        return (PREFIX + "_".join(names[:depth])).upper() + _place(location[depth:], " ")
    return f"{file or 'configuration'}" + _place(location, ": ")


def _place(location: Sequence[int | str], before: str) -> str:
    """Write a location as ``areas[2].tokens[1].password``, counting from 1 as people do."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return before + text if text else ""


def _explain(mistake: Any, merged: Mapping[str, Any]) -> str:
    location, kind, given = mistake["loc"], mistake["type"], mistake["input"]
    if kind == "extra_forbidden":
        model = _model_at(location[:-1])
        known = [field.alias or name for name, field in model.model_fields.items()]
        hint = _suggestion(str(location[-1]), known) or f"; there are: {', '.join(known)}"
        return f"there is no such key{hint}"
    if kind == "missing":
        return "is missing"
    message = str(mistake["msg"])
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in ("int_parsing", "int_type", "int_from_float"):
        message = "must be a whole number"
    elif kind in ("float_parsing", "float_type"):
        message = "must be a number"
    elif kind in ("bool_parsing", "bool_type"):
        message = "must be true or false"
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
        message = "must be a table of keys and values"
    elif kind in ("tuple_type", "list_type"):
        message = "must be a list"
    elif kind in ("string_type", "path_type"):
        message = "must be text in quotes"
    else:
        message = message.replace("Input should be", "must be").replace(
            "String should have", "must have"
        )
    secret = location and location[-1] in ("password", "sha256", "url")
    if not secret and isinstance(given, str | int | float | bool):
        message += f", not {given!r}"
    return message


def _model_at(location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model whose table stands at a location."""
    model: type[BaseModel] = Config
    for part in location:
        if part == "areas":
            model = AreaSetting
        elif part == "tokens":
            model = Token
        elif isinstance(part, str):
            model = SECTIONS[part]
    return model
