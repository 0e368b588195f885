"""Where a local derivative is not the whole derivative of a node by its operand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.graph.tape import Graph

_STEPS = 2_000_000
"""How many operands are looked through in all, a second's worth. Then it is taken that one is reached, which
makes a mark too many and none too few."""


class Reach:
    """Which operands of a node hang on another one of them.

    The local derivative of L = u + w by w holds u, though u = w*x moves with w: it is 1, and the derivative
    of L by w is 1 + x. Of y = x*x each of the two holds the other.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._steps = _STEPS

    def held(self, node: int, argnum: int) -> list[int]:
        """Return the other operands that depend on this one, or are the same node; none for a condition's."""
        op = self._graph.ops[node]
        if op is None or op.condition:
            return []
        operands = self._graph.operands[node]
        operand = operands[argnum]
        if not self._passes(operand):
            return []  # nobody differentiates by a constant, which other operands may be made of
        others = [x for place, x in enumerate(operands) if place != argnum and self._passes(x)]
        return [x for x in dict.fromkeys(others) if x == operand or self._depends(x, operand)]

    def _passes(self, node: int) -> bool:
        """Tell whether a node varies and is no condition, which is the same all around the point."""
        op = self._graph.ops[node]
        return not self._graph.constant[node] and not (op is not None and op.condition)

    def _depends(self, node: int, on: int) -> bool:
        waiting, seen = [node], {node}
        while waiting:
            for operand in self._graph.operands[waiting.pop()]:
                self._steps -= 1
                if operand == on or self._steps < 0:
                    return True
                if operand > on and operand not in seen and self._passes(operand):
                    seen.add(operand)
                    waiting.append(operand)
        return False
