"""Both sweeps over blocks of rows, with all that one row may meet on its own.

The forward and the reverse sweep as in ``sweep``, with a mask of rows where a single point has a decision:
which nodes have no value and why, which paths are cut, where a primitive is at a kink. What arrays can't
settle is left to the single-point path, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch.engines.namespace import ARRAY
from backprop_cli.operations.doubles import FLOAT, SAFE_OPERAND, SAFE_RESULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.batch.engines.namespace import Array
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Op


class Examined(NamedTuple):
    """What a block of rows comes to; a number where all rows have the same.

    gradients, values: in the order they were asked for.  undefined, overflowed: which rows are so; their
    numbers mean nothing.  unsettled: which rows must be computed one by one, those at a kink among them.
    """

    value: Array
    gradients: list[Array]
    values: list[Array]
    undefined: Array
    overflowed: Array
    unsettled: Array


def examine(
    graph: Graph,
    point: Mapping[str, Array | float],
    rows: int,
    wrt: Sequence[str],
    upstream: float,
    values: Sequence[int],
) -> Examined:
    """Return value and gradients at a block of rows. point: finite numbers, one or one per row."""
    with np.errstate(all="ignore"):
        sweep = _Sweep(graph, point, rows)
        sweep.forward()
        sweep.reverse(upstream)
    output = graph.output
    missing = [0.0 if (bar := sweep.adjoint[graph.inputs[name]]) is None else bar for name in wrt]
    return Examined(
        sweep.primal[output],
        missing,
        [np.where(sweep.failed[node], np.nan, sweep.primal[node]) for node in values],
        *sweep.failures(),
        sweep.unsettled,
    )


class _Sweep:
    """Lists by node, as in ``sweep``. Masks are arrays of truth values, or one of NumPy's for all rows."""

    def __init__(self, graph: Graph, point: Mapping[str, Array | float], rows: int) -> None:
        count = len(graph.ops)
        self.graph, self.rows = graph, rows
        self.primal: list[Array] = graph.leaves(dict(point), ARRAY)
        self.failed: list[Array] = [np.False_] * count
        self.own_failure: dict[
            int, tuple[Array, Array]
        ] = {}  # node -> domain, overflow: where it is the first
        self.adjoint: list[Array | None] = [None] * count
        self.reached: list[Array] = [np.False_] * count
        self.unsettled: Array = np.zeros(rows, np.bool_)

    def operands(self, node: int) -> list[Array]:
        return [self.primal[operand] for operand in self.graph.operands[node]]

    def forward(self) -> None:
        for node, op in enumerate(self.graph.ops):
            if op is None:
                continue
            xs = self.operands(node)
            y = self.primal[node] = op.value(ARRAY, *xs)
            lacking = self._lacks_operand(node, op, xs)
            self.failed[node] = lacking
            odd = ~np.isfinite(y) & ~lacking
            if op.composite:
                self.unsettled |= ~lacking & ~odd & _is_extreme(y, SAFE_RESULT)
            if np.any(odd):
                self._settle(node, op, xs, np.broadcast_to(odd, self.rows))

    def _lacks_operand(self, node: int, op: Op, xs: list[Array]) -> Array:
        lacking: Array = np.False_
        for operand, is_read in zip(self.graph.operands[node], op.read(ARRAY, xs), strict=True):
            lacking = lacking | (self.failed[operand] & is_read)
        return lacking

    def _settle(self, node: int, op: Op, xs: list[Array], odd: Array) -> None:
        """Find out why a primitive has no finite value in some rows: it takes 1 µs each to ask Python."""
        finite = odd.copy()
        for x in xs:
            finite &= np.isfinite(x)
        # What comes of infinities is for the single-point path.
        self.unsettled |= odd & ~finite
        places = np.flatnonzero(finite)
        if not len(places):
            return
        domain, overflow = np.zeros((2, self.rows), np.bool_)
        columns = [np.broadcast_to(x, self.rows)[places].tolist() for x in xs]
        for place, *point in zip(places.tolist(), *columns, strict=True):
            try:
                FLOAT.value(op, point)
            except OverflowError:
                overflow[place] = True
            except (ArithmeticError, ValueError):
                domain[place] = True
            else:
                self.unsettled[place] = True
        self.failed[node] = self.failed[node] | domain | overflow
        self.own_failure[node] = domain, overflow

    def failures(self) -> tuple[Array, Array]:
        """Return the rows whose output has no value: outside a domain, and by overflow."""
        failed = np.broadcast_to(self.failed[self.graph.output], self.rows)
        undefined, overflowed = np.zeros((2, self.rows), np.bool_)
        if failed.any():
            needed = self._needed()
            for node, (domain, overflow) in self.own_failure.items():
                is_first = failed & needed[node] & ~undefined & ~overflowed
                undefined |= is_first & domain
                overflowed |= is_first & overflow
        return undefined, overflowed

    def _needed(self) -> list[Array]:
        """Return for each node the rows in which the output is made of it."""
        graph = self.graph
        needed: list[Array] = [np.False_] * len(graph.ops)
        needed[graph.output] = np.True_
        for node in range(graph.output, -1, -1):
            op = graph.ops[node]
            if op is None or needed[node] is np.False_:
                continue
            read = op.read(ARRAY, self.operands(node))
            for operand, is_read in zip(graph.operands[node], read, strict=True):
                needed[operand] = needed[operand] | (needed[node] & is_read)
        return needed

    def reverse(self, upstream: float) -> None:
        graph = self.graph
        self.adjoint[graph.output] = upstream
        # Rows without a value have no gradients: what they come to below is not looked at.
        failed = self.failed[graph.output]
        self.reached[graph.output] = ~np.broadcast_to(failed, self.rows)
        self.unsettled |= self.reached[graph.output] & ~np.isfinite(self.primal[graph.output])
        for node in range(graph.output, -1, -1):
            op = graph.ops[node]
            if op is None or graph.constant[node] or self.adjoint[node] is None:
                continue
            self._pull_back(node, op)
        self._look_behind()

    def _look_behind(self) -> None:
        """Leave rows unsettled in which a value that no slope passes breaks: floor(sign(x))."""
        graph = self.graph
        breaking = [
            node
            for node, op in enumerate(graph.ops)
            if op is not None and op.kink is not None and op.kink.breaks and not graph.constant[node]
            if not np.all(self.reached[node])
        ]
        if not breaking:
            return
        needed, has_value = self._needed(), ~self.failed[graph.output]
        for node in breaking:
            kink = graph.ops[node].kink  # type: ignore[union-attr]
            hidden = has_value & needed[node] & ~self.reached[node]
            if kink is not None and np.any(hidden):
                self.unsettled |= hidden & kink.at(ARRAY, self.operands(node), graph.fixed(node))

    def _pull_back(self, node: int, op: Op) -> None:
        graph = self.graph
        operands, xs, fixed = graph.operands[node], self.operands(node), graph.fixed(node)
        y, bar, reached = self.primal[node], self.adjoint[node], self.reached[node]
        # An infinity on the way may be worth a warning.
        self.unsettled |= reached & np.isinf(y)
        if op.kink is not None:
            self.unsettled |= reached & op.kink.at(ARRAY, xs, fixed)
        if not op.exact:
            for x in xs:
                self.unsettled |= reached & _is_extreme(x, SAFE_OPERAND)
        for argnum, operand in enumerate(operands):
            if fixed[argnum]:
                continue
            partial = op.partial(ARRAY, argnum, y, xs, fixed)
            child = graph.ops[operand]
            live = reached
            if op.cuts_off(0.0, fixed) and not (child is not None and child.condition):
                live = reached & (partial != 0)
            contribution = np.where(live, bar * partial, 0.0)
            self.unsettled |= ~np.isfinite(contribution)
            if not op.exact:
                self.unsettled |= live & _is_extreme(partial, SAFE_RESULT)
            sofar = self.adjoint[operand]
            self.adjoint[operand] = contribution if sofar is None else sofar + contribution
            self.reached[operand] = self.reached[operand] | live


def _is_extreme(x: Array, safe: tuple[float, float]) -> Array:
    """Tell which numbers, other than 0, are outside the safe range."""
    size = np.abs(x)
    return (x != 0) & ~((size > safe[0]) & (size < safe[1]))
