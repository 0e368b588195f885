"""The engine of NumPy: a kernel instruction by instruction over blocks of rows that stay in the cache.

Every function writes into a buffer that is there already, so that nothing is allocated for a block and no
page is touched for the first time. NumPy notices overflow, underflow, division by zero and invalid
operations by the processor's own flags, at no cost: a block without any is right, and a block with one is
looked at again.
"""

from __future__ import annotations

import math
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

    def run(self, columns: Sequence[Array], outputs: Sequence[Array]) -> list[slice]:
        """Fill the outputs, and return the blocks of rows that must be looked at again.

        columns, outputs: arrays of doubles of one length.
        """
        doubtful = []
        rows = len(outputs[0])
        with np.errstate(all="call", call=self._flag):
            for start in range(0, rows, self._size):
                block = slice(start, min(start + self._size, rows))
                some = [column[block] for column in columns], [output[block] for output in outputs]
                if self._run_block(*some, block.stop - start):
                    doubtful.append(block)
        return doubtful

    def _run_block(self, columns: list[Array], outputs: list[Array], count: int) -> bool:
        """Fill the outputs of one block, and tell whether it must be looked at again."""
        plan = self._plan
        buffers = self._buffers if count == self._size else [buffer[:count] for buffer in self._buffers]
        arrays: list[Array] = [*buffers, *plan.numbers, *outputs, *columns]
        self._is_flagged = False
        for name, function, pick in plan.steps:
            self._running = name  # _flag wants to know
            function(*pick(arrays))
        for output, source in plan.copies:
            outputs[output][...] = arrays[source]
        if self._is_flagged or (plan.suspect is not None and arrays[plan.suspect].any()):
            return True
        watched = [*(columns if self._check_inputs else ()), *(outputs if self._watch else ())]
        return not all(map(_is_finite, watched))


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
