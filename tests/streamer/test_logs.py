"""Logs: one line an event, no secrets, hot events counted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from loa.streamer import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_one_object_a_line_libraries_too() -> None:
    out = io.StringIO()
    logs.configure("info", "auto", out)
    logs.get("air").info("carried", area="/hà-giang", tick=7)
    logs.get("air").debug("not shown")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    first, second = lines(out)
    assert first["event"] == "carried" and first["area"] == "/hà-giang" and first["tick"] == 7
    assert first["level"] == "info" and first["logger"] == "loa.air"
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "slow callback" and second["level"] == "warning"
    assert "hà-giang" in out.getvalue()


def test_an_exception_is_one_line_of_json() -> None:
    out = io.StringIO()
    logs.configure(format="json", stream=out)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logs.get("x").exception("failed")
    (line,) = lines(out)
    assert "RuntimeError: broken" in line["exception"]


def test_secrets_are_struck_out() -> None:
    out = io.StringIO()
    logs.configure(format="json", stream=out)
    logs.get("ingest").warning("refused", user="source", password="p1", Authorization="Basic p1")
    assert "p1" not in out.getvalue() and '"source"' in out.getvalue()


def test_console_for_people() -> None:
    out = io.StringIO()
    logs.configure(format="console", stream=out)
    logs.get("air").info("carried", area="/a")
    assert "carried" in out.getvalue() and "area=/a" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_configured_again_the_last_holds() -> None:
    first, second = io.StringIO(), io.StringIO()
    log = logs.get("x")
    logs.configure(format="json", stream=first)
    log.info("a")
    logs.configure(format="json", stream=second)
    log.info("b")
    assert [line["event"] for line in lines(first)] == ["a"]
    assert [line["event"] for line in lines(second)] == ["b"]


def test_standard_error_is_what_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", first)
    logs.configure(format="json")
    monkeypatch.setattr("sys.stderr", second)
    first.close()
    logs.get("x").info("a")
    assert [line["event"] for line in lines(second)] == ["a"]


@pytest.mark.parametrize(("level", "format"), [("loud", "json"), ("info", "xml")])
def test_unknown_words(level: str, format: str) -> None:
    with pytest.raises(ValueError):
        logs.configure(level, format)
