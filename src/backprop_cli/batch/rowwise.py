"""From Python: value and gradients of a program at columns of numbers, prepared once."""

from __future__ import annotations

from collections.abc import Mapping
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
from backprop_cli.language.arguments import given_values, name_list, upstream_gradient
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.record import Record
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from backprop_cli.batch.engines.results import Floats

_COLUMNS = 'it is a dictionary of names and columns: {"a": [1, 2]}'


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
        if not isinstance(columns, Mapping):
            raise InputError(f"the columns are of type {type(columns).__name__}", hint=_COLUMNS)
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise InputError(f"the columns lack {listing(missing)}")
        arrays = {name: _numbers(name, columns[name]) for name in self.columns}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            told = listing([f"{name} has {count:,}" for name, count in lengths.items()])
            raise InputError(f"the columns differ in their counts of rows: {told}")
        count = next(iter(lengths.values()))
        results = Results.empty(self._batch, count) if out is None else self._results_in(out, count)
        self._engine.compute_in_threads(arrays, results)
        return RowResults(
            results.value, dict(zip(self._batch.wrt, results.gradients, strict=True)), results.status
        )

    def _results_in(self, out: RowResults, count: int) -> Results:
        """Return results that are written over earlier ones. Raises InputError."""
        if not isinstance(out, RowResults):
            raise InputError(
                f"out is of type {type(out).__name__}", hint="it is what an earlier call returned"
            )
        if len(out.status) != count or list(out.gradients) != list(self._batch.wrt):
            told = f"{len(out.status):,} rows by {listing(list(out.gradients))}"
            raise InputError(f"out holds {told}, not {count:,} by {listing(list(self._batch.wrt))}")
        return Results(out.value, list(out.gradients.values()), (), out.status)


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
    notation: str | None = None,
) -> RowGradient:
    """Prepare a program for many rows.

    columns: the inputs that differ from row to row, by default all that have no constant.
    constants: the values of the others.  wrt: the inputs to differentiate by, by default all of them, those
    of ``constants`` too.  engine: auto, numpy, jit (compiled) or python (row by row); see
    docs/performance.md.  notation: as in ``gradient``.

    Raises what ``gradient`` raises for a program or an input that is wrong, and UsageError for an engine that
    is not installed.

    >>> rows = compile_rows("(a*b + c)*f", constants={"f": 5})
    >>> rows({"a": [2, 3], "b": [3, 3], "c": [-10, 0]}).gradients["a"]
    array([15., 15.])
    """
    if not isinstance(engine, str) or engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}", hint=f"one of {', '.join(ENGINES)}")
    given = given_values("constants", constants or {})
    known = [] if columns is None else name_list("columns", columns)
    source = read_source(program, given, notation, known=known)
    if columns is None:
        names = [name for name in source.inputs if name not in given]
    else:
        names = check_names(source, known)
    if not names:
        raise InputError("no input is a column")
    start = choose_point(source, {**dict.fromkeys(names, 0.0), **given})
    wanted = list(source.inputs) if wrt is None else check_names(source, name_list("wrt", wrt))
    return RowGradient(Batch(source, wanted, upstream_gradient(upstream)), names, start, engine)


__all__ = ["STATUSES", "RowGradient", "RowResults", "compile_rows"]
