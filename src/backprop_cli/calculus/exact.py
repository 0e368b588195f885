"""A Hessian in reals with bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.bounded import Bounded, BoundedReals


class Exact(NamedTuple):
    """The last sweep with bounds: what eigenvalues and critical points are found from."""

    graph: Graph
    m: BoundedReals
    sweep: Sweep
    entries: dict[int, dict[int, Bounded]]

    def entry(self, a: str, b: str) -> Bounded:
        """Return a second derivative."""
        inputs = self.graph.inputs
        row = self.entries.get(inputs[a], {})
        zero: Bounded = self.m.zero
        return row.get(inputs[b], zero)
