"""A column judged, a frame at a time.

A row that is off in doubles is computed once more in many digits, as long as these are few; either number may
meet what is expected. What is behind the rows that are off is found for all of them, in bounded memory: every
row has a signature, the mistakes that would lead to its number, and rows of one signature are a region.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.points import CLAIMED, HALF
from backprop_cli.batch.tally import OK, STATUSES, place_of
from backprop_cli.expect.claim import compare
from backprop_cli.expect.columns import ColumnVerdict, Example, Slip
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.defaults import ATOL_AT_ZERO
from backprop_cli.expect.diagnose import find_causes
from backprop_cli.expect.expectations import GRADIENT
from backprop_cli.expect.rows.mistakes import (
    COARSE,
    ROUNDED,
    SAME,
    Off,
    explanations,
    find_signatures,
    list_mistakes,
)
from backprop_cli.expect.rows.regions import Region, merged, parting
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.bounded import bounded_floats, bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.tally import Start
    from backprop_cli.expect.columns import ColumnClaim, Tolerance
    from backprop_cli.expect.rows.numbers import Numbers

_OK = STATUSES.index(OK)
# Nodes swept in many digits for the rows that are off in doubles.
_MOST_SWEPT = 2_000
_MOST_SIGNATURES = 200
"""More kinds of rows are one, which nothing explains."""


class Judge:
    """Judges a column, a frame at a time."""

    def __init__(
        self,
        claim: ColumnClaim,
        tolerance: Tolerance,
        batch: Batch,
        points: Points,
        steps: Sequence[str],
        starts: Sequence[Start] = (),
    ) -> None:
        self.claim = claim
        self.tolerance = tolerance
        self._batch = batch
        self._points = points
        self._starts = starts
        self._inputs = list(points.inputs)
        self._names = [*self._inputs, *steps]
        self._coarse = tolerance.rtol > COARSE or tolerance.as_written
        self._mistakes = list_mistakes(
            claim.name if claim.of == GRADIENT else "",
            batch.wrt,
            self._names,
            batch.upstream,
            coarse=self._coarse,
        )
        self._rows = self._off = self._confirmed = self._lost = 0
        self._budget = max(1, _MOST_SWEPT // max(1, batch.graph.end))
        self._met = Region(len(self._names))
        self._regions: dict[int, Region] = {}
        self._worst: dict[int, tuple[float, Example]] = {}
        self._earliest: dict[int, Example] = {}

    def add(self, numbers: Numbers) -> None:
        """Judge the rows of a frame."""
        claim, column = self.claim, CLAIMED + self.claim.column
        expected = numbers.columns[column]
        got = numbers.gradients[claim.name] if claim.of == GRADIENT else numbers.values[claim.name]
        self._rows += len(got)
        with np.errstate(all="ignore"):
            allowed = self._allowed(got, expected, numbers.columns.get(HALF + column))
            is_off = ~(np.abs(got - expected) <= allowed)
        for place in np.flatnonzero(is_off)[: self._budget].tolist():
            self._budget -= 1
            point = self._point(numbers, place)
            if numbers.status[place] != _OK or self._is_at_kink(point):
                continue
            if self._is_met_exactly(point, float(expected[place]), float(allowed[place])):
                is_off[place] = False
                self._lost += 1
            else:
                self._confirmed += 1
        self._met.add(numbers.rows[~is_off], self._quantities(numbers, ~is_off))
        self._met.widen([numbers.idle[name] for name in self._names])
        if is_off.any():
            self._add_off(numbers, is_off, got, expected, allowed)

    def _add_off(
        self, numbers: Numbers, is_off: NDArray[np.bool_], got: Floats, expected: Floats, allowed: Floats
    ) -> None:
        places = np.flatnonzero(is_off)
        self._off += len(places)
        got, expected, allowed = got[places], expected[places], allowed[places]
        with np.errstate(all="ignore"):
            larger = np.fmax(np.abs(got), np.abs(expected))
            values = {name: x[places] for name, x in numbers.quantities.items()}
            gradients = {name: x[places] for name, x in numbers.gradients.items()}
            kinks = numbers.status[places] != _OK
            rows = Off(got, expected, np.fmax(allowed, SAME * larger), values, gradients, kinks)
            signatures = find_signatures(self._mistakes, rows, coarse=self._coarse)
            # A row without a number differs most.
            relative = np.nan_to_num(np.abs(got - expected) / larger, nan=np.inf)
        for signature in np.unique(signatures).tolist():
            some = np.flatnonzero(signatures == signature)
            key = signature if signature in self._regions or len(self._regions) < _MOST_SIGNATURES else 0
            region = self._regions.setdefault(key, Region(len(self._names)))
            chosen = places[some]
            region.add(numbers.rows[chosen], self._quantities(numbers, chosen))
            worst = some[int(relative[some].argmax())]
            if key not in self._worst or relative[worst] > self._worst[key][0]:
                example = self._example(numbers, int(places[worst]), got[worst], expected[worst])
                self._worst[key] = float(relative[worst]), example
            if key not in self._earliest:
                example = self._example(numbers, int(chosen[0]), got[some[0]], expected[some[0]])
                self._earliest[key] = example

    def _allowed(self, got: Floats, expected: Floats, halves: Floats | None) -> Floats:
        absolute: Floats | float
        if self.tolerance.atol is None:
            absolute = np.where(expected == 0, ATOL_AT_ZERO, 0.0)
        else:
            absolute = self.tolerance.atol
        allowed = np.fmax(self.tolerance.rtol * np.fmax(np.abs(got), np.abs(expected)), absolute)
        return np.fmax(allowed, halves) if self.tolerance.as_written and halves is not None else allowed

    def _quantities(self, numbers: Numbers, which: NDArray[np.bool_] | NDArray[np.intp]) -> list[Floats]:
        return [numbers.quantities[name][which] for name in self._names]

    def _point(self, numbers: Numbers, place: int) -> dict[str, float]:
        return {name: float(numbers.quantities[name][place]) for name in self._inputs}

    def _example(self, numbers: Numbers, place: int, got: float, expected: float) -> Example:
        row = int(numbers.rows[place])
        return Example(row, self._point(numbers, place), float(expected), float(got))

    # ---- in many digits ----

    @property
    def _node(self) -> int:
        graph = self._batch.graph
        if self.claim.of == GRADIENT:
            return graph.inputs[self.claim.name]
        if not self.claim.name:
            return graph.output
        return self._batch.wanted_nodes[list(self._batch.values).index(self.claim.name)]

    def _is_at_kink(self, point: dict[str, float]) -> bool:
        """Tell whether the gradient is a convention here, or found from both sides."""
        return bool(find_kinks(sweep_graph(self._batch.graph, point, self._batch.upstream, FLOAT)))

    def _is_met_exactly(self, point: dict[str, float], expected: float, allowed: float) -> bool:
        if not math.isfinite(expected):
            return False
        criteria = Criteria(0.0, allowed)
        for m in (bounded_floats(), *map(bounded_reals, LADDER)):
            sweep = sweep_graph(self._batch.graph, point, self._batch.upstream, m)
            got = sweep.gradient(self._node, m) if self.claim.of == GRADIENT else sweep.primal[self._node]
            decided = compare((got, m.number(expected)), criteria)
            if decided:
                return decided == Outcome.PASS
        return bool((got - m.number(expected)).is_rounding)

    # ---- the verdict ----

    def verdict(self) -> ColumnVerdict:
        """Return what came of all rows."""
        slips = sorted(self._slips(), key=lambda slip: (-slip.rows, slip.first))
        return ColumnVerdict(
            self.claim, self.tolerance, self._rows, self._off, self._confirmed, self._lost, tuple(slips)
        )

    def _slips(self) -> Iterator[Slip]:
        """Yield what explains most rows, then most of the others, until nothing explains more."""
        left = dict(self._regions)
        known = {signature: explanations(signature, self._mistakes) for signature in left}
        while left:
            counts: dict[str, int] = {}
            for mistake in self._mistakes:  # of equals the likeliest
                counts[mistake.text] = 0
            for signature, region in left.items():
                for text in known[signature]:
                    counts[text] = counts.get(text, 0) + region.rows
            text = max(counts, key=lambda text: counts[text])
            found = [s for s in left if text in known[s]] if counts[text] else list(left)
            yield self._slip(found, text if counts[text] else "")
            for signature in found:
                del left[signature]

    def _slip(self, signatures: Sequence[int], text: str) -> Slip:
        size = len(self._names)
        inside = merged((self._regions[s] for s in signatures), size)
        others = (region for s, region in self._regions.items() if s not in signatures)
        where = parting(inside, merged((self._met, *others), size), self._texts())
        relative, worst = max((self._worst[s] for s in signatures), key=lambda pair: (pair[0], -pair[1].row))
        diagnosis = self._rounded(relative) if text == ROUNDED else text or self._unexplained(signatures)
        return Slip(inside.rows, inside.first, inside.last, diagnosis, where, worst)

    def _rounded(self, relative: float) -> str:
        digits = math.floor(-math.log10(relative))
        digits -= 10.0**-digits < relative
        return f"equal to {digits} digits; --rtol {self.claim.target}=1e-{digits} accepts that"

    def _unexplained(self, signatures: Sequence[int]) -> str:
        """Return what can be said of rows that no mistake explains all of: the cause in the first."""
        example = min((self._earliest[s] for s in signatures), key=lambda example: example.row)
        graph = self._batch.graph
        sweep = sweep_graph(graph, example.inputs, self._batch.upstream, FLOAT)
        causes = find_causes(sweep, Naming(graph), self._node, self.claim.of, example.got, example.expected)
        told = next(iter(causes.values()), "")
        return f"in row {place_of(example.row, self._starts)}: {told}" if told else ""

    def _texts(self) -> list[str]:
        """Return how quantities are told: a step without a name by its expression."""
        graph = self._batch.graph
        naming = Naming(graph)
        nodes = {naming.id(node): node for node in naming.order}
        return [
            naming.expression(nodes[name])
            if name in nodes and graph.ops[nodes[name]] and not naming.is_named(nodes[name])
            else name
            for name in self._names
        ]
