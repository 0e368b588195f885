"""The engine of NumPy: a kernel instruction by instruction over blocks of rows that stay in the cache.

Every function writes into a buffer that is there already, so that nothing is allocated for a block and no
page is touched for the first time. NumPy notices overflow, underflow, division by zero and invalid
operations by the processor's own flags, at no cost: a block without any is right, and a block with one is
looked at again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.engines.arrays import FUNCTIONS
from backprop_cli.engines.kernel import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.engines.arrays import Array
    from backprop_cli.engines.kernel import Kernel

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
    """Where the registers of a kernel are: in buffers, then the outputs, then the columns.

    buffers: for each whether it holds truth values.  steps: name, function, places of the arguments or
    numbers, place of the result.  copies: (output, place or number) for outputs that are no result of their
    own.  suspect: the place of that register.
    """

    buffers: list[bool]
    steps: list[tuple[str, Callable[..., Array], tuple[int | float, ...], int]]
    copies: list[tuple[int, int | float]]
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

    def run(self, columns: Sequence[Array], outputs: Sequence[Array], doubt: Array) -> None:
        """Fill the outputs, and mark in ``doubt`` the rows of blocks that must be looked at again.

        columns, outputs: arrays of doubles of one length; doubt: of truth values.
        """
        rows = len(doubt)
        with np.errstate(all="call", call=self._flag):
            for start in range(0, rows, self._size):
                block = slice(start, min(start + self._size, rows))
                doubt[block] = self._run_block(
                    [column[block] for column in columns],
                    [output[block] for output in outputs],
                    block.stop - start,
                )

    def _run_block(self, columns: list[Array], outputs: list[Array], count: int) -> bool:
        """Fill the outputs of one block, and tell whether it must be looked at again."""
        plan = self._plan
        buffers = self._buffers if count == self._size else [buffer[:count] for buffer in self._buffers]
        arrays: list[Array] = [*buffers, *outputs, *columns]
        self._is_flagged = False
        # _flag wants to know what is running.
        for self._running, function, args, out in plan.steps:
            function(*[arrays[arg] if type(arg) is int else arg for arg in args], out=arrays[out])
        for output, source in plan.copies:
            outputs[output][...] = arrays[source] if isinstance(source, int) else source
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

    def place(register: int) -> int:
        if register < first:
            return len(buffers) + len(kernel.outputs) + register
        if register in output_of:
            return len(buffers) + output_of[register]
        return buffer_of[register]

    def place_or_number(operand: float) -> float:
        return place(operand) if isinstance(operand, int) else operand

    return _Plan(
        buffers,
        [
            (name, FUNCTIONS[name], tuple(map(place_or_number, args)), place(index))
            for index, (name, args) in enumerate(kernel.instructions, first)
        ],
        [
            (output, place_or_number(operand))
            for output, operand in enumerate(kernel.outputs)
            if not isinstance(operand, int) or output_of.get(operand) != output
        ],
        None if kernel.suspect is None else place(kernel.suspect),
    )


def _release(released: list[int], buffers: list[bool], free: dict[bool, list[int]]) -> None:
    for buffer in released:
        free[buffers[buffer]].append(buffer)
