"""Local derivatives as formulas: the row's derivative, written for the operands of one node."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.binding import ATOM, SIGN, Piece, written
from backprop_cli.language.code import fold
from backprop_cli.language.reader import read_value
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import OPS
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.language.code import Code, Span
    from backprop_cli.operations.op import Op


class _Term(NamedTuple):
    """A part of a formula, how tightly it holds together, and its number if it is one."""

    text: str
    binding: int
    number: float | None = None


def partial_text(op: Op, argnum: int, terms: Sequence[str]) -> str:
    """Return ∂y/∂x of an operand as a formula in the language of programs: "b", "2*x", "1".

    terms: the operands as they stand in the node's expression, names or constants.
    Numbers are computed where they are small and whole: 2*x, not 2*x^(2 - 1).
    """
    operands = list(terms)
    if len(operands) > op.arity:
        # max and min of several: one operand against the extremum of the others.
        others = [term for place, term in enumerate(operands) if place != argnum]
        operands, argnum = [operands[argnum], op.write(others)], 0
    bound = dict(zip(op.args, operands, strict=True))

    def leaf(what: str | float, _span: Span) -> _Term:
        if isinstance(what, str):
            return _term(bound[what]) if what in bound else _Term(what, ATOM)
        return _number(what)

    return fold(derivative_code(op, argnum), leaf, _apply).text


@cache
def derivative_code(op: Op, argnum: int) -> Code:
    """Return ∂y/∂x of an operand in the names of the row."""
    return read_value(op.derivatives[argnum], op.args[:1] if op.takes_condition else ())


def _number(x: float) -> _Term:
    return _Term(number_text(x, None), ATOM if x >= 0 else SIGN, x)


def _term(text: str) -> _Term:
    """Return an operand. Constants of several parts come in parentheses."""
    inner = text[1:-1] if text.startswith("(-") else text
    if inner.lstrip("-").isdecimal() and len(inner) < 10:
        return _number(float(inner))
    return _Term(text, ATOM)


def _apply(op: Op, terms: list[_Term], _span: Span) -> _Term:
    numbers = [term.number for term in terms if term.number is not None]
    if len(numbers) == len(terms) and op.name in ("add", "sub", "neg", "mul"):
        return _number(FLOAT.value(op, numbers))
    if op.name == "pow" and terms[1].number in (0, 1):
        return terms[0] if terms[1].number else _number(1.0)
    if op.name == "mul" and 1 in numbers:
        return terms[0 if terms[1].number == 1 else 1]
    if op.name == "mul" and terms[0].number == -1:
        op, terms = OPS["neg"], terms[1:]
    return _Term(*written(op, [Piece(term.text, term.binding) for term in terms]))
