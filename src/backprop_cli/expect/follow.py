"""What follows from a student's own numbers: one slip is marked once, not again wherever it leads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.graph.sweep import reverse
from backprop_cli.operations.doubles import FLOAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backprop_cli.graph.sweep import Sweep

_SAME = 1e-9
Own = frozenset[tuple[bool, int]]
"""Numbers of a student's own: whether each is of a gradient, and the node that it is of."""
_NOBODY: Own = frozenset()


class Stated(NamedTuple):
    """A number as a student states it. within: half a unit of its last decimal."""

    number: float
    within: float


class _Carried(NamedTuple):
    """A number that is computed from stated ones. own: which, those nearest to it."""

    number: float
    within: float = 0.0
    own: Own = _NOBODY

    def is_met(self, stated: Stated) -> bool:
        """Tell whether what is stated follows."""
        allowed = self.within + stated.within + _SAME * max(abs(self.number), abs(stated.number))
        return abs(self.number - stated.number) <= allowed


def following(
    sweep: Sweep, values: Mapping[int, Stated], gradients: Mapping[int, Stated]
) -> tuple[dict[int, Own], dict[int, Own]]:
    """Return the nodes whose stated value, and whose stated gradient, follows, each with what from.

    sweep: in doubles. Nothing follows where one of the numbers on the way does not exist.
    """
    try:
        primal, going, carried = _forward(sweep, values)
        found = _backward(sweep, primal, going, gradients)
    except (ArithmeticError, ValueError):
        return {}, {}
    return _met(carried, values), _met(found, gradients)


def _met(carried: Mapping[int, _Carried], stated: Mapping[int, Stated]) -> dict[int, Own]:
    return {
        x: carried[x].own
        for x, s in stated.items()
        if x in carried and carried[x].own and carried[x].is_met(s)
    }


def _forward(
    sweep: Sweep, stated: Mapping[int, Stated]
) -> tuple[list[float], dict[int, _Carried], dict[int, _Carried]]:
    """Return all values as the stated ones make them; those that go on; those computed from stated ones."""
    graph, primal = sweep.graph, [*sweep.primal]
    carried: dict[int, _Carried] = {}
    going: dict[int, _Carried] = {}
    for node in range(graph.end):
        op, operands = graph.ops[node], graph.operands[node]
        own = [going[x] for x in operands if x in going]
        if op is not None and own:
            primal[node] = FLOAT.value(op, [primal[x] for x in operands])
            slopes = sweep.partials[node] or ()
            within = sum(
                abs(slope) * going[x].within
                for x, slope in zip(operands, slopes, strict=False)
                if slope is not None and x in going
            )
            carried[node] = going[node] = _Carried(primal[node], within, _union(own))
        if node in stated:
            primal[node] = stated[node].number
            going[node] = _Carried(*stated[node], frozenset({(False, node)}))
    return primal, going, carried


def _backward(
    sweep: Sweep, primal: list[float], values: Mapping[int, _Carried], stated: Mapping[int, Stated]
) -> dict[int, _Carried]:
    """Return the gradients that are stated, as the other stated numbers make them."""
    graph = sweep.graph
    partials = reverse(graph, primal, sweep.upstream, FLOAT)[1] if values else sweep.partials
    bars = {graph.output: _Carried(sweep.upstream)}
    found: dict[int, _Carried] = {}
    for node in range(graph.output, -1, -1):
        bar = bars.get(node, _Carried(0.0))
        if node in stated:
            found[node] = bar
            bar = _Carried(*stated[node], frozenset({(True, node)}))
        for x, slope, right in zip(
            graph.operands[node], partials[node] or (), sweep.partials[node] or (), strict=False
        ):
            if not slope or not math.isfinite(slope):
                continue
            own = bar.own if slope == right else bar.own | _union(_near(values, node, graph.operands[node]))
            sofar = bars.get(x, _Carried(0.0))
            within = sofar.within + abs(slope) * bar.within
            bars[x] = _Carried(sofar.number + slope * bar.number, within, sofar.own | own)
    return found


def _near(values: Mapping[int, _Carried], node: int, operands: Iterable[int]) -> list[_Carried]:
    return [values[x] for x in operands if x in values] or [values[x] for x in (node,) if x in values]


def _union(carried: Iterable[_Carried]) -> Own:
    return _NOBODY.union(*(x.own for x in carried))
