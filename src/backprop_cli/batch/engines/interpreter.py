"""The engine of NumPy: a kernel instruction by instruction over blocks of rows that stay in the cache.

Every function writes into a buffer that is there already, so that nothing is allocated for a block and no
page is touched for the first time. NumPy notices overflow, underflow, division by zero and invalid
operations by the processor's own flags, at no cost: a block without any is right, and a block with one is
looked at again.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch.engines.namespace import FUNCTIONS
from backprop_cli.compile.registers import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.batch.engines.namespace import Array
    from backprop_cli.compile.kernel import Kernel

# Where these underflow, 0 or a subnormal number is the right result.
_UNDERFLOW_RIGHTLY = frozenset(("exp", "erfc"))
_NEVER_UNDERFLOW = CONDITIONS | {"add", "sub", "neg", "abs", "sign", "floor", "ceil", "max", "min", "where"}
_SMALLEST_NORMAL = np.finfo(np.float64).smallest_normal

# From 10,000 numbers on the products of BLAS start threads of their own.
_MOST_FOR_BLAS = 8192


def _is_finite(numbers: Array) -> bool:
    """Tell whether all numbers are finite, and no square overflows: twice as fast as np.isfinite(…).all()."""
    return all(
        math.isfinite(np.dot(part, part))
        for part in (numbers[i : i + _MOST_FOR_BLAS] for i in range(0, len(numbers), _MOST_FOR_BLAS))
    )


class _Plan(NamedTuple):
    """Where the registers of a kernel are: in buffers, then numbers, then the outputs, then the columns.

    buffers: for each whether it holds truth values.  numbers: those that instructions work on.  steps: name,
    function, what picks its arguments and its result from there.  copies: (output, place) for outputs that
    are no result of their own.  suspect: the place of that register.
    """

    buffers: list[bool]
    numbers: list[float]
    steps: list[tuple[str, Callable[..., Array], Callable[[list[Array]], tuple[Array, ...]]]]
    copies: list[tuple[int, int]]
    suspect: int | None


def count_buffers(kernel: Kernel) -> int:
    """Return how many arrays a runner of a kernel holds."""
    return len(_plan(kernel).buffers)


class BlockRunner:
    """Runs a kernel over blocks of at most ``size`` rows. It has buffers of its own: one for each thread.

    check_inputs: whether blocks with a number that is not finite are to be looked at again.
    """

    def __init__(self, kernel: Kernel, size: int, *, check_inputs: bool = False) -> None:
        self._size = size
        self._check_inputs = check_inputs
        self._watch = kernel.watch
        self._plan = _plan(kernel)
        self._buffers: list[Array] = [
            np.empty(size, np.bool_ if is_condition else np.float64) for is_condition in self._plan.buffers
        ]
        self._running = ""
        self._is_flagged = False

    def _flag(self, kind: str, _flags: int) -> None:
        if kind != "underflow" or self._running not in _UNDERFLOW_RIGHTLY:
            self._is_flagged = True

    def run(self, columns: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """Fill the outputs, and return the rows that must be looked at again.

        columns, outputs: arrays of doubles of one length.
        """
        rows = len(outputs[0])
        doubtful = [np.empty(0, np.intp)]
        for start in range(0, rows, self._size):
            block = slice(start, min(start + self._size, rows))
            # Some functions have another way for numbers that are apart, with other last bits.
            some = [np.ascontiguousarray(column[block]) for column in columns]
            found = self._run_block(some, [output[block] for output in outputs], block.stop - start)
            if found is not None:
                doubtful.append(start + np.flatnonzero(found))
        return np.concatenate(doubtful)

    def _run_block(self, columns: list[Array], outputs: list[Array], count: int) -> Array | None:
        """Fill the outputs of one block, and return which rows must be looked at again, if any."""
        plan = self._plan
        buffers = self._buffers if count == self._size else [buffer[:count] for buffer in self._buffers]
        arrays: list[Array] = [*buffers, *plan.numbers, *outputs, *columns]
        watched = [*(columns if self._check_inputs else ()), *(outputs if self._watch else ())]
        self._is_flagged = False
        with np.errstate(all="call", call=self._flag):
            for name, function, pick in plan.steps:
                self._running = name  # _flag wants to know
                function(*pick(arrays))
            for output, source in plan.copies:
                outputs[output][...] = arrays[source]
            if not self._is_flagged and all(map(_is_finite, watched)):
                return None if plan.suspect is None else arrays[plan.suspect]
        with np.errstate(all="ignore"):
            doubtful = reduce(np.logical_or, (~np.isfinite(x) for x in watched), np.zeros(count, np.bool_))
            if self._is_flagged:
                for name, function, pick in plan.steps:
                    doubtful |= _find_losses(name, function, *pick(arrays))
        return doubtful if plan.suspect is None else doubtful | arrays[plan.suspect]


def _find_losses(name: str, function: Callable[..., Array], *places: Array) -> Array:
    """Run a step once more, and tell in which rows it raises a flag, which NumPy does not tell.

    places: the operands, and where the result goes.
    """
    xs = [np.array(x) for x in places[:-1]]  # the result may be written over them
    y = places[-1]
    function(*xs, y)
    lost = ~np.isfinite(y)
    if name in ("mul", "div"):
        lost |= _underflows(name, xs, y)
    elif name not in _UNDERFLOW_RIGHTLY and name not in _NEVER_UNDERFLOW:
        for row in np.flatnonzero(np.abs(y) < _SMALLEST_NORMAL).tolist():
            lost[row] |= _raises_underflow(function, [x[row] if x.ndim else x for x in xs])
    for x in xs:
        lost &= np.isfinite(x)
    return lost


def _underflows(name: str, xs: Sequence[Array], y: Array) -> Array:
    """Tell in which rows a product or a quotient has lost digits below the normal numbers."""
    small = (np.abs(y) < _SMALLEST_NORMAL) & (xs[0] != 0)
    if name == "mul":
        small &= xs[1] != 0
    rows = np.flatnonzero(small)
    (a, power_a), (b, power_b) = (np.frexp(np.broadcast_to(x, y.shape)[rows]) for x in xs)
    unscaled, power = (a * b, power_a + power_b) if name == "mul" else (a / b, power_a - power_b)
    small[rows] = np.ldexp(y[rows], -power) != unscaled
    return small


def _raises_underflow(function: Callable[..., Array], xs: Sequence[Array]) -> bool:
    try:
        with np.errstate(under="raise"):
            function(*(np.array([x]) for x in xs), np.empty(1))
    except FloatingPointError:
        return True
    return False


def _plan(kernel: Kernel) -> _Plan:
    """Give every register a place. A buffer is used again when nothing reads it any more."""
    first = len(kernel.columns)
    output_of: dict[int, int] = {}
    for output, source in enumerate(kernel.outputs):
        if isinstance(source, int) and source >= first:
            output_of.setdefault(source, output)
    last_use: dict[int, int] = {}
    for index, instruction in enumerate(kernel.instructions, first):
        for arg in instruction.args:
            if isinstance(arg, int):
                last_use[arg] = index
    if kernel.suspect is not None:
        last_use[kernel.suspect] = first + len(kernel.instructions)

    buffers: list[bool] = []
    free: dict[bool, list[int]] = {False: [], True: []}
    buffer_of: dict[int, int] = {}
    for index, (name, args) in enumerate(kernel.instructions, first):
        ending = {arg for arg in args if isinstance(arg, int) and last_use[arg] == index and arg in buffer_of}
        released = [buffer_of[arg] for arg in ending]
        # The functions work in place, but for where, which writes before it has read.
        if name != "where":
            _release(released, buffers, free)
        if index not in output_of:
            is_condition = name in CONDITIONS
            if not free[is_condition]:
                free[is_condition].append(len(buffers))
                buffers.append(is_condition)
            buffer_of[index] = free[is_condition].pop()
        if name == "where":
            _release(released, buffers, free)

    operands = (*kernel.outputs, *(arg for _, args in kernel.instructions for arg in args))
    numbers = list({repr(x): x for x in operands if not isinstance(x, int)}.values())  # two zeros, one NaN
    place_of_number = {repr(x): len(buffers) + index for index, x in enumerate(numbers)}
    first_output = len(buffers) + len(numbers)

    def place(operand: float) -> int:
        if not isinstance(operand, int):
            return place_of_number[repr(operand)]
        if operand < first:
            return first_output + len(kernel.outputs) + operand
        return first_output + output_of[operand] if operand in output_of else buffer_of[operand]

    return _Plan(
        buffers,
        numbers,
        [
            (name, FUNCTIONS[name], itemgetter(*map(place, args), place(index)))
            for index, (name, args) in enumerate(kernel.instructions, first)
        ],
        [
            (output, place(operand))
            for output, operand in enumerate(kernel.outputs)
            if not isinstance(operand, int) or output_of.get(operand) != output
        ],
        None if kernel.suspect is None else place(kernel.suspect),
    )


def _release(released: list[int], buffers: list[bool], free: dict[bool, list[int]]) -> None:
    for buffer in released:
        free[buffers[buffer]].append(buffer)
