"""The tables of the configuration, ``[tls]`` to ``[[areas]]``: their keys, defaults and bounds."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from loa.streamer.core.addresses import AddressRefused, target

MIN_PASSWORD = 8

_PATH = re.compile(r"(/[a-z0-9]+(-[a-z0-9]+)*)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}") from None


def _words(value: object) -> object:
    """Split what the environment gives for a list: ``"10.0.0.1, 10.0.0.2"``."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(
            f"must be an address or a network such as 10.0.0.0/8, not {value!r} ({error})"
        ) from None


Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_words)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Section):
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


class Log(Section):
    """``auto`` is ``console`` on a terminal and ``json`` elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Listeners(Section):
    """Limits and times of those who pull a mount; beyond a limit a listener gets 503."""

    total: int = Field(default=15_000, ge=1, le=1_000_000)
    per_mount: int = Field(default=15_000, ge=1, le=1_000_000)
    lag_seconds: float = Field(default=10.0, ge=1, le=100)
    """A listener further behind than this…"""
    lag_policy: Literal["skip", "drop"] = "skip"
    """…goes on at the present, or is disconnected."""
    burst_seconds: float = Field(default=0.5, ge=0, le=30)
    """How much of the past a joining listener gets at once; 0: none."""


class Sources(Section):
    """What happens when a live source is lost."""

    hold_seconds: float = Field(default=5.0, ge=0, le=60)
    """Silence for at most this long, before something else takes over; 0: at once."""
    take_back_seconds: float = Field(default=3.0, ge=0, le=60)
    """A source that came back is on air again after being steady for this long; 0: at once."""


class Sound(Section):
    """How live programmes and files are levelled and encoded."""

    bitrate: int = Field(default=24_000, ge=8_000, le=128_000)
    """Bits a second of the Opus stream."""
    complexity: int = Field(default=10, ge=0, le=10)
    """Opus' own: CPU against quality."""
    target_lufs: float = Field(default=-16.0, ge=-31, le=-10)


class Database(Section):
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


class Relays(Section):
    """Which private addresses a relay may be fetched from; by default none."""

    allow_private: Networks = ()


class Speech(Section):
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


class Webhooks(Section):
    """Which private addresses webhooks may be sent to; by default none."""

    allow_private: Networks = ()


class Air(Section):
    """What is ready to go on air."""

    clip_megabytes: int = Field(default=256, ge=16, le=65_536)
    """Prepared audio that is kept in memory; what is on air is, whatever it takes."""


class Archive(Section):
    """The packets of lives and relays as they went out."""

    months: float = Field(default=12.0, ge=0, le=240)
    """How long they are kept; 0: they are not."""


class Token(Section):
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


class AreaSetting(Section):
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


class Bulletins(Section):
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


class Receivers(Section):
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


SECTIONS: dict[str, type[Section]] = {
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
