"""Rows drawn at random, and computed once more by themselves, with the check of sympy."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.batch.tally import BAD_INPUT, FAULTS, OK, place_of
from backprop_cli.findings.confirmation import unconfirmed
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.bounded import bounded_floats
from backprop_cli.report import FEW_DIGITS, Outcome
from backprop_cli.text import few_digits, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.tally import RowResult, Start
    from backprop_cli.report import Check


class Drawn(NamedTuple):
    """A row of the sample: its number, its point, what it came to."""

    number: int
    point: dict[str, float]
    result: RowResult


def choose_seed() -> int:
    """Return a seed that is easy to type."""
    return random.SystemRandom().randrange(1_000_000)


class Sample:
    """Draws ``size`` of all rows, each with the same chance, without knowing how many there will be.

    Between two rows that it takes it need not look at any.
    Source: Li, Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), 1994, algorithm L.
    """

    def __init__(self, size: int, seed: int, part: str = "") -> None:
        """part: of the rows that are drawn from, "" for all of them."""
        self.size = size
        self.seed = seed
        self.rows: list[Drawn] = []
        self._random = random.Random(f"{seed} {part}" if part else seed)
        self._weight = 1.0
        self._next = 0
        self._seen = 0

    def places(self, count: int) -> Iterator[int]:
        """Yield which of the next ``count`` rows are to be offered to ``take``."""
        start, self._seen = self._seen, self._seen + count
        while self._next < self._seen:
            yield self._next - start
            self._next += 1
            if self._next >= self.size:
                self._weight *= self._chance() ** (1 / self.size)
                self._next += math.floor(math.log(self._chance()) / math.log1p(-self._weight))

    def take(self, number: int, read_point: Callable[[], dict[str, float]], result: RowResult) -> None:
        """Take the row of this number, in place of any other once there are enough."""
        point = {} if result.status == BAD_INPUT else read_point()
        if len(self.rows) < self.size:
            self.rows.append(Drawn(number, point, result))
        else:
            self.rows[self._random.randrange(self.size)] = Drawn(number, point, result)

    def _chance(self) -> float:
        return 1.0 - self._random.random()  # never 0


# Both sides may be off by 4 ulp per operation, which is 8 times the error bound of exact rounding.
_SLACK = 4.0
_TINIEST = 2.0**-1060  # where numbers lose digits towards 0, a bound relative to them says nothing


class Comparison(NamedTuple):
    """What came of a sample.

    checked: how many rows were computed once more.  differences: where a result is another.  poor: where it
    is the same, but has few right digits.  unconfirmed: where value or gradients are not confirmed with 12.
    uncompared: where sympy can say nothing: rows without a value, and those at a kink.
    """

    checked: int
    differences: list[str]
    poor: list[str]
    unconfirmed: list[str]
    uncompared: list[str]


def find_disagreements(sample: Sample, batch: Batch, starts: Sequence[Start] = ()) -> Comparison:
    """Compute the rows of a sample as ``grad`` does.

    Rows that are not ok, or at a kink, are compared by their status.
    starts: the files that the rows are of, () for a single one.
    """
    rows = [row for row in sorted(sample.rows, key=lambda row: row.number) if row.result.status != BAD_INPUT]
    found = Comparison(len(rows), [], [], [], [])
    for row in rows:
        for told, what in zip(found[1:], _compare(row, batch), strict=True):
            told.extend(f"row {place_of(row.number, starts)}: {what}" for _ in range(bool(what)))
    return found


def _compare(row: Drawn, batch: Batch) -> tuple[str, str, str, str]:
    """Return where a row differs from itself computed alone, and what is to be said of it in ``Comparison``.

    Each is "" where there is nothing to tell.
    """
    from backprop_cli.differentiate import differentiate_graph

    single = batch.evaluate(row.point)
    if row.result.status != single.status:
        return f"its status is {row.result.status!r}, by itself {single.status!r}", "", "", ""
    if single.status in FAULTS:
        return "", "", "", single.status
    report = differentiate_graph(
        batch.source, batch.graph, row.point, batch.wrt, upstream=batch.upstream, check=True
    )
    if report.check.status == Outcome.FAIL:
        return f"sympy has {'another value' if report.check.reason else 'other gradients'}", "", "", ""
    difference = _unequal(row.result, single, batch, row.point) if single.status == OK else ""
    if difference:
        return difference, "", "", ""
    missing = unconfirmed(report)
    skipped = report.check.reason if report.check.status == Outcome.SKIPPED else ""
    return "", _few_digits(report.check), missing.message if missing else "", skipped


def _few_digits(check: Check) -> str:
    """Tell which results have few right digits, in doubles by whatever engine."""
    digits = {"the value": check.value_digits}
    digits |= {
        f"the gradient with respect to {name}": found.digits for name, found in check.gradients.items()
    }
    poor = {what: count for what, count in digits.items() if count is not None and count < FEW_DIGITS}
    if not poor:
        return ""
    fewest = min(poor.values())
    return f"{few_digits(fewest)} of {listing(list(poor))} {'is' if fewest < 2 else 'are'} right"


def _unequal(result: RowResult, single: RowResult, batch: Batch, point: dict[str, float]) -> str:
    """Return the first result that is another than that of the row computed alone, beyond rounding."""
    floats = bounded_floats()
    sweep = sweep_graph(batch.graph, point, batch.upstream, floats)
    primal, inputs = sweep.primal, batch.graph.inputs
    numbers = [
        ("the value", result.value, single.value, primal[batch.graph.output]),
        *(
            (f"the gradient with respect to {name}", got, slope, sweep.gradient(inputs[name], floats))
            for name, got, slope in zip(batch.wrt, result.gradients, single.gradients, strict=True)
        ),
        *(
            (f"the value of {name}", got, value, primal[node])
            for name, got, value, node in zip(
                batch.values, result.values, single.values, batch.wanted_nodes, strict=False
            )
        ),
    ]
    for what, got, expected, bounded in numbers:
        within = 2.0 ** min(bounded.error + _SLACK, 1023.0) + _TINIEST
        if not (
            got == expected or (got is not None and expected is not None and abs(got - expected) <= within)
        ):
            return f"{what} is {got}, by itself {expected}"
    return ""
