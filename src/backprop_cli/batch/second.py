"""Second derivatives at every row: what kernels compute beside the gradient, and what a single point has."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

from backprop_cli.batch.tally import KINK, NONFINITE, OK, UNDEFINED
from backprop_cli.calculus.curvature import curvature, second_order
from backprop_cli.certain.task import inputs_below
from backprop_cli.errors import UsageError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.operations.doubles import FLOAT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.tally import RowStatus
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.op import Namespace, Number

MOST_PAIRS = 5_000
"""Columns of second derivatives: those of 99 inputs."""


class SecondOrder:
    """The second derivatives by pairs of inputs, each once: the upper triangle, row by row."""

    def __init__(self, wrt: Sequence[str]) -> None:
        count = len(wrt) * (len(wrt) + 1) // 2
        if count > MOST_PAIRS:
            raise UsageError(
                f"the second derivatives by {len(wrt):,} inputs are {count:,} columns",
                hint=f"up to {MOST_PAIRS:,} are written; --wrt takes some of the inputs",
            )
        self.wrt = list(wrt)
        self.pairs = list(combinations_with_replacement(self.wrt, 2))

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [f"hess_{a}_{b}" for a, b in self.pairs]

    def trace(self, sweep: Sweep, m: Namespace) -> dict[tuple[str, str], Number]:
        """Return those that are not 0 everywhere, in the numbers of a sweep."""
        return second_order(self.wrt, sweep, m)

    def at(self, sweep: Sweep) -> tuple[list[float | None], RowStatus]:
        """Return them at a point, from a sweep in doubles that has a value; None where there is none.

        The status is kink where some are on a path to a kink, or to where a second derivative jumps.
        """
        inputs = sweep.graph.inputs
        bent = curvature(sweep, FLOAT)
        below = inputs_below(sweep, [*find_kinks(sweep), *bent.jumps])
        numbers: list[float | None] = []
        status = KINK if below.intersection(self.wrt) else OK
        for a, b in self.pairs:
            x = bent.entries.get(inputs[a], {}).get(inputs[b], 0.0) + 0.0
            is_known = not below & {a, b} and not math.isnan(x)
            numbers.append(x if is_known else None)
            if not math.isfinite(x) and not below & {a, b}:
                status = UNDEFINED if math.isnan(x) or status is UNDEFINED else NONFINITE
        return numbers, status

    def explain(self, sweep: Sweep) -> str:
        """Return what is wrong at a point where one of them has no finite value."""
        numbers, _ = self.at(sweep)
        pairs = zip(self.pairs, numbers, strict=True)
        a, b = next((pair for pair, x in pairs if x is None or not math.isfinite(x)), self.pairs[0])
        return f"the second derivative with respect to {a} and {b} is not finite in doubles"
