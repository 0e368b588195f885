"""Difference quotients, which prove a rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.errors import UsageError
from backprop_cli.notation.partials import partial_text
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import OPS
from backprop_cli.record import Record
from backprop_cli.tell.story import find_node
from backprop_cli.text import held_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.report import Report


class Quotient(Record):
    """(f(x + h) - f(x))/h for one h, and how far it is from the slope. value: None outside the domain."""

    h: float
    value: float | None
    error: float | None


class Limit(Record):
    """The difference quotients of one operation by one of its operands, and the rule that they prove.

    at: the value of the operand.  formula: of the derivative.  note: the convention at a kink, or "".
    held: the other operands that depend on it and stay as they are; see ``text.held_mark``.
    """

    node: str
    expr: str
    operand: str
    at: float
    formula: str
    slope: float
    quotients: tuple[Quotient, ...]
    note: str = ""
    held: str = ""


def difference_quotients(report: Report, name: str) -> Iterator[Limit]:
    """Yield the difference quotients of a node by each operand, with h from 1 down to 1e-6.

    They are computed in 40 digits, so that what is left is the error of the quotient, not rounding.
    Raises InputError for a node that is not there, UsageError for one that is no operation.
    """
    node = find_node(report, name)
    if not node.operands:
        raise UsageError(f"{name} is not an operation", hint="--limit takes a step of the program")
    op = OPS[node.op]
    m = mpmath_namespace(40)
    values = {n.id: n.value for n in report.nodes}
    xs = [m.number(values[x] if isinstance(x, str) else x) for x in node.operands]
    y = m.value(op, xs)
    for operand in dict.fromkeys(x for x in node.operands if isinstance(x, str)):
        # An operand that is used twice (x*x) moves in both places.
        places = [argnum for argnum, x in enumerate(node.operands) if x == operand]
        slope = sum(node.partials[argnum] or 0.0 for argnum in places)
        at = values[operand]
        # Beside a very small or large operand, h is as small or large.
        scale = 10.0 ** math.floor(math.log10(abs(at))) if at and not 0.1 <= abs(at) <= 1e3 else 1.0
        quotients = []
        for power in range(7):
            step = scale * 10.0**-power
            moved = [x + step if argnum in places else x for argnum, x in enumerate(xs)]
            try:
                quotient = m.to_float((m.value(op, moved) - y) / step)
                quotients.append(Quotient(step, quotient, quotient - slope))
            except (ArithmeticError, ValueError):
                quotients.append(Quotient(step, None, None))
        formula = " + ".join(partial_text(op, argnum, node.terms) for argnum in places)
        note = "" if node.kink is None else f"at a kink, for h > 0; used: {node.kink.convention}"
        others = tuple(x for x in node.held[places[0]] if x != operand)
        held = held_mark((others,), 0, (operand,))
        yield Limit(node.id, node.expr, operand, at, formula, slope, tuple(quotients), note, held)
