"""What rows come to, in columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from backprop_cli.batch.tally import FAULTS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.program import Batch

Floats = NDArray[np.float64]

_FIRST_FAULT = min(map(STATUSES.index, FAULTS))

LINE = 64
"""The bytes of a line of the cache."""


@dataclass(slots=True)
class Results:
    """What rows come to, in arrays of one length.

    gradients: in the order of the wanted inputs.  values: of the wanted nodes.  Numbers that do not exist are
    NaN.  status: indices into ``STATUSES``.  overflowing: the rows where a value on the way is infinite
    though the result is not.
    """

    value: Floats
    gradients: Sequence[Floats]
    values: Sequence[Floats]
    status: NDArray[np.uint8]
    overflowing: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, batch: Batch, count: int) -> Results:
        """Return results that are still to be filled in."""
        return cls(
            empty_aligned(count),
            [empty_aligned(count) for _ in batch.wrt],
            [empty_aligned(count) for _ in batch.wanted_nodes],
            np.empty(count, np.uint8),
        )

    def numbers(self) -> list[Floats]:
        """Return all columns of numbers, in the order in which they are written."""
        return [self.value, *self.gradients, *self.values]

    def part(self, rows: slice) -> Results:
        """Return some of the rows, in the same memory."""
        return Results(
            self.value[rows],
            [gradient[rows] for gradient in self.gradients],
            [value[rows] for value in self.values],
            self.status[rows],
        )

    def has_faults(self) -> bool:
        """Tell whether there is a row that is neither ok nor at a kink."""
        return bool(self.status.size) and int(self.status.max()) >= _FIRST_FAULT


def empty_aligned(count: int) -> Floats:
    """Return an array of doubles that begins where a line of the cache does."""
    longer = np.empty(count + LINE // 8)
    start = -longer.ctypes.data % LINE // 8
    return longer[start : start + count]


def is_aligned(array: Floats) -> bool:
    """Tell whether an array begins where a line of the cache does, without gaps."""
    return bool(array.flags.c_contiguous) and array.ctypes.data % LINE == 0
