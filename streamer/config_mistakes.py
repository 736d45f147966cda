"""What is wrong with a configuration, in plain words: where it stands, and what it should be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from loa.streamer.config_sections import SECTIONS, AreaSetting, Token

PREFIX = "LOA_"


def suggestion(word: str, known: Sequence[str] | set[str]) -> str:
    """Ask whether the closest of the words that there are was meant; empty if none is close."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def origin(
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


def explain(mistake: Any, root: type[BaseModel]) -> str:
    """Say what is wrong, of one of pydantic's errors over a configuration of the model ``root``."""
    location, kind, given = mistake["loc"], mistake["type"], mistake["input"]
    if kind == "extra_forbidden":
        model = _model_at(root, location[:-1])
        known = [field.alias or name for name, field in model.model_fields.items()]
        hint = suggestion(str(location[-1]), known) or f"; there are: {', '.join(known)}"
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


def _model_at(root: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model whose table stands at a location."""
    model = root
    for part in location:
        if part == "areas":
            model = AreaSetting
        elif part == "tokens":
            model = Token
        elif isinstance(part, str):
            model = SECTIONS[part]
    return model
