"""The rooms of the package and the way imports point: the order is the one of CONTRIBUTING's map."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "backprop_cli"
_MAP_ROW = re.compile(r"^\| `([\w./]+)` \|", re.MULTILINE)
_FACES = {"__init__", "__main__"}


def rooms() -> list[str]:
    """Return the rooms in the order of the map: folders, and modules of the package itself."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [re.sub(r"(\.py|/)$", "", name) for name in _MAP_ROW.findall(text)]


def modules() -> dict[str, Path]:
    """Return the files of the package by the dotted name below it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)] = path
    return found


def imports(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the package that a file imports anywhere, also for types only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("backprop_cli") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports out"
            package, _, module = (node.module or "").partition(".")
            if package != "backprop_cli":
                continue
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                found.add(inner if inner in known else module or "__init__")
    return found


MODULES = modules()
IMPORTS = {name: imports(path, set(MODULES)) for name, path in MODULES.items()}


def test_the_map_names_every_room() -> None:
    is_room = lambda p: p.name != "__pycache__" and (p.is_dir() or p.suffix == ".py")  # noqa: E731
    assert sorted(rooms()) == sorted(p.stem for p in PACKAGE.iterdir() if is_room(p))


def test_every_import_is_of_a_module_that_is_there() -> None:
    assert {name for found in IMPORTS.values() for name in found} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_up_the_map(name: str) -> None:
    order = rooms()
    place = order.index(name.partition(".")[0])
    rooms_of = {found.partition(".")[0]: found for found in IMPORTS[name]}
    # The version stands in the face of the library.
    below = [found for room, found in rooms_of.items() if order.index(room) > place and room != "__init__"]
    assert not below, f"{name} imports {below}, which the map has below it"


def test_no_circle() -> None:
    graph = {name: found - {name} for name, found in IMPORTS.items() if name not in _FACES}
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_rooms_have_no_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for name, found in IMPORTS.items():
        room = name.partition(".")[0]
        graph[room] |= {other.partition(".")[0] for other in found} - {room}
    graph.pop("__init__")  # a face: it names the homes of what it offers
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js")], ids=lambda p: p.name)
def test_a_file_is_a_chapter(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600
