"""The rooms of the package, in the order of CONTRIBUTING's map, and the imports between its modules."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "backprop_cli"
FACES = ("__init__", "__main__")
_MAP_ROW = re.compile(r"^\| `([\w./]+)` \|", re.MULTILINE)


def read_map() -> list[str]:
    """Return the rooms as the map has them, from the first of the pipeline to the last."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [re.sub(r"(\.py|/)$", "", name) for name in _MAP_ROW.findall(text)]


def modules() -> dict[str, Path]:
    """Return the files of the package by the dotted name below it: "graph.sweep", "errors"."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)] = path
    return found


def room(module: str) -> str:
    """Return the room that a module is in."""
    return module.partition(".")[0]


def read_imports(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return the modules of the package that each imports anywhere: inside functions and for types too."""
    return {name: _imports_of(path, files) for name, path in files.items()}


def _imports_of(path: Path, files: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import) and any(room(alias.name) == PACKAGE.name for alias in node.names):
            raise ValueError(f"{path}: write from {PACKAGE.name}… import …")
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            raise ValueError(f"{path}: write imports out")
        package, _, module = (node.module or "").partition(".")
        if package == PACKAGE.name:
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                found.add(inner if inner in files else module or "__init__")
    return found


def between_rooms(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the rooms that each room imports from.

    Of the faces only the command's counts: the library's names the homes of what it offers, and is asked for
    the version.
    """
    graph: dict[str, set[str]] = defaultdict(set)
    for name, found in imports.items():
        graph[room(name)] |= {room(other) for other in found} - {room(name), FACES[0]}
    del graph[FACES[0]]
    return dict(graph)


def without_shortcuts(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return a graph without circles less the arrows that a longer way says as well."""

    def reach(start: str) -> set[str]:
        return graph[start].union(*map(reach, graph[start]))

    return {
        name: {target for target in targets if not any(target in reach(o) for o in targets - {target})}
        for name, targets in graph.items()
    }
