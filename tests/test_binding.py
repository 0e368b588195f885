"""The scale of binding strength: what is written reads back as what was meant, in as few parentheses."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from backprop_cli.language.binding import ATOM, Piece, is_sum, written
from backprop_cli.language.code import Code, fold
from backprop_cli.language.reader import read_value
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

INFIX = [op for op in OPS.values() if op.infix and not op.condition]
X = Piece("x", ATOM)


def tree(code: Code) -> object:
    """Return code as nested tuples, which know no text."""
    return fold(code, lambda what, _span: what, lambda op, operands, _span: (op.name, *operands))


def expressions(depth: int) -> Iterator[tuple[Piece, object]]:
    """Yield chains of operators so deep, each as it is written and as what is meant."""
    yield X, "x"
    if depth:
        for (piece, meant), op in product(expressions(depth - 1), INFIX):
            for place in range(op.arity):
                before, behind = place, op.arity - place - 1
                operands = [*[X] * before, piece, *[X] * behind]
                yield written(op, operands), (op.name, *["x"] * before, meant, *["x"] * behind)


def test_what_is_written_reads_back() -> None:
    for piece, meant in expressions(3):
        assert tree(read_value(piece.text)) == meant, piece.text


@pytest.mark.parametrize(
    "text",
    ["a - (b - c)", "a - b - c", "a*(b + c)", "a/(b*c)", "a/b*c", "-a*b", "-(a*b)", "-a^b", "(-a)^b", "a^-b",
     "a^b^c", "(a^b)^c", "a*-b", "a - -b", "sin(a + b)^2", "where(a + 1 < b, c, -a)", "max(a, b, c - 1)"],
)  # fmt: skip
def test_no_more_parentheses_than_needed(text: str) -> None:
    def leaf(what: str | float, _span: object) -> Piece:
        return Piece(what if isinstance(what, str) else f"{what:g}", ATOM)

    assert fold(read_value(text), leaf, lambda op, operands, _span: written(op, operands)).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a + b", True), ("2*c#1 - 1", True), ("(a + b)*c", False), ("-a", False), ("f(a - b)", False)],
)
def test_sums(text: str, expected: bool) -> None:
    assert is_sum(text) is expected
