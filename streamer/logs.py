"""Logs: structured, on standard error, one event a line.

What happens often is counted and said once a second. Standard output belongs to what scripts read
(``loa serve --json``). No secret is ever logged: values under telling keys are struck out here, as
a last line of defence.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET_KEYS = frozenset(
    {"authorization", "cookie", "key", "passphrase", "password", "secret", "sha256", "token"}
)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Logger = structlog.stdlib.BoundLogger


class _StandardError(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what standard error is at that moment, not to what it was when it was made."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr


def _strike_out(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key in event:
        if key.lower() in SECRET_KEYS:
            event[key] = "…"
    return event


def _when_and_what_first(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    first = ("timestamp", "level", "logger", "event")
    return {key: event.pop(key) for key in first if key in event} | dict(event)


def configure(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:
    """Let everything, libraries too, log to ``stream`` (standard error) from ``level`` on.

    ``format``: ``console`` for people, ``json`` for machines, ``auto`` by whether it is a terminal.
    Raises ``ValueError`` for other words. May be called again; the last call holds.
    """
    if level not in _LEVELS or format not in ("auto", "console", "json"):
        raise ValueError(f"no such log level or format: {level!r}, {format!r}")
    given = stream is not None
    stream = sys.stderr if stream is None else stream
    if format == "auto":
        format = "console" if stream.isatty() else "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _strike_out,
    ]
    last: list[Any]
    if format == "json":
        last = [
            structlog.processors.format_exc_info,
            _when_and_what_first,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream) if given else _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # One line a request would be the flood that the counters are there to prevent.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def get(name: str) -> Logger:
    """Return the logger of a part: ``log = logs.get("ingest")``."""
    logger: Logger = structlog.stdlib.get_logger("loa." + name)
    return logger
