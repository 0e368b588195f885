"""The mutants of a file, as cosmic-ray makes them, less those that nothing can tell from the file."""

from __future__ import annotations

import ast
import random
import tomllib
import warnings
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from textwrap import dedent, indent
from typing import NamedTuple

import cosmic_ray.ast
import cosmic_ray.mutating
import cosmic_ray.plugins

EQUIVALENT: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")
)
"""File -> a line as a mutant has it -> why no test can tell that mutant from the file."""


class Mutant(NamedTuple):
    """A file with one mistake planted in it."""

    operator: str
    line: int
    source: str

    def difference(self, original: str) -> str:
        """Return the lines that were changed, before and after."""
        lines = ndiff(original.splitlines(), self.source.splitlines())
        return "\n".join(line for line in lines if line[0] in "+-")

    def is_equivalent(self, file: str) -> bool:
        """Tell whether it is listed as one that no test can tell from the file."""
        changed = self.source.splitlines()[self.line - 1].strip()
        known = EQUIVALENT.get(file, {})
        return changed in known or any(x.endswith("…") and changed.startswith(x[:-1]) for x in known)


def mutants_of(path: Path, lines: range | None, count: int | None, seed: int) -> tuple[list[Mutant], int]:
    """Return so many mutants of a file's lines, drawn at random, and of how many places; all where None.

    Left out are those that don't compile; those that differ in an annotation or for the type checker alone,
    which no test runs; and a zip that does not look whether its operands are as long, as all are.
    """
    source = path.read_text(encoding="utf-8")
    places = [
        place for piece in _pieces(source) for place in piece.places() if not lines or place.line in lines
    ]
    random.Random(seed).shuffle(places)
    seen: dict[Piece, set[str | None]] = {}
    found: list[Mutant] = []
    for place in places:
        if len(found) == count:
            break
        mutated = place.piece.mutated(place)
        meaning = _meaning(mutated)
        known = seen.setdefault(place.piece, {None, _meaning(place.piece.text)})
        if meaning not in known:
            known.add(meaning)
            found.append(
                Mutant(place.operator.removeprefix("core/"), place.line, place.piece.put(mutated, source))
            )
    return sorted(found, key=lambda mutant: mutant.line), len(places)


class Place(NamedTuple):
    """Where an operator of cosmic-ray's has something to change."""

    piece: Piece
    operator: str
    nth: int
    line: int


class Piece(NamedTuple):
    """A statement of a file, or of a class in it, by itself: it is changed in a hundredth of the time."""

    first: int
    last: int
    indent: int
    text: str

    def places(self) -> Iterator[Place]:
        """Yield what may be changed."""
        nodes = list(cosmic_ray.ast.ast_nodes(cosmic_ray.ast.get_ast(self.text)))
        for name in sorted(cosmic_ray.plugins.operator_names()):
            kind = cosmic_ray.plugins.get_operator(name)
            if not kind.arguments():
                starts = (start for node in nodes for start, _ in kind().mutation_positions(node))
                for nth, (line, _) in enumerate(starts):
                    yield Place(self, name, nth, self.first + line - 1)

    def mutated(self, place: Place) -> str:
        """Return the text with one change."""
        changed = cosmic_ray.mutating.mutate_code(
            self.text, cosmic_ray.plugins.get_operator(place.operator)(), place.nth
        )
        return changed or self.text

    def put(self, text: str, source: str) -> str:
        """Return a source with another text in the place of this one."""
        lines = source.splitlines()
        lines[self.first - 1 : self.last] = indent(text, " " * self.indent).splitlines()
        return "\n".join(lines) + "\n"


def _pieces(source: str) -> Iterator[Piece]:
    lines = source.splitlines()
    for outer in ast.parse(source).body:
        for node in outer.body if isinstance(outer, ast.ClassDef) else [outer]:
            first = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])
            last = node.end_lineno or first
            text = "\n".join(lines[first - 1 : last])
            yield Piece(first, last, node.col_offset, dedent(text) + "\n")


def _meaning(source: str) -> str | None:
    """Return what of a source ever runs, None where it does not compile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # x is 1
        try:
            compile(source, "mutant", "exec")
        except SyntaxError:
            return None
    return ast.dump(_OnlyWhatRuns().visit(ast.parse(source)))


class _OnlyWhatRuns(ast.NodeTransformer):
    """Leaves out annotations, what stands under TYPE_CHECKING, and the guard of zip."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if node.arg == "strict" else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)
