"""A program at every row of data: lowered once, then rows to points, and points to values and gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.batch.tally import BAD_INPUT, FAULTS, KINK, NONFINITE, OK, UNDEFINED, RowResult
from backprop_cli.errors import BackpropError, InputError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.findings.settled import gradients_of, settle_gradients
from backprop_cli.findings.undefined import find_failure, undefined_gradients
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.batch.cells import Row
    from backprop_cli.batch.more import More
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.tally import RowStatus
    from backprop_cli.compile.adjoint import Pair
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.operations.op import Namespace, Number


class Batch:
    """A program to be evaluated at many points.

    wrt: the inputs to differentiate by.  values: the nodes whose values are wanted beside, by their names.
    order: 2 for second derivatives, too.  outputs: steps whose gradients are wanted.  Both stand behind these
    values, as ``more`` has them.
    """

    def __init__(
        self,
        source: Source,
        wrt: Sequence[str],
        upstream: float,
        values: Sequence[str] = (),
        order: int = 1,
        outputs: Sequence[str] = (),
    ) -> None:
        from backprop_cli.graph.lower import lower_source

        self.source = source
        self.upstream = upstream
        self.wrt = wrt
        self.values = values
        self.graph = lower_source(source)
        self.wanted_nodes = _find_nodes(self.graph, values)
        self.more = tuple(self._more(outputs, order)) if outputs or order > 1 else ()
        self.keys = [key for one in self.more for key in one.keys]
        self.beside = len(self.wanted_nodes) + len(self.keys)
        self._can_kink = any(op is not None and op.kink is not None for op in self.graph.ops)
        self._nothing = [None] * len(self.wrt)
        self._explained: set[str] = set()

    def _more(self, outputs: Sequence[str], order: int) -> Iterator[More]:
        from backprop_cli.batch.more import Outputs, SecondOrder

        if outputs:
            steps = zip(outputs, _find_nodes(self.graph, outputs), strict=True)
            yield Outputs(self.graph, dict(steps), self.wrt)
        if order > 1:
            yield SecondOrder(self.wrt)

    def compute_row(self, row: Row, points: Points) -> RowResult:
        """Return value and gradients at a row of data."""
        try:
            point = points.read(row)
        except InputError as error:
            unknown = [None] * self.beside
            return RowResult(None, self._nothing, BAD_INPUT, message=error.message, values=unknown)
        return self.compute(point)

    def compute(self, point: dict[str, float]) -> RowResult:
        """Return value and gradients at a point, and why, if it is the first of its status."""
        result = self.evaluate(point)
        if result.status in FAULTS and result.status not in self._explained:
            self._explained.add(result.status)
            return result._replace(message=self.explain(point))
        return result

    def evaluate(self, point: dict[str, float]) -> RowResult:
        """Return value and gradients at a point, which are those of ``gradient`` to the bit."""
        sweep = sweep_graph(self.graph, point, self.upstream, FLOAT)
        primal, adjoint = sweep.primal, sweep.adjoint
        value = primal[self.graph.output]
        values = [_known(primal[node]) for node in self.wanted_nodes]
        beside, worst = self._beside(sweep) if self.more else ([], OK)
        values += beside
        if not math.isfinite(value):
            status = NONFINITE if find_failure(sweep)[1] == "overflow" else UNDEFINED
            return RowResult(_known(value), self._nothing, status, values=values)
        kinks = find_kinks(sweep) if self._can_kink else []
        settled = settle_gradients(sweep, kinks, self.wrt)
        gradients = list(gradients_of(sweep, self.wrt, settled).values())
        if not all(map(math.isfinite, gradients)):
            status = UNDEFINED if any(map(math.isnan, gradients)) else NONFINITE
            return RowResult(value, [_known(slope) for slope in gradients], status, values=values)
        status = KINK if any(found.sides for found in settled.values()) else OK
        status = worst if worst != OK else status
        overflows = (math.inf in primal or -math.inf in primal) and any(
            bar is not None and math.isinf(y) for y, bar in zip(primal, adjoint, strict=True)
        )
        return RowResult(value, gradients, status, overflows, values=values)

    def _beside(self, sweep: Sweep) -> tuple[list[float | None], RowStatus]:
        """Return the numbers beside the gradient where there is a value, and the worst that they come to."""
        if not math.isfinite(sweep.primal[self.graph.output]):
            return [None] * len(self.keys), OK
        numbers: list[float | None] = []
        statuses = set()
        for one in self.more:
            found, status = one.at(sweep)
            numbers += found
            statuses.add(status)
        return numbers, next((status for status in (UNDEFINED, NONFINITE, KINK) if status in statuses), OK)

    def trace(self, sweep: Sweep, m: Namespace) -> dict[Pair, Number]:
        """Return what is beside the gradient in the numbers of a sweep, but for what is 0 everywhere."""
        return {key: x for one in self.more for key, x in one.trace(sweep, m).items()}

    def explain(self, point: dict[str, float]) -> str:
        """Return what ``gradient`` says of a point without a result."""
        from backprop_cli.differentiate import differentiate_graph

        try:
            report = differentiate_graph(
                self.source, self.graph, point, self.wrt, upstream=self.upstream, check=False
            )
        except BackpropError as error:
            return error.message
        missing = undefined_gradients(report)
        if missing is None and self.more:
            return self._explain_beside(sweep_graph(self.graph, point, self.upstream, FLOAT))
        assert missing is not None
        return missing.message

    def _explain_beside(self, sweep: Sweep) -> str:
        """Return what is wrong with the first number beside the gradient that is not finite."""
        told = ""
        for one in self.more:
            numbers, status = one.at(sweep)
            pairs = zip(one.keys, numbers, strict=True)
            lost = [key for key, x in pairs if x is None or not math.isfinite(x)]
            if lost and status in (UNDEFINED, NONFINITE):
                return one.explain(lost[0])
            told = told or (one.explain(lost[0]) if lost else "")
        return told


def _known(x: float) -> float | None:
    return None if math.isnan(x) else x


def _find_nodes(graph: Graph, names: Sequence[str]) -> list[int]:
    """Return the nodes of these names: those of the program, or v1, v2, …  Raises InputError."""
    if not names:
        return []
    naming = Naming(graph)
    nodes = {alias: node for node in naming.order for alias in (naming.id(node), *naming.aliases(node))}
    for name in names:
        if name not in nodes:
            raise InputError(
                f"the program has no step {name}",
                hint=did_you_mean(name, nodes) or f"its steps are {listing(list(nodes))}",
            )
    return [nodes[name] for name in names]
