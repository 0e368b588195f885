"""What is exported: the adjoint graph as registers, in which no dead branch is heard of.

A decision passes no gradient to the branch that is not taken, and that branch may have no value there:
``where(x > 0, sqrt(x)*exp(sqrt(x)), x)`` at -1. So an adjoint carries the condition under which it is one,
and is 0 elsewhere, whatever its factors are.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.calculus.curvature import second_order
from backprop_cli.compile.adjoint import build_adjoint
from backprop_cli.compile.recorder import Primitive, Pullback
from backprop_cli.compile.scaled import Scaled
from backprop_cli.compile.tracer import find_live
from backprop_cli.errors import UsageError
from backprop_cli.graph.naming import Naming
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.compile.adjoint import AdjointGraph
    from backprop_cli.compile.registers import Operand, Register
    from backprop_cli.compile.tracer import Tracer
    from backprop_cli.graph.tape import Graph

_MOST_NODES = 20_000


class Lines(NamedTuple):
    """Registers of a program.

    parameters: the inputs, in order of first use.  value: of the output.  gradients: by the inputs ``wrt``.
    steps: the registers that the program has a name for, with the name and the text.
    hessian: the second derivatives by two of these inputs, each pair once; none where they are not asked for.
    """

    parameters: dict[str, Register]
    value: Operand
    gradients: dict[str, Operand]
    steps: dict[Register, tuple[str, str]]
    hessian: dict[tuple[str, str], Operand]


def trace_program(graph: Graph, wrt: Sequence[str], *, hessian: bool = False) -> Lines:
    """Return the registers of the value, the gradients, and the second derivatives if they are asked for.

    Raises UsageError for too long a program.
    """
    if len(graph.ops) > _MOST_NODES:
        raise UsageError(
            f"a program of {len(graph.ops):,} nodes is too long to be exported",
            hint=f"up to {_MOST_NODES:,} are",
        )
    if graph.special:
        raise UsageError(f"{graph.special} can't be exported")
    naming = Naming(graph)
    named = [node for node in naming.order if naming.is_named(node) and graph.ops[node] is not None]
    adjoint = build_adjoint(graph, wrt, 1.0, named, more=partial(second_order, wrt) if hessian else None)
    tracer = Scaled()
    parameters = {name: tracer.emit("column", name) for name in graph.inputs}
    numbers = _evaluate(adjoint, parameters, tracer)

    def number_at(node: int | None) -> Operand:
        number = None if node is None else numbers[node]
        return 0.0 if number is None else number

    gradients = {name: number_at(bar) for name, bar in adjoint.gradients.items()}
    pairs = combinations_with_replacement(wrt, 2) if hessian else ()
    second = {pair: number_at(adjoint.more.get(pair)) for pair in pairs}
    value = numbers[adjoint.value]
    live = set(find_live((value, *gradients.values(), *second.values())))
    steps = {}
    for node, place in zip(named, adjoint.values, strict=True):
        register = numbers[place]
        if register in live and register not in steps and register.name != "column":
            steps[register] = (naming.id(node), f"{naming.id(node)} = {naming.source(node)}")
    assert value is not None
    return Lines(parameters, value, gradients, steps, second)


def _evaluate(adjoint: AdjointGraph, point: dict[str, Register], m: Tracer) -> list[Operand | None]:
    """Return the number of every node, as ``evaluate_nodes`` does, but with dead adjoints at 0."""
    numbers: list[Operand | None] = []
    alive: list[Operand | None] = []  # of an adjoint: where it is one; None for a value
    for definition in adjoint.nodes:
        lives: Operand | None = None
        number: Operand | None
        if isinstance(definition, str):
            number = point[definition]
        elif isinstance(definition, float):
            number = definition
        elif isinstance(definition, Pullback):
            number, lives = _pulled_back(definition, numbers, alive, m)
        else:
            number, lives = _primitive(definition, numbers, alive, m)
        numbers.append(number)
        alive.append(lives)
    return numbers


def _primitive(
    primitive: Primitive, numbers: list[Operand | None], alive: list[Operand | None], m: Tracer
) -> tuple[Operand | None, Operand | None]:
    xs = [numbers[x] for x in primitive.operands]
    lives = [alive[x] for x in primitive.operands]
    if None in xs:  # an adjoint that nothing reaches: of a sum of two the other one is left
        if primitive.op is not OPS["add"]:
            return None, None
        place = 0 if xs[-1] is None else -1
        return xs[place], lives[place]
    value = _or_nan(m, partial(m.value, primitive.op, xs))
    known = [x for x in lives if x is not None]
    if not known:
        return value, None
    if primitive.op is OPS["add"]:
        # A seed that is a number is an adjoint everywhere.
        either = m.either(*known) if len(known) == len(xs) else True
        return value, either
    if primitive.op.takes_condition:
        left, right = (True if x is None else x for x in lives[1:])
        if left is True and right is True:
            return value, True
        condition: Operand = xs[0]  # type: ignore[assignment] # none is missing
        other = m.both(m.apply("not", condition), right)
        return value, m.either(m.both(condition, left), other)
    # An adjoint times a partial that is a primitive itself, or a node that is an adjoint, too.
    both = m.both(*known) if len(known) > 1 else known[0]
    return m.where(both, value, 0.0), both


def _or_nan(m: Tracer, compute: Callable[[], Operand]) -> Operand:
    """Return a result; NaN where numbers that are known have none, as those of a constant part may."""
    try:
        return compute()
    except (ArithmeticError, ValueError):
        lost: Operand = m.nan
        return lost


def _pulled_back(
    pullback: Pullback, numbers: list[Operand | None], alive: list[Operand | None], m: Tracer
) -> tuple[Operand | None, Operand | None]:
    op, argnum, bar, y, xs, fixed = pullback
    adjoint = numbers[bar]
    if adjoint is None:
        return None, None
    slope = _or_nan(m, partial(m.partial, op, argnum, numbers[y], [numbers[x] for x in xs], fixed))
    lives: Operand = True if (before := alive[bar]) is None else before
    if op.cuts_off(0.0, fixed):
        lives = m.both(lives, m.apply("not", m.eq(slope, 0.0)))
    if lives is False:
        return None, None
    return m.where(lives, adjoint * slope, 0.0), lives
