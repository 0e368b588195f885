"""Rows that have something in common, in bounded memory: which they are, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.tally import FEW
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats

_ENOUGH = 3
"""Of fewer rows a bound that happens to part them from others says nothing."""


class Region:
    """Some rows: how many, the first few and the last of their numbers, and the ranges of some quantities."""

    def __init__(self, quantities: int) -> None:
        self.rows = 0
        self.first: tuple[int, ...] = ()
        self.last = 0
        self.low = np.full(quantities, np.inf)
        self.high = np.full(quantities, -np.inf)

    def add(self, rows: NDArray[np.int64], quantities: Sequence[Floats]) -> None:
        """Add rows by their numbers, behind all others. quantities: NaN where a row has none."""
        if not len(rows):
            return
        self.rows += len(rows)
        self.first = (*self.first, *map(int, rows[: FEW - len(self.first)]))
        self.last = int(rows[-1])
        self.widen(quantities)

    def widen(self, quantities: Sequence[Floats]) -> None:
        """Take in the quantities of rows that are not counted."""
        for place, numbers in enumerate(quantities):
            self.low[place] = np.fmin.reduce(numbers, initial=self.low[place])
            self.high[place] = np.fmax.reduce(numbers, initial=self.high[place])


def merged(regions: Iterable[Region], quantities: int) -> Region:
    """Return the rows of several regions as one."""
    whole = Region(quantities)
    for region in regions:
        whole.rows += region.rows
        whole.first = tuple(sorted({*whole.first, *region.first}))[:FEW]
        whole.last = max(whole.last, region.last)
        whole.low = np.fmin(whole.low, region.low)
        whole.high = np.fmax(whole.high, region.high)
    return whole


def parting(inside: Region, outside: Region, names: Sequence[str]) -> str:
    """Return what is true of all rows of one region and of no row of another: "x < 0"; "" for nothing told.

    A sign says more than a bound that is read off the data.
    """
    if not (inside.rows and outside.rows):
        return ""
    bounds = (x.tolist() for x in (inside.low, inside.high, outside.low, outside.high))
    lines = list(zip(names, *bounds, strict=True))
    for name, low, high, other_low, other_high in lines:
        if low > high:
            continue
        if high < 0 <= other_low:
            return f"{name} < 0"
        if high <= 0 < other_low:
            return f"{name} <= 0" if low < 0 else f"{name} = 0"
        if low > 0 >= other_high:
            return f"{name} > 0"
        if low >= 0 > other_high:
            return f"{name} >= 0" if high > 0 else f"{name} = 0"
    for name, low, high, other_low, other_high in lines if inside.rows >= _ENOUGH else ():
        if low <= high < other_low < np.inf:
            return f"{name} < {number_text(_between(high, other_low), None)}"
        if -np.inf < other_high < low <= high:
            return f"{name} > {number_text(-_between(-low, -other_high), None)}"
    return ""


def _between(low: float, high: float) -> float:
    """Return a short number above one and up to another."""
    for digits in range(1, 17):
        for number in (float(f"{(low + high) / 2:.{digits}g}"), float(f"{high:.{digits}g}")):
            if low < number <= high:
                return number
    return high
