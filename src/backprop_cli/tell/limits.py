"""Difference quotients, which prove a rule: of an operation by its operands, of the output by an input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.errors import LimitError, UsageError
from backprop_cli.notation.partials import partial_text
from backprop_cli.operations.bounded import bounded_reals
from backprop_cli.operations.table import OPS
from backprop_cli.record import Record
from backprop_cli.tell.algebra import cancel_in_operation, cancel_in_program, letter_for_step
from backprop_cli.tell.slopes import Slopes, Surroundings, bounded_slope, told
from backprop_cli.tell.story import find_node
from backprop_cli.text import held_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backprop_cli.operations.bounded import Bounded
    from backprop_cli.report import NodeRecord, Report

_DIGITS = 50
_STEPS = 7
_MOST_NODES = 5_000


class Quotient(Record):
    """(f(x + h) - f(x))/h for one h, negative on the left, and how far it is from the slope on that side.

    value: None where there is none, NaN where no double tells; error: likewise.
    """

    h: float
    value: float | None
    error: float | None


class Limit(Record):
    """The difference quotients of a node by an operand or an input, and the slope that they go to.

    node, expr: what moves with it.  operand: what moves.  at: its value.  formula: of the derivative, "" for
    a whole program.  slope: the derivative; at a kink what is used for it.  note: the convention at a kink.
    left, right: the slopes on both sides at a kink, as those of ``KinkRecord``.  letter: of the step.
    algebra: the quotient, transformed until the step has cancelled, and last the limit; () where it does not.
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
    left: float | None = None
    right: float | None = None
    letter: str = "h"
    algebra: tuple[str, ...] = ()

    @property
    def has_sides(self) -> bool:
        """Whether the sides are told apart."""
        return any(quotient.h < 0 for quotient in self.quotients)

    def grows(self, step: float) -> bool:
        """Tell whether the quotients on the side of a step are the further off the smaller the step is."""
        errors = [abs(q.error or 0.0) for q in self.quotients if (q.h > 0) == (step > 0)]
        return len(errors) > 2 and errors[-1] > 2 * errors[-2] > 4 * errors[-3] > 0


def difference_quotients(report: Report, name: str) -> Iterator[Limit]:
    """Yield the difference quotients of a node by each operand, of an input that of the output by it.

    h goes from 1 down to 1e-6, on both sides at kinks. All is computed in 50 digits with bounds, so that what
    is left is the error of the quotient, not rounding. Raises InputError for a node that is not there,
    UsageError for a constant and an input that --wrt leaves out, LimitError where a program is too long.
    """
    node = find_node(report, name)
    if node.op == "input":
        yield _limit_of_output(report, node)
    elif node.operands:
        yield from _limits_of_operation(report, node)
    else:
        raise UsageError(f"{name} is a constant", hint="--limit takes a step of the program, or an input")


def _limit_of_output(report: Report, node: NodeRecord) -> Limit:
    name = node.id.partition("#")[0]
    if name not in report.gradients:
        raise UsageError(f"--wrt leaves {name} out", hint=f"--wrt {name}")
    if report.upstream != 1:
        raise UsageError("--limit tells the slope of the output itself", hint="leave --upstream out")
    if len(report.nodes) > _MOST_NODES:
        raise LimitError(f"the quotients of {len(report.nodes):,} nodes take too long", hint="name a step")
    around = Surroundings(report)
    letter = letter_for_step({n.id for n in report.nodes})
    slopes, check = around.slopes(name), report.check.gradients[name]

    def away(step: float) -> Bounded | None:
        moved = around.moved(name, step)
        return None if moved is None else moved - around.value

    slope = told(slopes.right) if slopes.is_certain and not check.at_kink else None
    return Limit(
        node=report.output,
        expr=report.output,
        operand=node.id,
        at=node.value,
        formula="",
        slope=report.gradients[name] if slope is None or math.isnan(slope) else slope,
        quotients=tuple(_quotients(away, slopes, node.value, both=check.at_kink)),
        note="not smooth there" if check.at_kink else "",
        left=told(slopes.left) if check.at_kink else None,
        right=told(slopes.right) if check.at_kink else None,
        letter=letter,
        algebra=() if check.at_kink or "#" in node.id else cancel_in_program(report, name, letter),
    )


def _limits_of_operation(report: Report, node: NodeRecord) -> Iterator[Limit]:
    op = OPS[node.op]
    m = bounded_reals(_DIGITS)
    values = {n.id: n.value for n in report.nodes}
    xs = [m.number(values[x] if isinstance(x, str) else x) for x in node.operands]
    fixed = [not isinstance(x, str) for x in node.operands]
    y = m.value(op, xs)
    letter = letter_for_step({n.id for n in report.nodes})
    for operand in dict.fromkeys(x for x in node.operands if isinstance(x, str)):
        # An operand that is used twice (x*x) moves in both places.
        places = [argnum for argnum, x in enumerate(node.operands) if x == operand]

        def away(step: float, places: list[int] = places) -> Bounded | None:
            moved = [x + m.number(step) if argnum in places else x for argnum, x in enumerate(xs)]
            try:
                found: Bounded = m.value(op, moved) - y
            except (ArithmeticError, ValueError):
                return None
            return found

        left: float | None = None
        right: float | None = None
        if node.kink is None:
            slope = sum((m.number(op.partial(m, argnum, y, xs, fixed)) for argnum in places), m.zero)
            slopes = Slopes(slope, slope)
        else:
            is_one = len(places) == 1
            left, right = (
                side[places[0]] if is_one else math.nan for side in (node.kink.left, node.kink.right)
            )
            slopes = Slopes(bounded_slope(left, m), bounded_slope(right, m))
        others = tuple(x for x in node.held[places[0]] if x != operand)
        at = values[operand]
        yield Limit(
            node=node.id,
            expr=node.expr,
            operand=operand,
            at=at,
            formula=" + ".join(partial_text(op, argnum, node.terms) for argnum in places),
            slope=sum(node.partials[argnum] or 0.0 for argnum in places),
            quotients=tuple(_quotients(away, slopes, at, both=node.kink is not None)),
            note="" if node.kink is None else f"{node.kink.place}; used: {node.kink.convention}",
            held=held_mark((others,), 0, (operand,)),
            left=left,
            right=right,
            letter=letter,
            algebra=() if node.kink else cancel_in_operation(op, node.terms, operand, letter),
        )


def _quotients(
    away: Callable[[float], Bounded | None], slopes: Slopes, at: float, *, both: bool
) -> Iterator[Quotient]:
    """Yield the quotients. away(h): how far the value moves."""
    # Beside a very small or large operand, h is as small or large.
    scale = 10.0 ** math.floor(math.log10(abs(at))) if at and not 0.1 <= abs(at) <= 1e3 else 1.0
    for side in (1, -1) if both else (1,):
        for power in range(_STEPS):
            step = side * scale * 10.0**-power
            difference, slope = away(step), slopes.on_side(step)
            if difference is None:
                yield Quotient(step, None, None)
                continue
            quotient = difference / difference.m.number(step)
            error = None if slope is None or slope.size == math.inf else told(quotient - slope)
            yield Quotient(step, told(quotient), error)
