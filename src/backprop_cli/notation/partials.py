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
    from backprop_cli.report import NodeRecord


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
    return partial_piece(op, argnum, [Piece(term, ATOM) for term in terms]).text


def slope_text(node: NodeRecord, argnum: int) -> str:
    """Return the local derivative of a step as a formula with its own name in it; "" where that is long."""
    return node.formulas[argnum] if node.folded else own_slope(OPS[node.op], argnum, node.terms, node.id)


def own_slope(op: Op, argnum: int, terms: Sequence[str], name: str) -> str:
    """Return ∂y/∂x as a formula in which y stands by its name: a*(1 - a) is easier than the same in z."""
    formula = partial_text(op, argnum, terms)
    return formula if op.infix else formula.replace(op.write(terms), name)


def partial_piece(op: Op, argnum: int, terms: Sequence[Piece]) -> _Term:
    """Return the same for operands that may be formulas themselves, and how tightly it holds together."""
    operands = list(terms)
    if len(operands) > op.arity:
        # max and min of several: one operand against the extremum of the others.
        others = [term for place, term in enumerate(operands) if place != argnum]
        operands, argnum = [operands[argnum], Piece(op.write([other.text for other in others]), ATOM)], 0
    return formula_piece(derivative_code(op, argnum), op, operands)


def formula_piece(code: Code, op: Op, operands: Sequence[Piece]) -> _Term:
    """Return a formula in the names of a row, written for operands."""
    bound = dict(zip(op.args, operands, strict=True))

    def leaf(what: str | float, _span: Span) -> _Term:
        if isinstance(what, str):
            return _term(bound[what]) if what in bound else _Term(what, ATOM)
        return _number(what)

    return fold(code, leaf, _apply)


@cache
def derivative_code(op: Op, argnum: int) -> Code:
    """Return ∂y/∂x of an operand in the names of the row."""
    return read_value(op.derivatives[argnum], op.args[:1] if op.takes_condition else ())


def _number(x: float) -> _Term:
    return _Term(number_text(x, None), ATOM if x >= 0 else SIGN, x)


def _term(operand: Piece) -> _Term:
    """Return an operand. Constants of several parts come in parentheses."""
    text = operand.text
    inner = text[1:-1] if text.startswith("(-") else text
    if inner.lstrip("-").isdecimal() and len(inner) < 10:
        return _number(float(inner))
    return _Term(*operand)


def _apply(op: Op, terms: list[_Term], _span: Span) -> _Term:
    numbers = [term.number for term in terms if term.number is not None]
    if len(numbers) == len(terms) and op.name in ("add", "sub", "neg", "mul"):
        return _number(FLOAT.value(op, numbers))
    if op.name == "pow" and terms[1].number in (0, 1):
        return terms[0] if terms[1].number else _number(1.0)
    if op.name == "mul" and 0 in numbers:
        return _number(0.0)  # of x^0 the derivative is 0 at x = 0 as well, where 0*x^-1 has no value
    if op.name == "mul" and 1 in numbers:
        return terms[0 if terms[1].number == 1 else 1]
    if op.name == "mul" and terms[0].number == -1:
        op, terms = OPS["neg"], terms[1:]
    return _Term(*written(op, [Piece(term.text, term.binding) for term in terms]))
