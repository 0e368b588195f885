"""From Python: value and gradients of a program at columns of numbers, prepared once."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import numpy as np
except ModuleNotFoundError:
    raise ImportError("compile_rows needs NumPy: pip install 'backprop_cli[batch]'") from None

from backprop_cli.batch.engines.engine import ENGINES, choose_engine
from backprop_cli.batch.engines.results import Results
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import STATUSES
from backprop_cli.errors import InputError
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.record import Record
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from backprop_cli.batch.engines.results import Floats


class RowResults(Record):
    """What the rows come to, in arrays of one length.

    Numbers that do not exist are NaN.  status: indices into ``STATUSES``: ok, kink, undefined, nonfinite, bad
    input.
    """

    value: Floats
    gradients: dict[str, Floats]
    status: NDArray[np.uint8]


class RowGradient:
    """A program that is called with columns of numbers. Made by ``compile_rows``."""

    def __init__(
        self, batch: Batch, columns: Sequence[str], constants: Mapping[str, float], engine: str
    ) -> None:
        self._batch = batch
        self.columns = tuple(columns)
        self._engine = choose_engine(engine, batch, constants, columns, check_inputs=True)

    def __call__(self, columns: Mapping[str, ArrayLike], out: RowResults | None = None) -> RowResults:
        """Return value and gradients at every row, computed on all cores.

        columns: input -> numbers, of one dimension and one length.  out: results of an earlier call for as
        many rows, to be written over, which saves touching new memory. Raises InputError.
        """
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise InputError(f"the columns lack {listing(missing)}")
        arrays = {name: _numbers(name, columns[name]) for name in self.columns}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            told = listing([f"{name} has {count:,}" for name, count in lengths.items()])
            raise InputError(f"the columns differ in their counts of rows: {told}")
        count = next(iter(lengths.values()))
        if out is None:
            results = Results.empty(self._batch, count)
        else:
            results = Results(out.value, list(out.gradients.values()), (), out.status)
        self._engine.compute_in_threads(arrays, results)
        return RowResults(
            results.value, dict(zip(self._batch.wrt, results.gradients, strict=True)), results.status
        )


def _numbers(name: str, column: ArrayLike) -> Floats:
    """Return a column as doubles. Raises InputError."""
    array = np.asarray(column)
    if array.dtype.kind not in "iuf":
        raise InputError(f"the column {name} holds {array.dtype}, not numbers")
    if array.ndim != 1:
        raise InputError(
            f"the column {name} has {array.ndim} dimensions, not 1",
            hint="a number for all rows is one of the constants",
        )
    return array.astype(np.float64, copy=False)


def compile_rows(
    program: str,
    columns: Iterable[str] | None = None,
    constants: Mapping[str, float] | None = None,
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    engine: str = "auto",
) -> RowGradient:
    """Prepare a program for many rows.

    columns: the inputs that differ from row to row, by default all that have no constant.
    constants: the values of the others.  wrt: the inputs to differentiate by, by default all of them, those
    of ``constants`` too.  engine: auto, numpy, jit (compiled) or python (row by row); see
    docs/performance.md.

    Raises what ``gradient`` raises for a program or an input that is wrong, and UsageError for an engine that
    is not installed.

    >>> rows = compile_rows("(a*b + c)*f", constants={"f": 5})
    >>> rows({"a": [2, 3], "b": [3, 3], "c": [-10, 0]}).gradients["a"]
    array([15., 15.])
    """
    if engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}", hint=f"one of {', '.join(ENGINES)}")
    if isinstance(wrt, str):
        raise InputError(f"wrt is the text {wrt!r}", hint="it is a list of names")
    constants = {name: float(x) for name, x in (constants or {}).items()}
    source = read_source(program, constants)
    names = [name for name in source.inputs if name not in constants] if columns is None else list(columns)
    check_names(source, names)
    if not names:
        raise InputError("no input is a column")
    start = choose_point(source, {**dict.fromkeys(names, 0.0), **constants})
    wanted = list(source.inputs) if wrt is None else check_names(source, wrt)
    return RowGradient(Batch(source, wanted, float(upstream)), names, start, engine)


__all__ = ["STATUSES", "RowGradient", "RowResults", "compile_rows"]
