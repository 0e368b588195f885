"""When two numbers are equal."""

from __future__ import annotations

from backprop_cli.expect.defaults import POINTS, RTOL, SEED
from backprop_cli.record import Record


class Criteria(Record):
    """When two numbers are equal, and where formulas are compared.

    rtol: relative to the larger of the two.  atol: absolute; None for ATOL_AT_ZERO where 0 is expected, and 0
    elsewhere, so that a tiny gradient is not taken for another tiny one.
    points: how many further points a formula is compared at that sympy can't settle; 0: the given one alone.
    seed: of these points.
    as_written: whether a number with a decimal point is met within half a unit of its last decimal.
    """

    rtol: float = RTOL
    atol: float | None = None
    points: int = POINTS
    seed: int = SEED
    as_written: bool = False


DEFAULT = Criteria()
