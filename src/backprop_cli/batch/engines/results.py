"""What rows come to, in columns."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
_SHORT = 1 << 18
# Some µs of work: memory that begins at a line of the cache would save less than it takes to find it.
_FEW = 1 << 12
_address, _from_buffer = ctypes.addressof, ctypes.c_char.from_buffer


@dataclass(slots=True)
class Results:
    """What rows come to, in arrays of one length.

    gradients: in the order of the wanted inputs.  values: of the wanted nodes, then what else is asked for
    beside the gradient.  Numbers that do not exist are
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
        """Return results that are still to be filled in, but for the status, which is ok."""
        first = 1 + len(batch.wrt)
        numbers = _empty_columns(first + batch.beside, count)
        return cls(numbers[0], numbers[1:first], numbers[first:], np.zeros(count, np.uint8))

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


def _empty_columns(number: int, count: int) -> list[Floats]:
    """Return arrays of a length; of all but many rows in one piece of memory, which takes less time."""
    if count > _SHORT:
        return [empty_aligned(count) for _ in range(number)]
    if count <= _FEW:
        return [*np.empty((number, count))]
    step = -(-count // (LINE // 8)) * (LINE // 8)
    return [*empty_aligned(number * step).reshape(number, step)[:, :count]]


def address_of(array: NDArray[Any]) -> int:
    """Return where in memory an array begins, in a quarter of the time of its attribute where it can be."""
    try:
        return _address(_from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, with gaps, or empty
        return array.ctypes.data


def empty_aligned(count: int) -> Floats:
    """Return an array of doubles that begins where a line of the cache does."""
    longer = np.empty(count + LINE // 8)
    start = -address_of(longer) % LINE // 8
    return longer[start : start + count]


def is_aligned(array: Floats) -> bool:
    """Tell whether an array begins where a line of the cache does, without gaps."""
    return bool(array.flags.c_contiguous) and array.ctypes.data % LINE == 0
