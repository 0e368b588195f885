"""The records of a fit. Plain data: rendering only reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.record import Record, Word

if TYPE_CHECKING:
    from backprop_cli.curves.report import Curve


class Outcome(Word):
    """What a fit came to.

    CONVERGED: a further step moves no parameter by a millionth of its error, or by rounding alone.
    EXACT: the formula goes through all points, to within rounding.  UNDETERMINED: the data can't tell some
    parameters.  KINK: some rows have no derivative there.  OPEN: none of these.
    """

    CONVERGED = "converged"
    EXACT = "exact"
    UNDETERMINED = "undetermined"
    KINK = "kink"
    OPEN = "open"


class Role(Word):
    """How a parameter was found.

    LINEAR: it is one of those in which the formula is linear, which need no start.  FREE: from a start on.
    FIXED: it was given.  LOWER, UPPER: a bound holds it.
    """

    LINEAR = "linear"
    FREE = "free"
    FIXED = "fixed"
    LOWER = "at its lower bound"
    UPPER = "at its upper bound"


class Parameter(Record):
    """A parameter of a fit.

    error: its standard error, None where that can't be known.  low, high: the interval of 95 %.
    start: where the best descent began, None for one that needs no start.  chosen: whether nobody gave that.
    """

    name: str
    estimate: float
    role: Role
    error: float | None = None
    low: float | None = None
    high: float | None = None
    start: float | None = None
    chosen: bool = False


class Prediction(Record):
    """The formula at a row, with its standard error and interval of 95 %; None where it has no value.

    point: the columns of the row.  note: why it has none.
    """

    point: dict[str, float]
    value: float | None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Enclosed(Record):
    """A parameter of a proved minimum: between these doubles, so far from the estimate at most."""

    name: str
    low: float
    high: float
    within: float


class Certificate(Record):
    """The proof that a strict local minimum of the sum of squares lies beside the estimates.

    enclosed: every parameter that no bound holds.  reason: why nothing is proved, "" where it is.
    """

    enclosed: tuple[Enclosed, ...] = ()
    reason: str = ""


class Drawn(Record):
    """What a picture of a fit shows.

    axis: the column along which rows stand, "" where the formula reads several: then it is what the formula
    says.  rows: place, left side and residual, of so many rows that all can be seen.  curve: the formula over
    the column, None where that is one place alone, or there are several columns.
    """

    axis: str
    rows: tuple[tuple[float, float, float], ...]
    curve: Curve | None


class Fit(Record):
    """A formula fitted to rows of data.

    columns: those that it reads.  found: the names of the rows and columns of ``covariance``, in order, which
    is None where errors can't be known.  offset: how far a step of Gauss-Newton would move a parameter at
    most, in units of its error.  rss: the sum of the squares of the residuals, each divided by its
    sigma where there is one.  sigma: what that is, "" for none.  scaled: whether the errors are scaled by the
    residuals; else sigma is taken as it is.  probability: of a larger chi-squared, where sigma is so taken.
    largest: the largest residual, and ``row`` where it is.  useless: parameters that change no row.
    kinks: how many rows have no derivative at this point, ``kink`` the first.
    together: parameters of which the data knows a combination alone.  starts: how many descents began, and
    ``agreed`` how many of them ended at the least sum over the ``tried`` rows.  interrupted: by Ctrl-C, at
    the best point so far.  skipped: rows left out.  read_as: as in Report.
    drawn: for a picture, where one is asked for.  certificate: where that is asked for.
    """

    formula: str
    columns: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outcome: Outcome
    rows: int
    dof: int
    rss: float
    found: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...] | None = None
    offset: float = math.inf
    sigma: str = ""
    scaled: bool = True
    probability: float | None = None
    largest: float = 0.0
    row: int = 0
    useless: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    kinks: int = 0
    kink: int = 0
    starts: int = 1
    agreed: int = 1
    tried: int = 0
    evaluations: int = 0
    interrupted: bool = False
    skipped: int = 0
    read_as: str = ""
    predictions: tuple[Prediction, ...] = ()
    drawn: Drawn | None = None
    certificate: Certificate | None = None

    @property
    def estimates(self) -> dict[str, float]:
        """Every parameter with its number."""
        return {parameter.name: parameter.estimate for parameter in self.parameters}

    @property
    def looked_for(self) -> dict[str, float]:
        """The parameters that are not fixed, with their numbers."""
        return {p.name: p.estimate for p in self.parameters if p.role is not Role.FIXED}

    @property
    def errors(self) -> dict[str, float | None]:
        """The standard error of every parameter, None where it has none."""
        return {parameter.name: parameter.error for parameter in self.parameters}
