"""Reading a configuration into structs, with every mistake named at once, in plain words."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` are whole sentences, one for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Reader:
    """Reads tables. ``place`` names the file for people, ``base`` is what paths are relative to."""

    def __init__(self, place: str, base: Path) -> None:
        self._place = place
        self._base = base
        self._problems: list[str] = []
        self._origins: dict[str, str] = {}

    def overlay(
        self, kind: type[msgspec.Struct], given: dict[str, Any], prefix: str,
        environment: Mapping[str, str], others: set[str],
    ) -> None:  # fmt: skip
        """Put what the environment says over ``given``: ``PREFIX_KEY`` and ``PREFIX_TABLE_KEY``."""
        known: dict[str, tuple[tuple[str, ...], FieldInfo]] = {}
        for field in fields(kind):
            if _is_table(field.type):
                for inner in fields(field.type):
                    known[f"{prefix}{field.name}_{inner.name}".upper()] = (
                        (field.name, inner.name), inner,
                    )  # fmt: skip
            else:
                known[(prefix + field.name).upper()] = ((field.name,), field)
        for name in sorted(environment):
            if not name.startswith(prefix) or name in others:
                continue
            if name not in known:
                self._problems.append(f"{name}: there is no such setting{_close(name, known)}")
                continue
            path, field = known[name]
            table = given
            if len(path) == 2:
                table = given.setdefault(path[0], {})
            if isinstance(table, dict):
                table[path[-1]] = _from_text(environment[name], field.type)
                self._origins[".".join(path)] = name

    def read(self, kind: type[T], given: Mapping[str, Any]) -> T:
        """Return the whole. Raises ``ConfigError`` with all that is wrong, from here and before."""
        made = self._table(kind, given, "")
        if self._problems or made is None:
            raise ConfigError(self._problems)
        return made

    def _table(self, kind: type[T], given: Any, at: str) -> T | None:
        if not isinstance(given, Mapping):
            self._wrong(at, f"must be a table of keys and values, not {given!r}")
            return None
        known = {field.name: field for field in fields(kind)}
        values: dict[str, Any] = {}
        before = len(self._problems)
        for key, value in given.items():
            where = f"{at}.{key}" if at else key
            field = known.get(key)
            if field is None:
                hint = _close(key, known) or f"; there are: {', '.join(known)}"
                self._wrong(where, f"there is no such key{hint}")
            elif _is_table(field.type):
                values[key] = self._table(field.type, value, where)
            else:
                values[key] = self._value(field.type, value, where)
        if len(self._problems) > before:
            return None
        made = kind(**values)
        for problem in made.mistakes():  # type: ignore[attr-defined]
            self._wrong(at, problem)
        return made

    def _value(self, kind: Any, value: Any, where: str) -> Any:
        try:
            return msgspec.convert(value, kind, dec_hook=self._path)
        except msgspec.ValidationError as error:
            self._wrong(where, _plain(str(error), kind, value))
            return None

    def _path(self, kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str) and value:
            return self._base / Path(value).expanduser()
        raise TypeError("Expected `str`")

    def _wrong(self, where: str, problem: str) -> None:
        place = self._origins.get(where) or (f"{self._place}: {where}" if where else self._place)
        self._problems.append(f"{place}: {problem}")


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _close(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _from_text(text: str, kind: Any) -> Any:
    """Read a variable as the type of its key wants it; what is odd stays text, and is refused."""
    kinds = _plain_kinds(kind)
    if tuple in kinds:
        try:
            return shlex.split(text)
        except ValueError:
            return text
    if bool in kinds:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    for number in (int, float):
        if number in kinds:
            try:
                return number(text)
            except ValueError:
                continue
    return text


def _plain_kinds(kind: Any) -> set[Any]:
    origin = get_origin(kind)
    if origin is tuple:
        return {tuple}
    inner = get_args(kind)
    if not inner:
        return {kind}
    if hasattr(kind, "__metadata__"):
        return _plain_kinds(kind.__origin__)
    return {each for part in inner for each in _plain_kinds(part)}


_KINDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": 'a list of words such as ["program", "argument"]',
}


def _plain(message: str, wanted: Any, value: Any) -> str:
    """Say msgspec's words in those of people who write configurations."""
    message = message.partition(" - at ")[0]
    shown = f", not {value!r}" if isinstance(value, str | int | float | bool) else ""
    if match := re.search(r"Expected `(str|int|float|bool|array)(?: \| null)?`(.*)", message):
        kind, rest = match.groups()
        if rest.startswith(", got") or not rest:
            return f"must be {_KINDS[kind]}{shown}"
        if "matching regex" in rest:
            return f"cannot be {value!r}"
        if "length >=" in rest:
            return f"must not be empty{shown}"
        limit = rest.replace(" >= ", "at least ").replace(" <= ", "at most ")
        return f"must be {_KINDS[kind]}, {limit}{shown}"
    if message.startswith("Invalid enum value"):
        return f"must be {' or '.join(map(str, get_args(wanted)))}{shown}"
    return message + shown
