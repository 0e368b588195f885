"""The Hessian times a direction, without the Hessian: forward over reverse.

On the way forward every node gets its tangent along the direction, on the way back its adjoint gets one: the
cost is some gradients' and the memory linear in the nodes, however dense the matrix is.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.calculus.curvature import slopes_at
from backprop_cli.calculus.local import second_partials
from backprop_cli.certain.compared import is_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.op import Namespace, Number


class Product(NamedTuple):
    """rows: input's node -> upstream · (Hessian · direction); 0 left out.

    jumps: the nodes that the direction moves where their second partials may jump.
    """

    rows: dict[int, Number]
    jumps: list[int]


def product_along(sweep: Sweep, direction: Mapping[int, Number], m: Namespace) -> Product:
    """Return the derivative of the gradient along a direction. direction: input's node -> step."""
    graph = sweep.graph
    tangents = dict(direction)
    slopes: dict[int, dict[int, Number]] = {}
    for node in range(graph.output + 1):
        if graph.ops[node] is None or graph.constant[node] or sweep.adjoint[node] is None:
            continue
        slopes[node] = slopes_at(sweep, node, graph.fixed(node), m)
        for operand, slope in slopes[node].items():
            if operand in tangents:
                part = slope * tangents[operand]
                tangents[node] = tangents[node] + part if node in tangents else part
    bars: dict[int, Number] = {}
    jumps: list[int] = []

    def add(node: int, part: Number) -> None:
        bars[node] = bars[node] + part if node in bars else part

    for node in reversed(slopes):
        bar_dot = bars.pop(node, None)
        if bar_dot is not None:
            for operand, slope in slopes[node].items():
                add(operand, bar_dot * slope)
        operands = graph.operands[node]
        op, bar = graph.ops[node], sweep.adjoint[node]
        assert op is not None
        if is_zero(bar) or not tangents.keys() & set(operands):
            continue
        bend = second_partials(op, sweep.operands(node), graph.fixed(node), m)
        if bend.jumps:
            jumps.append(node)
        for (k, j), number in bend.partials.items():
            if is_zero(number):
                continue
            for one, other in {(k, j), (j, k)}:
                if operands[other] in tangents:
                    add(operands[one], bar * number * tangents[operands[other]])
    inputs = set(graph.inputs.values())
    return Product({node: number for node, number in bars.items() if node in inputs}, jumps)
