"""Difference quotients in which h cancels: the algebra that proves a rule for rational functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.language.binding import is_sum

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from backprop_cli.operations.op import Op
    from backprop_cli.report import Report

_LETTERS = "hkδεη"
_MOST_OPERATIONS, _MOST_DEGREE, _LONGEST = 40, 24, 160


def letter_for_step(names: Collection[str]) -> str:
    """Return what the step is called: h, or another letter where the program has an h."""
    letters = [letter for letter in _LETTERS if letter not in names]
    return letters[0] if letters else "step"


def cancel_in_operation(op: Op, terms: Sequence[str], operand: str, h: str) -> tuple[str, ...]:
    """Return (f(x + h) - f(x))/h of an operation in steps until h has cancelled, and the limit, or ().

    terms: the operands as they stand in the node's expression.  operand: the one that moves.
    """
    import sympy

    symbols = [_symbol(term) for term in terms]
    f = op.symbolic(sympy, *symbols)
    moved = op.write([f"({operand} + {h})" if term == operand else term for term in terms])
    return _cancelled(f, operand, h, moved, op.write(list(terms)))


def cancel_in_program(report: Report, name: str, h: str) -> tuple[str, ...]:
    """Return the same of the output by an input."""
    from backprop_cli.check.expressions import graph_expression
    from backprop_cli.differentiate import graph_of

    if len(report.nodes) > _MOST_OPERATIONS:
        return ()
    f = graph_expression(graph_of(report))
    return _cancelled(f, name, h, None, _text(f))


def _symbol(term: str) -> Any:
    """Return an operand: a whole number as it is, another constant as a name, as its digits don't matter."""
    import sympy

    digits = term.strip("()")
    return sympy.Integer(digits) if digits.lstrip("-").isdecimal() else sympy.Symbol(term, real=True)


def _cancelled(f: Any, operand: str, h: str, moved: str | None, still: str) -> tuple[str, ...]:
    import sympy

    x, step = sympy.Symbol(operand, real=True), sympy.Symbol(h, real=True)
    if f.has(sympy.Float) or not f.is_rational_function(*f.free_symbols) or _degree(f) > _MOST_DEGREE:
        return ()
    away = f.subs(x, x + step)
    difference = sympy.factor(sympy.together(away - f))
    quotient = sympy.factor(sympy.cancel(difference / step))
    limit = sympy.factor(quotient.subs(step, 0))
    if not limit.is_finite and limit.has(sympy.zoo, sympy.nan):
        return ()
    if sympy.cancel(limit - sympy.diff(f, x)) != 0:
        return ()
    if quotient.is_polynomial(step):
        quotient, limit = sympy.expand(quotient), sympy.expand(limit)
    still = f"({still})" if is_sum(still) else still
    parts = [f"({moved or _text(away)} - {still})/{h}", f"{_factor(difference)}/{h}", _text(quotient)]
    found = (*dict.fromkeys(parts), _text(limit))
    return found if all(len(part) <= _LONGEST for part in found) else ()


def _degree(f: Any) -> int:
    """Return a bound of the degree of what expanding makes of a rational function."""
    import sympy

    degree = 1
    for power in f.atoms(sympy.Pow):
        degree *= max(1, abs(int(power.exp))) if power.exp.is_Integer and abs(power.exp) < 100 else 100
    return degree if f.count_ops() <= 3 * _MOST_OPERATIONS else _MOST_DEGREE + 1


def _factor(f: Any) -> str:
    text = _text(f)
    return text if f.is_Atom or not is_sum(text) else f"({text})"


def _text(f: Any) -> str:
    return str(f).replace("**", "^")
