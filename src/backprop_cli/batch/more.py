"""Numbers beside the gradient at every row: second derivatives, and the gradients of further steps.

What is beside is made of the sweep in two ways: traced once, as code for the engines, and in doubles at a
single point.
"""

from __future__ import annotations

import math
from copy import copy
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Protocol

from backprop_cli.batch.tally import KINK, NONFINITE, OK, UNDEFINED
from backprop_cli.calculus.curvature import MOST_BOUNDED, curvature, second_order
from backprop_cli.certain.compared import has_digits, is_zero
from backprop_cli.certain.task import inputs_below
from backprop_cli.errors import UsageError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.findings.settled import gradients_of, settle_gradients
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.bounded import add_logs, bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import FEW_DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.batch.tally import RowStatus
    from backprop_cli.compile.adjoint import Pair
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Namespace, Number

MOST_COLUMNS = 5_000
"""Of each kind: the second derivatives by 99 inputs."""

# A number that is surely below 2^-1075 is the double 0.
_SMALLEST = -1076.0


class More(Protocol):
    """Numbers beside the gradient. keys: of each, in order.  columns: the names of their columns."""

    keys: list[Pair]
    columns: list[str]

    def trace(self, sweep: Sweep, m: Namespace) -> Mapping[Pair, Number]:
        """Return those that are not 0 everywhere, in the numbers of a sweep."""

    def at(self, sweep: Sweep) -> tuple[list[float | None], RowStatus]:
        """Return them at a point, from a sweep in doubles that has a value; None where there is none."""

    def explain(self, key: Pair) -> str:
        """Return what is wrong where one of them has no finite value."""


class SecondOrder:
    """The second derivatives by pairs of inputs, each once: the upper triangle, row by row."""

    def __init__(self, wrt: Sequence[str]) -> None:
        _refuse_many("second derivatives", len(wrt) * (len(wrt) + 1) // 2)
        self.wrt = list(wrt)
        self.keys: list[Pair] = list(combinations_with_replacement(self.wrt, 2))
        self.columns = [f"hess_{a}_{b}" for a, b in self.keys]

    def trace(self, sweep: Sweep, m: Namespace) -> dict[Pair, Number]:
        """See ``More``."""
        return second_order(self.wrt, sweep, m)

    def at(self, sweep: Sweep) -> tuple[list[float | None], RowStatus]:
        """See ``More``. On a path to a kink, or to where a second derivative jumps, there is none."""
        inputs = sweep.graph.inputs
        bent = curvature(sweep, FLOAT)
        below = inputs_below(sweep, [*find_kinks(sweep), *bent.jumps])
        found = {(a, b): bent.entries.get(inputs[a], {}).get(inputs[b], 0.0) + 0.0 for a, b in self.keys}
        if any(not math.isfinite(x) and not below & {*pair} for pair, x in found.items()):
            found |= _finite_in_many_digits(self.wrt, sweep)
        numbers: list[float | None] = []
        status = KINK if below.intersection(self.wrt) else OK
        for (a, b), x in found.items():
            is_known = not below & {a, b} and not math.isnan(x)
            numbers.append(x if is_known else None)
            if not math.isfinite(x) and not below & {a, b}:
                status = UNDEFINED if math.isnan(x) or status is UNDEFINED else NONFINITE
        return numbers, status

    def explain(self, key: Pair) -> str:
        """See ``More``."""
        return f"the second derivative with respect to {key[0]} and {key[1]} is not finite in doubles"


def _finite_in_many_digits(wrt: Sequence[str], sweep: Sweep) -> dict[Pair, float]:
    """Return the second derivatives that are doubles, though doubles overflow on the way to some."""
    graph = sweep.graph
    if len(graph.ops) > MOST_BOUNDED:
        return {}
    m = bounded_reals(LADDER[0])
    precise = sweep_graph(graph, sweep.point, sweep.upstream, m)
    if graph.output in precise.failures:
        return {}
    known = second_order(wrt, precise, m)
    found = {}
    for pair in combinations_with_replacement(wrt, 2):
        x: Any = known.get(pair, m.zero)
        if is_zero(x) or has_digits(x, FEW_DIGITS) or add_logs(x.size, x.error) < _SMALLEST:
            found[pair] = m.base.to_float(x.value) + 0.0
    return {pair: x for pair, x in found.items() if math.isfinite(x)}


class Outputs:
    """The gradients of further steps of the program. steps: their names, with their nodes."""

    def __init__(self, graph: Graph, steps: Mapping[str, int], wrt: Sequence[str]) -> None:
        _refuse_many("gradients of these steps", len(steps) * len(wrt))
        self.wrt = list(wrt)
        self.graphs: dict[str, Graph] = {}
        for name, node in steps.items():
            self.graphs[name] = copy(graph)
            self.graphs[name].output = node
        # An input may have the name of a step with another's behind it, but none has a blank.
        self.keys: list[Pair] = [(f"{step} by", name) for step in steps for name in wrt]
        self.columns = [f"grad_{step}_{name}" for step in steps for name in wrt]

    def trace(self, sweep: Sweep, m: Namespace) -> dict[Pair, Number]:
        """See ``More``."""
        found: dict[Pair, Number] = {}
        for step, graph in self.graphs.items():
            own = sweep_graph(graph, sweep.point, 1.0, m)
            bars = {name: own.adjoint[graph.inputs[name]] for name in self.wrt}
            found |= {(f"{step} by", name): bar for name, bar in bars.items() if bar is not None}
        return found

    def at(self, sweep: Sweep) -> tuple[list[float | None], RowStatus]:
        """See ``More``. The gradients are those of ``gradient`` with the step as output, to the bit."""
        numbers: list[float | None] = []
        worst = OK
        for graph in self.graphs.values():
            own = sweep_graph(graph, sweep.point, 1.0, FLOAT)
            if not math.isfinite(own.primal[graph.output]):
                numbers += [None] * len(self.wrt)
                worst = UNDEFINED
                continue
            settled = settle_gradients(own, find_kinks(own), self.wrt)
            slopes = list(gradients_of(own, self.wrt, settled).values())
            numbers += [None if math.isnan(slope) else slope for slope in slopes]
            if not all(map(math.isfinite, slopes)):
                worst = UNDEFINED if any(map(math.isnan, slopes)) or worst is UNDEFINED else NONFINITE
            elif worst is OK and any(found.sides for found in settled.values()):
                worst = KINK
        return numbers, worst

    def explain(self, key: Pair) -> str:
        """See ``More``."""
        step = key[0].removesuffix(" by")
        return f"the gradient of {step} with respect to {key[1]} is not finite in doubles"


def _refuse_many(what: str, count: int) -> None:
    if count > MOST_COLUMNS:
        raise UsageError(
            f"the {what} are {count:,} columns",
            hint=f"up to {MOST_COLUMNS:,} are written; --wrt takes some of the inputs",
        )
