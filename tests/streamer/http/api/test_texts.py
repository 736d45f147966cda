"""Every code that a refusal may carry has words, in both languages, with the same placeholders."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from loa.streamer import desk, http
from loa.streamer.desk.errors import DeskError
from loa.streamer.http import api
from loa.streamer.http.api.texts import TEXTS, language_of, say

STREAMER = Path(next(iter(http.__path__))).parent
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


def errors() -> set[str]:
    """Return the names of everything that is raised with a code."""
    for package in (desk, api):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    found, waiting = {"DeskError"}, [DeskError]
    while waiting:
        below = waiting.pop().__subclasses__()
        found |= {kind.__name__ for kind in below}
        waiting += below
    return found


def codes() -> dict[str, str]:
    """Return every code that stands in the source, and where."""
    kinds = errors()
    found = {}
    for path in sorted(STREAMER.rglob("*.py")):
        if path.parts[-2] == "texts":
            continue
        inside_api = "api" in path.parts
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said: list[ast.expr] = [k.value for k in node.keywords if k.arg == "code"]
            if called == "FieldProblem":
                said += node.args[1:2]
            elif (called in kinds and called != "Invalid") or (
                called == "ValueError" and inside_api
            ):
                said += node.args[:1]
            elif called == "area_of":
                said += [ast.Constant(f"{a.value}.unknown") for a in node.args[2:3]
                         if isinstance(a, ast.Constant)]  # fmt: skip
            else:
                continue
            for value in said:
                for part in ast.walk(value):
                    text = part.value if isinstance(part, ast.Constant) else None
                    if isinstance(text, str) and CODE.fullmatch(text):
                        found[text] = f"{path.relative_to(STREAMER)}:{node.lineno}"
    return found


def test_every_code_has_words() -> None:
    missing = {code: where for code, where in codes().items() if code not in TEXTS}
    assert not missing


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_words_are_whole(code: str) -> None:
    vietnamese, english = TEXTS[code]
    assert vietnamese and english and vietnamese != english
    placeholders = [set(re.findall(r"\{(\w+)\}", text)) for text in (vietnamese, english)]
    assert placeholders[0] == placeholders[1]


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "vi"),
        ("en", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("fr, en;q=0.5, vi;q=0.2", "en"),
        ("fr", "vi"),
        ("en;q=x, en;q=0", "vi"),
        ("en;q=nan", "vi"),
    ],
)
def test_the_language_is_the_one_that_is_preferred(accept: str, language: str) -> None:
    assert language_of(accept) == language


def test_what_is_missing_in_a_text_is_no_failure() -> None:
    assert "{limit}" in say("field.too_long", "en", {})
    assert say("no.such", "vi", {}) == "no.such"
