"""Whatever is sent to any call, good or bad: no 5xx, and only answers that OpenAPI describes.

Schemathesis makes the data from our own OpenAPI, data that fits it and data that does not; half of
the time things that are there are asked for (the examples'), else whatever ids come up. The same
data in every run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from loa.streamer.http.api.openapi import document, tag_of
from loa.streamer.http.api.table import ROUTES
from support.desk import Office, desk_with_sample
from support.examples import everything

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
BYTES = ("application/octet-stream", "application/offset+octet-stream", "audio/*", "text/csv")
ENDLESS = ("GET /events",)
"""Answers that go on for as long as one listens; their own tests look at what they take."""
WHO = ("administrator@/ha-giang", "editor@/ha-giang/quang-binh", "nobody")


@schemathesis.serializer(*BYTES)
def as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def operations() -> Iterator[Any]:
    described = json.loads(json.dumps(document(ROUTES)))
    schema = schemathesis.openapi.from_dict(described)
    for found in schema.get_all_operations():
        yield found.ok()


async def attack(office: Office, examples: int, topics: frozenset[str]) -> list[str]:
    """Send ``examples`` good and bad requests to every call of ``topics``; return what went
    wrong.
    """
    base = str(office.client.make_url("/api/v1"))
    there: dict[str, dict[str, Any]] = {}
    for route in (route for route in ROUTES if tag_of(route) in topics):
        name = f"{route.method} {route.path}".replace(":text}", "}")
        there[name] = (await everything()[f"{route.method} {route.path}"](office)).params
    return await asyncio.to_thread(send, base, there, examples)


def send(base: str, there: dict[str, dict[str, Any]], examples: int) -> list[str]:
    wrong = []
    with requests.Session() as session:
        for operation in operations():
            name = f"{operation.method.upper()} {operation.path}"
            if name not in there or name in ENDLESS:
                continue
            for mode in GenerationMode:
                try:
                    one(operation, mode, session, base, there[name], examples)
                except Unsatisfiable:
                    continue  # nothing about it can be wrong
                except (Exception, FailureGroup) as error:
                    wrong += [f"{name} ({mode.value}): {each!r} {each}" for each in failures(error)]
    return wrong


def failures(error: BaseException) -> list[BaseException]:
    return list(error.exceptions) if isinstance(error, BaseExceptionGroup) else [error]


def one(
    operation: Any,
    mode: GenerationMode,
    session: requests.Session,
    base: str,
    params: dict[str, Any],
    examples: int,
) -> None:
    @given(
        case=operation.as_strategy(generation_mode=mode),
        is_there=st.booleans(),
        who=st.sampled_from(WHO),
    )
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, is_there: bool, who: str) -> None:
        if is_there and params:
            case.path_parameters = dict(params)
        response = case.call(
            base_url=base, session=session, headers={"X-Test-Actor": who, "Accept-Language": "en"}
        )
        if not str(response.request.url).startswith(base + "/"):
            return  # an id of dots led out of the API
        case.validate_response(response, checks=CHECKS)

    ask()


TOPICS = frozenset(tag_of(route) for route in ROUTES)


async def test_nothing_that_is_sent_breaks_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        wrong = await attack(office, 3, TOPICS)
        assert not wrong, "\n\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("topic", sorted(TOPICS))
async def test_nothing_that_is_sent_breaks_it_at_length(topic: str, tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        wrong = await attack(office, 40, frozenset({topic}))
        assert not wrong, "\n\n".join(wrong)
