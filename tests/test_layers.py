"""The rooms of the package and the way imports point: the order is the one of CONTRIBUTING's map."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from rooms import FACES, PACKAGE, ROOT, between_rooms, modules, read_imports, read_map, room

MODULES = modules()
IMPORTS = read_imports(MODULES)
ORDER = read_map()


def is_room(path: Path) -> bool:
    return path.name != "__pycache__" and (path.is_dir() or path.suffix == ".py")


def test_the_map_names_every_room() -> None:
    assert sorted(ORDER) == sorted(path.stem for path in PACKAGE.iterdir() if is_room(path))


def test_every_import_is_of_a_module_that_is_there() -> None:
    assert {name for found in IMPORTS.values() for name in found} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_up_the_map(name: str) -> None:
    place = ORDER.index(room(name))
    # The version stands in the face of the library.
    below = [n for n in IMPORTS[name] if ORDER.index(room(n)) > place and room(n) != FACES[0]]
    assert not below, f"{name} imports {below}, which the map has below it"


def test_modules_have_no_circle() -> None:
    graph = {name: found - {name} for name, found in IMPORTS.items() if name not in FACES}
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_rooms_have_no_circle() -> None:
    TopologicalSorter(between_rooms(IMPORTS)).prepare()


SOURCES = [
    path
    for folder in ("src", "tests", "bench", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".js", ".css")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_a_chapter(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600


WORLD = {"environ", "getenv", "stdin", "stdout", "stderr", "argv", "isatty", "get_terminal_size"}


def test_the_world_is_seen_in_one_place() -> None:
    seen = {
        (name, node.attr)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in ("sys", "os") and node.attr in WORLD
    }
    assert {name for name, _ in seen} == {"__main__", "console.environment"}
    assert {attr for name, attr in seen if name == "console.environment"} == {"get_terminal_size"}
