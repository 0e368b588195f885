"""Results summed over rows, without rounding on the way: the same in any order, on any number of threads."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from backprop_cli.batch.tally import FAULTS, KINK, OK, STATUSES, RowResult
from backprop_cli.errors import InputError
from backprop_cli.record import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BITS = 53
_LOW = 26
_SMALLEST = 1074
"""The least double is 2**-1074."""


class Reduction(Word):
    """What becomes of the rows: one row with their sum, or their mean."""

    SUM = "sum"
    MEAN = "mean"


class ExactSum:
    """A sum of doubles: whole multiples of powers of two, by their exponents."""

    def __init__(self) -> None:
        self._parts: Counter[int] = Counter()
        self._is_lost = False

    def add(self, x: float) -> None:
        """Add a number; with one that is not finite there is no sum."""
        if not math.isfinite(x):
            self._is_lost = True
            return
        mantissa, exponent = math.frexp(x)
        self._parts[exponent] += int(mantissa * 2.0**_BITS)

    def add_array(self, xs: NDArray[Any]) -> None:
        """Add up to 2**26 numbers at once."""
        import numpy as np

        if not np.isfinite(xs).all():
            self._is_lost = True
            return
        mantissas, exponents = np.frexp(xs)
        whole = (mantissas * 2.0**_BITS).astype(np.int64)
        high = whole >> _LOW  # 27 bits and the sign: 2**26 of them add up exactly in doubles
        places, least = exponents - exponents.min(initial=0), int(exponents.min(initial=0))
        highs = np.bincount(places, high)
        lows = np.bincount(places, whole - (high << _LOW))
        for place in np.flatnonzero((highs != 0) | (lows != 0)).tolist():
            self._parts[least + place] += (int(highs[place]) << _LOW) + int(lows[place])

    def value(self, over: int = 1) -> float:
        """Return the sum, over a number of rows, rounded once; infinite beyond doubles, NaN for none."""
        if self._is_lost:
            return math.nan
        total = sum(part << (exponent + _SMALLEST) for exponent, part in self._parts.items())
        try:
            return total / (over << (_SMALLEST + _BITS))
        except OverflowError:
            return math.inf if total > 0 else -math.inf


class Reducer:
    """Takes the results of rows, and has those of their sum or mean.

    A row without a result leaves the whole without one, unless such rows are skipped.
    """

    def __init__(self, reduction: Reduction, count: int, *, skips: bool) -> None:
        """count: of the numbers of a row.  skips: whether rows without a result are left out."""
        self._reduction = reduction
        self._sums = [ExactSum() for _ in range(count)]
        self._skips = skips
        self._statuses: Counter[str] = Counter()

    def add(self, result: RowResult) -> None:
        """Add the results of a row."""
        self._statuses[result.status] += 1
        if result.status not in FAULTS:
            for total, x in zip(self._sums, (result.value, *result.gradients, *result.values), strict=True):
                total.add(math.nan if x is None else x)

    def add_columns(self, numbers: Sequence[NDArray[Any]], statuses: NDArray[Any]) -> None:
        """Add those of many. statuses: as indices into ``STATUSES``."""
        is_good = statuses < min(map(STATUSES.index, FAULTS))
        for code, status in enumerate(STATUSES):
            self._statuses[status] += int((statuses == code).sum())
        for total, xs in zip(self._sums, numbers, strict=True):
            total.add_array(xs[is_good])

    def result(self, gradients: int) -> RowResult:
        """Return what the rows come to. gradients: how many of the numbers behind the value are such.

        Raises InputError for the mean of no rows.
        """
        rows = self._statuses[OK] + self._statuses[KINK]
        fault = next((status for status in FAULTS if self._statuses[status]), None)
        if self._reduction is Reduction.MEAN and not rows and fault is None:
            raise InputError("there are no rows to take the mean of")
        numbers: list[float | None]
        if fault is not None and not (self._skips and rows):
            status, numbers = fault, [None] * len(self._sums)
        else:
            over = rows if self._reduction is Reduction.MEAN else 1
            status = KINK if self._statuses[KINK] else OK
            numbers = [None if math.isnan(x) else x for x in (total.value(over) for total in self._sums)]
        return RowResult(numbers[0], numbers[1 : 1 + gradients], status, values=numbers[1 + gradients :])
