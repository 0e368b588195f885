"""The adjoint graph as a kernel: straight-line code for the value and gradients of many rows.

Rounding may differ from the single-point path here, by a few units in the last place: x² is x·x, and x/2 is
half of x, which lets one exponential serve a sigmoid and its slope.
"""

from __future__ import annotations

from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.compile.adjoint import build_adjoint, evaluate_nodes
from backprop_cli.compile.recorder import Primitive
from backprop_cli.compile.registers import Register
from backprop_cli.compile.tracer import Tracer, find_live

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.compile.adjoint import AdjointGraph, More, Pair
    from backprop_cli.compile.registers import Operand
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Number


class Instruction(NamedTuple):
    """A function of a namespace at registers, by their index, and numbers.

    A condition makes a register of truth values, everything else one of doubles.
    """

    name: str
    args: tuple[int | float, ...]


class Kernel(NamedTuple):
    """Straight-line code: the first registers are the columns, each instruction fills the next one.

    outputs: the value, the gradients, and what else was asked for; registers, or numbers that are the same in
    every row.  suspect: the register that tells where a primitive may be at a kink; None if nowhere.
    watch: whether an output may fail to be finite without a floating-point exception.
    """

    columns: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[int | float, ...]
    suspect: int | None
    watch: bool


def build_kernel(
    graph: Graph,
    wrt: Sequence[str],
    constants: Mapping[str, float],
    upstream: float = 1.0,
    values: Sequence[int] = (),
    more: More | None = None,
    pairs: Sequence[Pair] = (),
) -> Kernel:
    """Return the kernel of a program.

    constants: the inputs that are the same in every row; the others are columns.  wrt, values: see
    ``build_adjoint``.  more, pairs: makes further numbers, and which of them are outputs; what it leaves out
    is 0. Raises ArithmeticError or ValueError where a constant part of the program has no value.
    """
    adjoint = build_adjoint(graph, wrt, upstream, values, more=more)
    tracer = Tracer()
    registers = {name: tracer.emit("column", name) for name in graph.inputs if name not in constants}
    numbers = evaluate_nodes(adjoint, {**constants, **registers}, tracer)

    def number_at(node: int | None) -> Number:
        number = None if node is None else numbers[node]
        return 0.0 if number is None else number

    outputs: list[Number] = [
        numbers[adjoint.value],
        *(number_at(adjoint.gradients[name]) for name in wrt),
        *(numbers[node] for node in adjoint.values),
        *(number_at(adjoint.more.get(pair)) for pair in pairs),
    ]
    suspect = _find_suspects(adjoint, numbers, tracer)
    return _without_dead_code(tuple(registers.values()), outputs, suspect)


def _find_suspects(adjoint: AdjointGraph, numbers: list[Register | float | None], m: Tracer) -> Operand:
    """Return the condition that some primitive is at a kink, whether or not its gradient is used."""
    suspect: Operand = False
    for node in adjoint.nodes:
        if isinstance(node, Primitive) and node.op.kink is not None:
            fixed = [isinstance(adjoint.nodes[x], float) for x in node.operands]
            xs = [numbers[x] for x in node.operands]
            suspect = m.either(suspect, node.op.kink.at(m, xs, fixed))
    return suspect


def _without_dead_code(columns: tuple[Register, ...], outputs: Sequence[Operand], suspect: Operand) -> Kernel:
    live = [register for register in find_live((*outputs, suspect)) if register.name != "column"]
    place = {register: index for index, register in enumerate((*columns, *live))}

    def moved(operand: object) -> int | float:
        return place[operand] if isinstance(operand, Register) else float(operand)  # type: ignore[arg-type]

    instructions = tuple(Instruction(step.name, tuple(map(moved, step.args))) for step in live)
    results = tuple(map(moved, outputs))
    operands = chain(results, *(step.args for step in instructions))
    watch = not all(isfinite(x) for x in operands if isinstance(x, float))
    return Kernel(
        tuple(str(column.args[0]) for column in columns),
        instructions,
        results,
        place[suspect] if isinstance(suspect, Register) else None,
        watch,
    )
