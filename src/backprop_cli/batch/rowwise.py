"""From Python: value and gradients of a program at columns of numbers, prepared once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

try:
    import numpy as np
except ModuleNotFoundError:
    raise ImportError("compile_rows needs NumPy: pip install 'backprop_cli[batch]'") from None

from backprop_cli.batch.engines.engine import ENGINES, choose_engine
from backprop_cli.batch.engines.results import Results, address_of
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

_DOUBLES = np.dtype(np.float64)
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

        columns: input -> numbers, of one dimension and one length; what is masked is bad input.  out: results
        of an earlier call for as many rows, to be written over, which saves touching new memory. Their arrays
        may be replaced by others of the same kind: contiguous, writable, apart from each other and from the
        columns. Raises InputError, with nothing written.
        """
        arrays, count = self._read(columns)
        if out is None:
            results = Results.empty(self._batch, count)
        else:
            results = self._results_in(out, count)
            _refuse_overlaps([*results.numbers(), results.status], list(arrays.values()))
        self._engine.compute_in_threads(arrays, results)
        return RowResults(
            results.value, dict(zip(self._batch.wrt, results.gradients, strict=True)), results.status
        )

    def _read(self, columns: Mapping[str, ArrayLike]) -> tuple[dict[str, Floats], int]:
        """Return the columns as doubles, and how many rows there are. Raises InputError."""
        if type(columns) is not dict and not isinstance(columns, Mapping):
            raise InputError(f"the columns are of type {type(columns).__name__}", hint=_COLUMNS)
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise InputError(f"the columns lack {listing(missing)}")
        arrays = {name: column_numbers(name, columns[name]) for name in self.columns}
        counts = {len(array) for array in arrays.values()}
        if len(counts) > 1:
            told = listing([f"{name} has {len(array):,}" for name, array in arrays.items()])
            raise InputError(f"the columns differ in their counts of rows: {told}")
        return arrays, counts.pop()

    def _results_in(self, out: RowResults, count: int) -> Results:
        """Return results that are written over earlier ones. Raises InputError."""
        if not isinstance(out, RowResults):
            raise InputError(
                f"out is of type {type(out).__name__}", hint="it is what an earlier call returned"
            )
        wanted = list(self._batch.wrt)
        if not isinstance(out.gradients, Mapping):
            raise InputError(f"out.gradients is of type {type(out.gradients).__name__}, not a dictionary")
        if list(out.gradients) != wanted:
            held = listing(list(map(str, out.gradients))) or "nothing"
            raise InputError(f"out holds gradients with respect to {held}, not to {listing(wanted)}")
        gradients = [
            _writable(f"gradients[{name!r}]", array, np.float64, count)
            for name, array in out.gradients.items()
        ]
        value = _writable("value", out.value, np.float64, count)
        return Results(value, gradients, (), _writable("status", out.status, np.uint8, count))


def _writable(name: str, array: object, dtype: type, count: int) -> NDArray[Any]:
    """Return an array of ``out`` if results can be written to it. Raises InputError."""
    if not isinstance(array, np.ndarray):
        raise InputError(f"out.{name} is of type {type(array).__name__}, not an array")
    array = np.asarray(array)  # a subclass may say what it likes
    if array.shape != (count,):
        raise InputError(f"out.{name} is of shape {array.shape}, not ({count:,},)")
    if array.dtype != dtype or not array.dtype.isnative:
        raise InputError(f"out.{name} holds {array.dtype}, not {np.dtype(dtype)}")
    if not (array.flags.carray and array.flags.c_contiguous):
        raise InputError(f"out.{name} is read-only, unaligned or has gaps")
    return array


def _refuse_overlaps(outputs: Sequence[NDArray[Any]], columns: Sequence[Floats]) -> None:
    """Raise InputError where what is written would overwrite other results, or a column still to be read."""
    ends = [-1]
    for start, end in sorted(map(_bounds, outputs)):
        if start < ends[-1]:
            raise InputError("two arrays of out share their memory")
        ends += [start, end]
    for column in columns:
        start, end = _bounds(column)
        # Ends of spans, in order: between an odd one and the next even one is an output.
        first, last = bisect_right(ends, start), bisect_left(ends, end)
        # An output may still lie in the gaps of a column.
        if start < end and (first != last or first % 2 == 0) and _share(column, outputs):
            raise InputError("out shares its memory with a column")


def _share(column: Floats, outputs: Sequence[NDArray[Any]]) -> bool:
    return any(np.shares_memory(column, output) for output in outputs)


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    """Return where in memory an array begins and ends, gaps included."""
    if not array.size:
        return 0, 0
    first = address_of(array)
    step = array.strides[0] * (array.size - 1)
    return first + min(step, 0), first + max(step, 0) + array.itemsize


def column_numbers(name: str, column: ArrayLike) -> Floats:
    """Return a column as doubles. Raises InputError."""
    if type(column) is np.ndarray and column.dtype is _DOUBLES and column.ndim == 1 and column.flags.aligned:
        return column
    try:
        if isinstance(column, np.ma.MaskedArray) and column.dtype.kind in "iuf":
            column = np.ma.filled(column.astype(np.float64), np.nan)
        array = np.asarray(column)
    except (ValueError, TypeError) as error:  # lists of different lengths, and whatever an object makes of it
        raise InputError(f"the column {name} is no array: {error}") from None
    if array.dtype.kind not in "iuf":
        raise InputError(f"the column {name} holds {array.dtype}, not numbers")
    if array.ndim != 1:
        raise InputError(
            f"the column {name} has {array.ndim} dimensions, not 1",
            hint="a number for all rows is one of the constants",
        )
    with np.errstate(over="ignore"):  # of longdouble: infinities are bad input
        return np.require(array, np.float64, "A")


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
