"""The house: who may import whom, and what each part needs beside the base packages.

Invariants: docs/architecture.md, "Folders and what they may import"; and no module outside
``streamer/``, nor ``streamer/core``, ``streamer/commands`` and ``streamer/cli.py``, needs a package
of the extra ``loa[server]`` when it is imported, nor any module one of ``loa[receiver]``.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("native", "codecs", "streamer", "receivers")
# By folder, the longest that fits: what it may import of ours, itself apart.
ALLOWED = {
    "native": (),
    "codecs": ("native",),
    "streamer": ("codecs", "native", "streamer.core"),
    "streamer.core": ("codecs",),
    "receivers": ("native", "codecs", "streamer.core"),
}
COMMANDS = "streamer.cli"
# Never imported by us: setup.py runs the one, which asks pkg-config for libraries at once; Alembic
# runs the other, in surroundings of its own.
BUILD_SCRIPTS = {"native.build", "streamer.store.migrations.env"}


def modules() -> dict[str, Path]:
    """Return every module of ours by its name below ``loa``."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "tests" in parts:
                continue
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def importable() -> list[str]:
    return [name for name in modules() if name not in BUILD_SCRIPTS]


def below(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder + ".")


def imported(tree: ast.Module, module: str, path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield what of ours a module imports: name below ``loa``, line, whether inside a function."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, int, bool]]:
        for child in ast.iter_child_nodes(node):
            names: list[str] = []
            if isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    above = ("loa." + package).split(".")
                    above = above[: len(above) - child.level + 1]
                    base = ".".join([*above, base] if base else above)
                # `from loa.codecs import ogg` may name a module; `import loa` alone is no rule's.
                names = [f"{base}.{alias.name}" for alias in child.names]
            for name in names:
                if name.startswith("loa."):
                    yield name.removeprefix("loa."), child.lineno, inside
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, inside or function)

    yield from walk(tree, False)


def violations(module: str, path: Path, source: str) -> list[str]:
    """Return what a module imports against the rules, in words."""
    home = max((f for f in ALLOWED if below(module, f)), key=len)
    wrong = []
    for name, line, inside in imported(ast.parse(source), module, path):
        if module == COMMANDS:
            if not inside:
                wrong.append(f"line {line}: {name} outside a function")
            continue
        target = max((f for f in ALLOWED if below(name, f)), key=len, default=name)
        if below(name, COMMANDS) or (
            target != home and not any(below(target, f) for f in ALLOWED[home])
        ):
            wrong.append(f"line {line}: {home} must not import {name}")
    return wrong


@pytest.mark.parametrize("module", modules())
def test_imports_only_what_it_may(module: str) -> None:
    path = modules()[module]
    assert violations(module, path, path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("native.engine", "import loa.codecs.ogg"),
        ("native.engine", "def f():\n    from loa.codecs import ogg"),
        ("codecs.ogg", "from loa import streamer"),
        ("codecs.ogg", "from ..streamer.core import areas"),
        ("streamer.core.areas", "from loa.native import engine"),
        ("streamer.core.areas", "from loa.streamer.air import sources"),
        ("streamer.server", "import loa.receivers.box"),
        ("streamer.server", "from loa.streamer import cli"),
        ("receivers.box", "from loa.streamer.air import sources"),
        ("receivers.box", "from loa.streamer import server"),
        ("streamer.cli", "from loa.streamer import server"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    assert violations(module, Path("x.py"), source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("codecs.ogg", "from loa.native import engine\nfrom . import opus"),
        ("streamer.core.areas", "from loa.codecs import ogg\nfrom loa.streamer.core import x"),
        ("streamer.air.sources", "from ..core import areas\nfrom loa.native.engine import Engine"),
        ("receivers.box", "from loa.streamer.core.timeline import tick"),
        ("streamer.cli", "def demo():\n    import loa.receivers.box, loa.streamer.server"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert violations(module, Path("x.py"), source) == []


class _AtRunTime(ast.NodeTransformer):
    """Leaves out what only type checkers import."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if "TYPE_CHECKING" in ast.dump(node.test):
            return None
        self.generic_visit(node)
        return node


def in_order(sources: dict[str, str]) -> tuple[str, ...]:
    """Return the server's folders, each after those it imports. Raises ``CycleError``."""
    folders = {name.split(".")[1] for name in sources if name.count(".") > 1}
    needs: dict[str, set[str]] = {folder: set() for folder in folders}
    for name, source in sources.items():
        folder = name.split(".")[1]
        if folder in folders and name.count(".") > 1:
            tree = _AtRunTime().visit(ast.parse(source))
            targets = (n.split(".") for n, _, _ in imported(tree, name, Path("x.py")))
            needs[folder] |= {t[1] for t in targets if t[0] == "streamer" and t[1] in folders}
            needs[folder].discard(folder)
    return tuple(TopologicalSorter(needs).static_order())


def test_the_servers_folders_stand_in_an_order() -> None:
    server = {n: p.read_text() for n, p in modules().items() if n.startswith("streamer.")}
    order = in_order(server)
    assert order.index("desk") < order.index("air") < order.index("fleet") < order.index("http")
    with pytest.raises(CycleError):
        in_order({**server, "streamer.https.x": "from loa.streamer.keeping import doctor"})


def provided_by(extra: str) -> set[str]:
    """Return the top-level modules that the packages of one of our extras bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        re.split(r"[<>=~!\[; ]", line)[0].lower().replace("_", "-")
        for line in project["optional-dependencies"][extra]
    }
    provided: dict[str, set[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            provided.setdefault(package.lower().replace("_", "-"), set()).add(module)
    assert wanted <= set(provided), f"not installed: {wanted - set(provided)}"
    return {module for package in wanted for module in provided[package]}


def import_without(names: list[str], blocked: set[str]) -> None:
    """Import modules in a fresh interpreter that has no ``blocked`` packages."""
    program = f"""
import importlib, sys, traceback
for name in {sorted(blocked)!r}:
    sys.modules[name] = None
failed = 0
for name in {sorted(names)!r}:
    try:
        importlib.import_module("loa." + name)
    except ImportError:
        failed = 1
        traceback.print_exc()
sys.exit(failed)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def needs_no_server(module: str) -> bool:
    return (
        not below(module, "streamer")
        or module in ("streamer", COMMANDS)
        or below(module, "streamer.core")
        or below(module, "streamer.commands")
    )


def test_only_the_server_needs_the_server_packages() -> None:
    blocked = provided_by("server") | provided_by("receiver")
    assert {"av", "uvloop", "webrtcvad", "prometheus_client", "sounddevice"} <= blocked
    import_without([name for name in importable() if needs_no_server(name)], blocked)


def test_no_module_needs_the_box_packages_at_import() -> None:
    import_without(importable(), provided_by("receiver"))
