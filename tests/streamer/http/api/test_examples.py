"""Every call as its example asks for it: it works, and its answer is what OpenAPI says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from loa.streamer.http.api.openapi import document, id_of, tag_of
from loa.streamer.http.api.route import Route
from loa.streamer.http.api.table import ROUTES
from support.desk import Office, desk_with_sample
from support.examples import everything


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(document(ROUTES)))
    return described


def operation(described: dict[str, Any], route: Route) -> dict[str, Any]:
    path = described["paths"][route.path.replace(":text}", "}")]
    found: dict[str, Any] = path[route.method.lower()]
    return found


@pytest.mark.parametrize("topic", sorted({tag_of(route) for route in ROUTES}))
async def test_examples_work(topic: str, described: dict[str, Any], tmp_path: Path) -> None:
    wrong = []
    async with desk_with_sample(tmp_path) as office:
        for route in ROUTES:
            if tag_of(route) == topic:
                wrong += await problems(office, route, described)
    assert not wrong, "\n".join(wrong)


async def problems(office: Office, route: Route, described: dict[str, Any]) -> list[str]:
    """Ask as the example does; return what is wrong with the answer."""
    asked = await everything()[f"{route.method} {route.path}"](office)
    path = route.path.replace(":text}", "}").format(**asked.params)
    name = f"{route.method} {path}"
    async with await office.ask(route.method, path, as_=asked.as_, **asked.request()) as answer:
        text = await answer.text(errors="replace")
    nothing = route.answer is None and not route.answers and route.status == 200
    expected = asked.status or (204 if nothing else route.status)
    if answer.status != expected:
        return [f"{name}: {answer.status} {text}"]
    wrong = []
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        wrong.append(f"{name}: no security headers")
    responses = operation(described, route)["responses"]
    if str(answer.status) not in responses:
        return [*wrong, f"{name}: {answer.status} is not described"]
    content = responses[str(answer.status)].get("content")
    if content is None:
        return [*wrong, f"{name}: a body where none is described"] if text else wrong
    if answer.content_type not in content:
        wrong.append(f"{name}: {answer.content_type} is not described")
    elif answer.content_type == "application/json":
        schema = content["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        wrong += [f"{name}: {e.message}" for e in validator.iter_errors(json.loads(text))]
    return wrong


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [id_of(route) for route in ROUTES]
    assert sorted(set(names)) == sorted(names)


def test_the_document_is_openapi(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    references = {part.partition('"')[0] for part in json.dumps(described).split('"$ref": "#/')[1:]}
    for reference in references:
        place: Any = described
        for key in reference.split("/"):
            place = place[key]
    for path in described["paths"].values():
        for one in path.values():
            assert one["summary"] and one["tags"] and one["responses"]
            assert any(status.startswith("2") for status in one["responses"])
