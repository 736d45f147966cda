"""The configuration: ``loa.toml``, then ``LOA_…`` in the environment, then the command line.

What comes later overrides what came before, key by key. Everything is checked at start, together,
and every mistake is named in plain words with the place where it stands (``ConfigError``). The
values are plain: the tree of areas, the rights and the rest are made from them elsewhere.
``deploy/loa.toml.example`` describes every key.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from loa.streamer.config_mistakes import PREFIX, explain, origin, suggestion
from loa.streamer.config_sections import (
    SAMPLE_AREA,
    SECTIONS,
    Air,
    Archive,
    AreaSetting,
    Bulletins,
    Database,
    Listeners,
    Log,
    Networks,
    Receivers,
    Relays,
    Sound,
    Sources,
    Speech,
    Tls,
    Webhooks,
)

DEFAULT_FILE = Path("loa.toml")
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


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` are whole sentences, one for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def _tables(value: object) -> object:
    """Read what the environment gives for a list of tables: JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("must be JSON: a list of objects with the keys of [[areas]]") from None
    return value


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
            where = origin(location, from_options, from_environment, file)
            problems.append(f"{where}: {explain(mistake, Config)}")
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
        f"{name}: there is no such setting{suggestion(name, known)}"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(BOX_PREFIX)
    ]
