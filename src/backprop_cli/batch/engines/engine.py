"""Columns in, results out: by a kernel where it is right, else by masked sweeps, at last point by point.

Nearly all rows are done by the kernel. In a block in which a flag was raised, or a primitive may be at a
kink, the rows that did so are found, and done again by ``careful``, at some ten times the cost; a row that
arrays can't settle is computed on its own, at some thousand times the cost. So what a row comes to does not
depend on the rows beside it.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from threading import Lock, local
from typing import TYPE_CHECKING, Protocol

import numpy as np

from backprop_cli.batch.engines.careful import examine
from backprop_cli.batch.engines.interpreter import BlockRunner, count_buffers
from backprop_cli.batch.engines.results import Results, is_aligned
from backprop_cli.batch.engines.single import SingleEngine
from backprop_cli.batch.tally import STATUSES
from backprop_cli.compile.kernel import build_kernel
from backprop_cli.errors import UsageError
from backprop_cli.system.threads import count_workers, shared_pool

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from backprop_cli.batch.engines.namespace import Array
    from backprop_cli.batch.program import Batch

_UNDEFINED, _NONFINITE, _BAD_INPUT = map(STATUSES.index, STATUSES[2:])

ENGINES = ("auto", "python", "numpy", "jit")

# 256 KiB a buffer: with fewer rows threads wait for each other's Python, with more the cache is too small.
_BLOCK = 1 << 15

# A large program takes fewer rows at a time, so that what it holds of them stays below 64 MiB a thread.
_MOST_NUMBERS = 1 << 23

# LLVM takes 1.5 s for as many, and then more than its share.
_MOST_INSTRUCTIONS = 10_000

# Compiling costs as much as NumPy takes for so many instructions times rows.
_WORTH_COMPILING = 200_000_000

# Instructions times rows of compiled code worth another thread, which takes 0.1 ms to wake: some 0.4 ms.
_PART = 2_000_000

# More bytes of results than caches hold: from here on it pays to write past them.
_STREAMED = 1 << 25


class Engine(Protocol):
    """Computes rows."""

    def compute(self, columns: Mapping[str, Array], count: int) -> Results:
        """Return the results of ``count`` rows. Rows with a NaN in a column have bad input: any will do."""


class Runner(Protocol):
    """Runs a kernel."""

    def run(self, columns: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """Fill the outputs, and return the rows that must be looked at again, each for its own sake."""


def choose_engine(
    name: str,
    batch: Batch,
    start: Mapping[str, float],
    columns: Iterable[str],
    *,
    check_inputs: bool = False,
) -> KernelEngine | SingleEngine:
    """Return the engine of a name.

    start: values of inputs, which the columns replace.  check_inputs: whether columns may hold infinities,
    and NaN that is to be found. Raises UsageError if what the engine needs is not there.
    """
    constants = {name: x for name, x in start.items() if name not in set(columns)}
    special = batch.graph.special
    if special and name in ("numpy", "jit"):
        raise UsageError(f"the engine {name} has no {special}", hint="--engine python computes row by row")
    if name == "python" or special:
        return SingleEngine(batch, constants)
    has_compiler = name != "numpy" and find_spec("llvmlite") is not None
    if name == "jit" and not has_compiler:
        raise UsageError(
            "the engine jit needs llvmlite", hint="pip install 'backprop_cli[jit]'; or --engine numpy"
        )
    if name == "jit" and not _is_supported():
        raise UsageError("the engine jit is not made for this machine", hint="--engine numpy")
    worth = {"numpy": None, "jit": 0}.get(name, _WORTH_COMPILING) if has_compiler else None
    try:
        engine = KernelEngine(batch, constants, worth_compiling=worth, check_inputs=check_inputs)
    except (ArithmeticError, ValueError):
        # A part of the program that is the same in every row has no value.
        return SingleEngine(batch, constants)
    if name == "jit" and not engine.can_compile:
        raise UsageError(
            f"the program is too large for the engine jit: {len(engine.kernel.instructions):,} instructions",
            hint=f"up to {_MOST_INSTRUCTIONS:,} are compiled; --engine numpy",
        )
    return engine


def settle_engine(name: str, batch: Batch, start: Mapping[str, float], columns: Collection[str]) -> str:
    """Return the engine that a choice left open comes to: compiled, else NumPy, else row by row.

    Where rows are computed by several processes, all have to take one: the last bits may differ.
    """
    for settled in ("jit", "numpy") if name == "auto" else ():
        with suppress(UsageError):
            choose_engine(settled, batch, start, columns)
            return settled
    if name != "auto":
        choose_engine(name, batch, start, columns)
        return name
    return "python"


class KernelEngine:
    """Computes a program at columns of numbers.

    constants: the inputs that are the same in every row.  worth_compiling: after how much work, in
    instructions times rows, the kernel is compiled; 0 for at once, None for never.
    """

    def __init__(
        self,
        batch: Batch,
        constants: Mapping[str, float],
        *,
        worth_compiling: int | None,
        check_inputs: bool = False,
    ) -> None:
        self._batch = batch
        self._constants = dict(constants)
        self.kernel = build_kernel(
            batch.graph,
            batch.wrt,
            self._constants,
            batch.upstream,
            batch.wanted_nodes,
            batch.trace if batch.more else None,
            batch.keys,
        )
        self._single = SingleEngine(batch, constants)
        self._own = local()
        self.can_compile = worth_compiling is not None and len(self.kernel.instructions) <= _MOST_INSTRUCTIONS
        self._worth_compiling = worth_compiling or 0
        self._compiles_at_once = worth_compiling == 0
        self._check_inputs = check_inputs
        self._work = 0
        self._compiling = Lock()
        self._compiled: dict[bool, Runner] = {}

    def compute(self, columns: Mapping[str, Array], count: int) -> Results:
        """Return the results of ``count`` rows. Rows with a NaN in a column have bad input: any will do."""
        results = Results.empty(self._batch, count)
        self._fill([columns[name] for name in self.kernel.columns], results, self._runner(count))
        return results

    def compute_in_threads(self, columns: Mapping[str, Array], results: Results) -> None:
        """Compute many rows on all cores. results: with a status of ok."""
        count = len(results.status)
        arrays = [columns[name] for name in self.kernel.columns]
        numbers = results.numbers()
        streams = 8 * count * len(numbers) >= _STREAMED and all(map(is_aligned, numbers))
        runner = self._runner(count, streams=streams)
        # Some parts for each core, so that none waits long for the last; of whole lines of the cache.
        least = _PART // (len(self.kernel.instructions) + 1) if self._is_compiled(runner) else _BLOCK
        if count <= least:
            self._fill(arrays, results, runner)
            return
        size = max(least, -(-count // (4 * count_workers()))) // 8 * 8 + 8
        parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
        todo = iter(parts)

        def work() -> list[int]:
            overflowing = []
            for rows in todo:
                part = results.part(rows)
                own = runner if self._is_compiled(runner) else self._block_runner()
                self._fill([array[rows] for array in arrays], part, own)
                overflowing += [rows.start + row for row in part.overflowing]
            return overflowing

        helpers = min(count_workers(), len(parts)) - 1
        others = [shared_pool().submit(work) for _ in range(helpers)] if helpers else []
        results.overflowing = work()
        for other in others:
            results.overflowing += other.result()

    def _is_compiled(self, runner: Runner) -> bool:
        return not isinstance(runner, BlockRunner)

    def _block_runner(self) -> BlockRunner:
        """Return the runner of this thread, with buffers of its own."""
        if not hasattr(self._own, "runner"):
            size = _rows_at_a_time(count_buffers(self.kernel))
            self._own.runner = BlockRunner(self.kernel, size, check_inputs=self._check_inputs)
        runner: BlockRunner = self._own.runner
        return runner

    def _runner(self, count: int, *, streams: bool = False) -> Runner:
        """Return what runs the next rows: the compiled kernel as soon as it has paid to compile it."""
        self._work += count * len(self.kernel.instructions)
        if not self.can_compile or self._work < self._worth_compiling:
            return self._block_runner()
        if not self._compiled and not _is_supported():
            self.can_compile = False
            return self._block_runner()
        # While one thread compiles, the others go on as before.
        if streams not in self._compiled and self._compiling.acquire(blocking=self._compiles_at_once):
            try:
                if streams not in self._compiled:
                    from backprop_cli.batch.engines.jit import CompiledRunner

                    self._compiled[streams] = CompiledRunner(
                        self.kernel, streams=streams, check_inputs=self._check_inputs
                    )
            finally:
                self._compiling.release()
        return self._compiled.get(streams) or self._block_runner()

    def _fill(self, columns: Sequence[Array], results: Results, runner: Runner) -> None:
        again = runner.run(columns, results.numbers())
        if not len(again):
            return
        most = _rows_at_a_time(4 * len(self._batch.graph.ops))
        for start in range(0, len(again), most):
            self._do_again(columns, results, again[start : start + most])

    def _do_again(self, columns: Sequence[Array], results: Results, rows: Array) -> None:
        """Do some rows again: all at once, and what arrays can't settle one by one."""
        columns = [column[rows] for column in columns]
        if columns:
            is_good = np.logical_and.reduce([np.isfinite(column) for column in columns])
            bad = rows[~is_good]
            results.status[bad] = _BAD_INPUT
            for numbers in results.numbers():
                numbers[bad] = np.nan
            columns, rows = [column[is_good] for column in columns], rows[is_good]
        cells = dict(zip(self.kernel.columns, columns, strict=True))
        # The careful sweeps have nothing beside the gradient.
        unsettled = np.ones(len(rows), np.bool_) if self._batch.more else self._examine(cells, results, rows)
        for index in np.flatnonzero(unsettled).tolist():
            single = {name: float(column[index]) for name, column in cells.items()}
            self._single.compute_row(single, results, int(rows[index]))

    def _examine(self, cells: Mapping[str, Array], results: Results, rows: Array) -> Array:
        """Do some rows again by careful sweeps, and return which of them are not settled so."""
        batch = self._batch
        point = {**self._constants, **cells}
        found = examine(batch.graph, point, len(rows), batch.wrt, batch.upstream, batch.wanted_nodes)
        for numbers, new in zip(
            results.numbers(), (found.value, *found.gradients, *found.values), strict=True
        ):
            numbers[rows] = new
        lost = rows[found.undefined | found.overflowed]
        for numbers in (results.value, *results.gradients):
            numbers[lost] = np.nan
        results.status[rows[found.undefined]] = _UNDEFINED
        results.status[rows[found.overflowed]] = _NONFINITE
        return found.unsettled


def _is_supported() -> bool:
    """Tell whether kernels can be compiled for this machine; to ask takes some 30 ms."""
    from backprop_cli.batch.engines.jit import is_supported

    return is_supported()


def _rows_at_a_time(arrays: int) -> int:
    """Return how many rows to take where so many arrays of them are held."""
    return max(64, min(_BLOCK, _MOST_NUMBERS // max(1, arrays) // 64 * 64))
