"""What is made small: a program with some of its inputs fixed, at a point of the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import KINK
from backprop_cli.calculus.hessian import second_derivatives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.language.source import Source


class Place(NamedTuple):
    """The cost at a point, times the sign. slopes: None where they don't all exist.  note: then why."""

    cost: float
    slopes: dict[str, float] | None
    is_kink: bool = False
    note: str = ""


class AnyCost(Protocol):
    """What is made small; see ``Cost``."""

    names: tuple[str, ...]
    fixed: dict[str, float]
    sign: int
    source: Source
    size: int

    def at(self, point: Mapping[str, float]) -> Place:
        """Return the cost at a point, and its gradient."""


class Cost:
    """A program whose value is made small, or large with the sign -1.

    names: the inputs that move.  size: the count of its nodes.
    """

    def __init__(self, source: Source, names: Sequence[str], point: Mapping[str, float], sign: int) -> None:
        self.names = tuple(names)
        self.fixed = {name: x for name, x in point.items() if name not in names}
        self.sign = sign
        self.source = source
        self._batch = Batch(self.source, list(names), float(sign))
        self.size = len(self._batch.graph.ops)

    def at(self, point: Mapping[str, float]) -> Place:
        """Return the cost at a point, and its gradient."""
        found = self._batch.evaluate({**self.fixed, **point})
        value, slopes = found.value, found.gradients
        if value is None or not math.isfinite(value):
            return Place(math.inf, None, note=self._batch.explain({**self.fixed, **point}))
        if any(slope is None or not math.isfinite(slope) for slope in slopes):
            return Place(self.sign * value, None, note=self._batch.explain({**self.fixed, **point}))
        known = dict(zip(self.names, (float(slope or 0.0) for slope in slopes), strict=True))
        return Place(self.sign * value, known, found.status == KINK)

    def bends(self, point: Mapping[str, float]) -> list[list[float]]:
        """Return the second derivatives of the cost at a point, NaN for what is not known."""
        whole = {**self.fixed, **point}
        return second_derivatives(self.source, self._batch.graph, whole, [*self.names], float(self.sign))
