"""The records of an uncertainty budget. Plain data: rendering only reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.record import Record

if TYPE_CHECKING:
    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.report import Check

Pair = tuple[str, str]


class Quantity(Record):
    """An estimate and its standard uncertainty, 0 for what is exact.

    dof: the degrees of freedom of the uncertainty, infinite where it is taken as known.
    """

    estimate: float
    uncertainty: float = 0.0
    dof: float = math.inf


class Part(Record):
    """What one uncertain input brings to the uncertainty of the output.

    sensitivity: ∂output/∂input, NaN where there is none.  contribution: |sensitivity| times the uncertainty.
    share: of the variance to first order; None where that is 0 or not known.
    at_kink: the output has no slope by this input; left, right: those on each side, as in a check's records.
    """

    quantity: Quantity
    sensitivity: float
    contribution: float
    share: float | None = None
    at_kink: bool = False
    left: float | None = None
    right: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether first order says what the input contributes."""
        return math.isfinite(self.contribution)


class Coverage(Record):
    """An interval that is to hold the value with a probability: value ± expanded.

    percent: the probability.  factor: expanded = factor · uncertainty.  dof: what Student's distribution is
    taken with; infinite for the normal one.
    """

    percent: float
    factor: float
    expanded: float
    dof: float


class SecondOrder(Record):
    """What second derivatives add, for normal inputs.

    uncertainty: to second order.  shift: of the mean against the value at the estimates.
    leading: the input that adds most; "" where nothing is added.
    """

    uncertainty: float
    shift: float
    leading: str


class Samples(Record):
    """The output at random points: normal inputs, correlated as they are.

    count: the points; missing: those where the program has no finite value, which the rest leaves out.
    low, high: the ends of the shortest interval that holds so many percent of the values.
    """

    count: int
    seed: int
    missing: int
    mean: float
    deviation: float
    low: float
    high: float
    percent: float


class BudgetReport(Record):
    """The uncertainty of the output of a program, and where it comes from.

    parts: those of uncertain inputs.  exact: the inputs without uncertainty.
    uncertainty: to first order; None where an input has no finite slope.  correlations: pairs of inputs;
    correlated: the share of the variance that they make up, None where there is none to be had.
    dof: the effective degrees of freedom; None where correlations leave none to be had.
    second: None where there is none to be had, then with why.  samples: None where none were asked for.
    """

    program: str
    inputs: dict[str, float]
    output: str
    value: float
    parts: dict[str, Part]
    exact: tuple[str, ...]
    uncertainty: float | None
    dof: float | None
    coverage: Coverage | None
    check: Check
    correlations: dict[Pair, float]
    correlated: float | None = None
    second: SecondOrder | None = None
    no_second: str = ""
    samples: Samples | None = None
    warnings: tuple[Diagnostic, ...] = ()
    read_as: str = ""
