"""The Hessian on the tape, entry by entry where there are any: edge pushing.

Going back, W holds ∂²output/∂node∂node of the nodes that are still to come. Entries come into being only
where an operation bends, so a sum of 10,000 terms stays as sparse as it is.
Source: Gower & Mello, A new framework for the computation of Hessians, Optim. Methods Softw. 27 (2012).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.calculus.local import second_partials
from backprop_cli.certain.compared import is_zero
from backprop_cli.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.op import Namespace, Number


MOST_ENTRIES = 2_000_000
"""Entries, each once, that are held at a time: some 10 s and 500 MB."""

MOST_BOUNDED = 2_000
"""Second derivatives of programs of more nodes are computed in doubles alone."""


class Curvature(NamedTuple):
    """entries: node -> node -> upstream · second derivative, both triangles, of the inputs; 0 left out.

    jumps: the nodes whose second partials may jump.
    """

    entries: dict[int, dict[int, Number]]
    jumps: list[int]


class _Entries:
    """A symmetric sparse matrix over nodes."""

    def __init__(self) -> None:
        self.rows: defaultdict[int, dict[int, Number]] = defaultdict(dict)
        self.count = 0

    def add(self, i: int, j: int, number: Number) -> None:
        """Add a number to the entry of two nodes."""
        row = self.rows[i]
        if j not in row:
            self.count += 1
            if self.count > MOST_ENTRIES:
                raise LimitError(
                    f"more than {MOST_ENTRIES:,} second derivatives are not 0 on the way",
                    hint="--along x=1,y=-2 is the product with a direction, which takes no matrix",
                )
        total = row[j] + number if j in row else number
        row[j] = total
        self.rows[j][i] = total

    def pop(self, node: int) -> dict[int, Number]:
        """Take a row out, and its column."""
        row = self.rows.pop(node, {})
        self.count -= len(row)
        for other in row:
            if other != node:
                del self.rows[other][node]
        return row


def curvature(sweep: Sweep, m: Namespace) -> Curvature:
    """Return the second derivatives of the output of a sweep in the numbers m.

    Linear in the nodes and the entries of W.
    """
    graph = sweep.graph
    entries = _Entries()
    jumps: list[int] = []
    for node in range(graph.output, -1, -1):
        op, bar = graph.ops[node], sweep.adjoint[node]
        if op is None or graph.constant[node]:
            continue
        row = entries.pop(node)
        if bar is None and not row:
            continue
        fixed = graph.fixed(node)
        slopes = slopes_at(sweep, node, fixed, m)
        _push(entries, row, node, slopes)
        if bar is None or is_zero(bar):
            continue
        bend = second_partials(op, sweep.operands(node), fixed, m)
        if bend.jumps:
            jumps.append(node)
        operands = graph.operands[node]
        for (k, j), number in bend.partials.items():
            if not is_zero(number):
                twice = k != j and operands[k] == operands[j]
                entries.add(operands[k], operands[j], bar * number + bar * number if twice else bar * number)
    inputs = set(graph.inputs.values())
    return Curvature({node: row for node, row in entries.rows.items() if node in inputs and row}, jumps)


def second_order(names: Sequence[str], sweep: Sweep, m: Namespace) -> dict[tuple[str, str], Number]:
    """Return the second derivatives by pairs of inputs, each once, that are not 0 everywhere."""
    entries, inputs = curvature(sweep, m).entries, sweep.graph.inputs
    return {
        (a, b): entries[inputs[a]][inputs[b]]
        for a, b in combinations_with_replacement(names, 2)
        if inputs[b] in entries.get(inputs[a], {})
    }


def slopes_at(sweep: Sweep, node: int, fixed: list[bool], m: Namespace) -> dict[int, Number]:
    """Return the slope by each operand that is no constant and not cut off; of one used twice, their sum."""
    op, operands = sweep.graph.ops[node], sweep.graph.operands[node]
    assert op is not None
    known = sweep.partials[node]
    xs = sweep.operands(node)
    found: dict[int, Number] = {}
    for argnum, operand in enumerate(operands):
        if fixed[argnum]:
            continue
        slope: Any = (
            known[argnum] if known is not None else m.partial(op, argnum, sweep.primal[node], xs, fixed)
        )
        if op.cuts and op.cuts_off(slope, fixed):
            continue
        found[operand] = found[operand] + slope if operand in found else slope
    return found


def _push(entries: _Entries, row: dict[int, Number], node: int, slopes: dict[int, Number]) -> None:
    """Hand the entries of a node on to its operands, by the chain rule."""
    own = row.pop(node, None)
    for other, number in row.items():
        for operand, slope in slopes.items():
            part = slope * number
            entries.add(operand, other, part + part if operand == other else part)
    if own is None:
        return
    names = list(slopes)
    for place, first in enumerate(names):
        for second in names[place:]:
            entries.add(first, second, slopes[first] * slopes[second] * own)
