"""Reading what a request brings: JSON and the query, made into models or refused field by field."""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from loa.streamer.desk.errors import DeskError, FieldProblem, Invalid
from loa.streamer.http.api.times import REQUEST

MAX_DEPTH = 32
MAX_PROBLEMS = 100
MAX_INTEGER = 2**63 - 1
"""What databases can hold."""


class BadRequest(DeskError):
    """The request cannot be read at all."""


class TooLarge(DeskError):
    """The body is larger than this call takes."""

    def __init__(self, limit: int) -> None:
        super().__init__("too_large", limit=f"{limit / 1024:,.0f} KiB")


class NotJson(DeskError):
    """The body is declared to be something else."""


async def read_json(request: web.Request, limit: int) -> Any:
    """Return the body's JSON. Raises ``DeskError`` when it is none, or cannot be ours."""
    if request.content_type != "application/json":
        raise NotJson("content_type")
    if (request.content_length or 0) > limit:
        raise TooLarge(limit)
    data = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        data += chunk
        if len(data) > limit:
            raise TooLarge(limit)
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequest("not_json") from None
    check_sound(value)
    return value


def read_query(request: web.Request, model: type[BaseModel]) -> dict[str, Any]:
    """Return the query: a list for a field that is given several times or is one."""
    query: dict[str, Any] = {}
    for key in request.query:
        values = request.query.getall(key)
        field = model.model_fields.get(key)
        many = field is not None and "tuple" in str(field.annotation)
        query[key] = values if many or len(values) > 1 else values[0]
    check_sound(query)
    return query


def check_sound(value: Any) -> None:
    """Refuse what no model looks at and no database takes, wherever in the request it stands."""
    problems: list[FieldProblem] = []
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting and len(problems) < MAX_PROBLEMS:
        value, place, depth = waiting.pop()
        if isinstance(value, str):
            if not _is_text(value):
                problems.append(FieldProblem(place, "field.character"))
        elif isinstance(value, dict | list):
            if depth == MAX_DEPTH:
                raise BadRequest("too_deep", limit=MAX_DEPTH)
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in inside:
                if isinstance(key, str) and not _is_text(key):
                    raise BadRequest("not_json")
                waiting.append((part, f"{place}.{key}" if place else str(key), depth + 1))
        elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
            problems.append(FieldProblem(place, "field.too_large", {"limit": MAX_INTEGER}))
        elif isinstance(value, float) and not math.isfinite(value):
            problems.append(FieldProblem(place, "field.not_number"))
    if problems:
        raise Invalid(*problems)


def validated(model: type[BaseModel], value: Any) -> BaseModel:
    """Return ``value`` as the model, or raise ``Invalid`` with every field that is wrong."""
    try:
        return model.model_validate(value, context=REQUEST)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        found = [_problem(p) for p in problems[:MAX_PROBLEMS]]
        # A list of which an item was rejected may then seem too short as well.
        inside = {f.field.rpartition(".")[0] for f in found}
        found = [f for f in found if f.code != "field.too_few" or f.field not in inside]
        raise Invalid(*found) from None


def _is_text(value: str) -> bool:
    if value.isascii():
        return "\0" not in value
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair
        return False
    return "\0" not in value


def _no_constant(name: str) -> float:
    raise ValueError(name)


_LIMITS = {
    "string_too_long": ("field.too_long", "max_length"),
    "string_too_short": ("field.too_short", "min_length"),
    "too_long": ("field.too_many", "max_length"),
    "too_short": ("field.too_few", "min_length"),
    "greater_than_equal": ("field.too_small", "ge"),
    "greater_than": ("field.not_above", "gt"),
    "less_than_equal": ("field.too_large", "le"),
    "less_than": ("field.not_below", "lt"),
}
_KINDS = {
    "bool": "field.not_boolean",
    "dict": "field.not_object",
    "finite": "field.not_number",
    "float": "field.not_number",
    "int": "field.not_integer",
    "list": "field.not_list",
    "model": "field.not_object",
    "string": "field.not_text",
    "tuple": "field.not_list",
}


def _problem(problem: Any) -> FieldProblem:
    place = ".".join(str(part) for part in problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return FieldProblem(place, "field.missing")
    if kind == "extra_forbidden":
        return FieldProblem(place, "field.unknown")
    if kind in _LIMITS:
        code, key = _LIMITS[kind]
        return FieldProblem(place, code, {"limit": context.get(key)})
    if kind in ("enum", "literal_error"):
        expected = str(context.get("expected", "")).replace(" or ", ", ").replace("'", "")
        return FieldProblem(place, "field.choice", {"expected": expected})
    if kind == "string_pattern_mismatch":
        return FieldProblem(place, "field.pattern")
    if kind == "value_error":
        # A validator of ours names a code, and has words for it.
        reason = str(context.get("error", ""))
        return FieldProblem(
            place, reason if " " not in reason else "field.invalid", {"reason": reason}
        )
    if kind.endswith(("_type", "_parsing", "_from_float", "_number")):
        first = kind.partition("_")[0]
        if first in _KINDS:
            return FieldProblem(place, _KINDS[first])
        return FieldProblem(place, "field.type", {"expected": first})
    return FieldProblem(place, "field.invalid", {"reason": problem["msg"]})
