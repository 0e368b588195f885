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
from backprop_cli.errors import InputError, ShapeError
from backprop_cli.language.arguments import given_arrays, name_list, upstream_gradient
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.language.values import shape_of
from backprop_cli.record import Record
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.language.arrays.shapes import Shape
    from backprop_cli.language.arrays.values import Array

_DOUBLES = np.dtype(np.float64)
_COLUMNS = 'it is a dictionary of names and columns: {"a": [1, 2]}'


class RowResults(Record):
    """What the rows come to, in arrays of one length.

    Numbers that do not exist are NaN.  status: indices into ``STATUSES``: ok, kink, undefined, nonfinite, bad
    input.  hessian: pairs of inputs, each once -> the second derivatives, where order=2 asks for them.
    """

    value: Floats
    gradients: dict[str, Floats]
    status: NDArray[np.uint8]
    hessian: dict[tuple[str, str], Floats] | None = None

    def gradient(self, name: str) -> Floats:
        """Return the gradient by an input; by an array as one, of shape (rows, 3) for x of shape (3,).

        Raises InputError for what is no input, or an array that is not wanted as a whole.
        """
        if name in self.gradients:
            return self.gradients[name]
        elements = [one for one in self.gradients if one.startswith(f"{name}[")]
        places = [tuple(map(int, one[len(name) + 1 : -1].split(","))) for one in elements]
        shape = tuple(top + 1 for top in max(places, default=()))
        if not elements or places != list(np.ndindex(shape)):
            raise InputError(f"there is no gradient by {name}", hint=f"by {listing(list(self.gradients))}")
        whole = np.stack([self.gradients[one] for one in elements], axis=1)
        return whole.reshape(-1, *shape)


class RowGradient:
    """A program that is called with columns of numbers. Made by ``compile_rows``."""

    def __init__(
        self,
        batch: Batch,
        columns: Sequence[str],
        constants: Mapping[str, float],
        engine: str,
        shapes: Mapping[str, Shape],
    ) -> None:
        self._batch = batch
        self.columns = tuple(columns)
        self.shapes = dict(shapes)
        elements = [one for name in columns for one in element_names(name, shapes.get(name, ()))]
        self._engine = choose_engine(engine, batch, constants, elements, check_inputs=True)

    def __call__(self, columns: Mapping[str, ArrayLike], out: RowResults | None = None) -> RowResults:
        """Return value and gradients at every row, computed on all cores.

        columns: input -> numbers, one for each row; of an array of the program one of these for each row, of
        shape (rows, 3) for x of shape (3,), or its elements by their names; what is masked is bad input.
        out: results of an earlier call for as many rows, to be written over, which saves touching new memory.
        Their arrays may be replaced by others of the same kind: contiguous, writable, apart from each other
        and from the columns.

        Raises InputError, with nothing written.
        """
        arrays, count = self._read(columns)
        if out is None:
            results = Results.empty(self._batch, count)
        else:
            results = self._results_in(out, count)
            _refuse_overlaps([*results.numbers(), results.status], list(arrays.values()))
            results.status.fill(0)
        self._engine.compute_in_threads(arrays, results)
        keys = self._batch.keys
        return RowResults(
            results.value,
            dict(zip(self._batch.wrt, results.gradients, strict=True)),
            results.status,
            dict(zip(keys, results.values, strict=True)) if keys else None,
        )

    def _read(self, columns: Mapping[str, ArrayLike]) -> tuple[dict[str, Floats], int]:
        """Return the columns as doubles, and how many rows there are. Raises InputError."""
        if type(columns) is not dict and not isinstance(columns, Mapping):
            raise InputError(f"the columns are of type {type(columns).__name__}", hint=_COLUMNS)
        arrays: dict[str, Floats] = {}
        missing = []
        for name in self.columns:
            if name in self.shapes:
                arrays |= self._elements(name, columns)
            elif name in columns:
                column: Any = columns[name]
                # A call here would take as long as the checks.
                is_plain = type(column) is np.ndarray and column.dtype is _DOUBLES
                if is_plain and column.ndim == 1 and column.flags.aligned:
                    arrays[name] = column
                else:
                    arrays[name] = column_numbers(name, column)
            else:
                missing.append(name)
        if missing:
            raise InputError(f"the columns lack {listing(missing)}")
        sizes = [*map(len, arrays.values())]
        if sizes.count(sizes[0]) < len(sizes):
            rows = {name.partition("[")[0]: len(array) for name, array in arrays.items()}
            told = listing([f"{name} has {count:,}" for name, count in rows.items()])
            raise InputError(f"the columns differ in their counts of rows: {told}")
        return arrays, sizes[0]

    def _elements(self, name: str, columns: Mapping[str, ArrayLike]) -> dict[str, Floats]:
        """Return the columns of the elements of an array. Raises InputError."""
        shape = self.shapes[name]
        names = element_names(name, shape)
        if name not in columns:
            missing = [one for one in names if one not in columns]
            if missing:
                told = name if len(missing) == len(names) else listing(missing)
                raise InputError(f"the columns lack {told}", hint=f"{name} is of shape {_shape_text(shape)}")
            return {one: column_numbers(one, columns[one]) for one in names}
        whole = column_numbers(name, columns[name], shape)
        return {one: whole[:, *place] for one, place in zip(names, np.ndindex(shape), strict=True)}

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
        second = self._second_in(out, count)
        return Results(value, gradients, second, _writable("status", out.status, np.uint8, count))

    def _second_in(self, out: RowResults, count: int) -> list[Floats]:
        """Return the arrays of second derivatives that are written over. Raises InputError."""
        held = {} if out.hessian is None else out.hessian
        if not isinstance(held, Mapping) or list(held) != self._batch.keys:
            raise InputError("out holds other second derivatives", hint="it is what an earlier call returned")
        return [_writable(f"hessian[{p!r}]", x, np.float64, count) for p, x in held.items()]


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


def column_numbers(name: str, column: ArrayLike, shape: Shape = ()) -> Floats:
    """Return a column as doubles. shape: of what stands in a row. Raises InputError."""
    is_plain = type(column) is np.ndarray and column.dtype is _DOUBLES and column.flags.aligned
    if is_plain and column.shape[1:] == shape and column.ndim == len(shape) + 1:  # type: ignore[union-attr]
        return column  # type: ignore[return-value]
    try:
        if isinstance(column, np.ma.MaskedArray) and column.dtype.kind in "iuf":
            column = np.ma.filled(column.astype(np.float64), np.nan)
        array = np.asarray(column)
    except (ValueError, TypeError) as error:  # lists of different lengths, and whatever an object makes of it
        raise InputError(f"the column {name} is no array: {error}") from None
    if array.dtype.kind not in "iuf":
        raise InputError(f"the column {name} holds {array.dtype}, not numbers")
    if shape and array.shape[1:] != shape:
        raise InputError(f"the column {name} is of shape {array.shape}, not {_shape_text(shape)}")
    if not shape and array.ndim != 1:
        raise InputError(
            f"the column {name} has {array.ndim} dimensions, not 1",
            hint="a number for all rows is one of the constants",
        )
    with np.errstate(over="ignore"):  # of longdouble: infinities are bad input
        return np.require(array, np.float64, "A")


def _shape_text(shape: Shape) -> str:
    return f"(rows, {', '.join(map(str, shape))})"


def compile_rows(
    program: str,
    columns: Iterable[str] | None = None,
    constants: Mapping[str, ArrayLike] | None = None,
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    order: int = 1,
    engine: str = "auto",
    notation: str | None = None,
) -> RowGradient:
    """Prepare a program for many rows.

    columns: the inputs that differ from row to row, by default all that have no constant; arrays with their
    shapes, ``x:3`` or ``W:2x3``.  constants: the values of the others, numbers or arrays.  wrt: the inputs
    to differentiate by, by default all of them, those of ``constants`` too; an array is all its elements,
    whose gradients stand under their names, ``x[0]``.  order: 2 for second derivatives, too.
    engine: auto, numpy, jit (compiled) or python (row by row); see docs/performance.md.
    notation: as in ``gradient``.

    Raises what ``gradient`` raises for a program or an input that is wrong, and UsageError for an engine that
    is not installed.

    >>> rows = compile_rows("(a*b + c)*f", constants={"f": 5})
    >>> rows({"a": [2, 3], "b": [3, 3], "c": [-10, 0]}).gradients["a"]
    array([15., 15.])
    """
    if not isinstance(engine, str) or engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}", hint=f"one of {', '.join(ENGINES)}")
    given = given_arrays("constants", constants or {})
    shapes, known = _with_shapes([] if columns is None else name_list("columns", columns))
    try:
        source = read_source(program, {**given, **shapes}, notation, known=known)
    except ShapeError as error:
        error.hint = "a column of arrays has its shape: columns=['x:3', 'W:2x3']"
        raise
    of_arrays = {one: name for name, shape in source.shapes.items() for one in element_names(name, shape)}
    if columns is None:
        names = [name for name in source.inputs if of_arrays.get(name, name) not in given]
    else:
        names = check_names(source, [*known, *shapes])
    if not names:
        raise InputError("no input is a column")
    start = choose_point(source, {**dict.fromkeys(names, 0.0), **given})
    wanted = list(source.inputs) if wrt is None else check_names(source, name_list("wrt", wrt))
    if order not in (1, 2):
        raise InputError(f"the order is {order!r}", hint="1, or 2 for second derivatives, too")
    batch = Batch(source, wanted, upstream_gradient(upstream), (), order)
    whole = dict.fromkeys(of_arrays.get(name, name) for name in names)
    return RowGradient(
        batch, list(whole), start, engine, {n: source.shapes[n] for n in whole if n in source.shapes}
    )


def _with_shapes(words: Sequence[str]) -> tuple[dict[str, Array], list[str]]:
    """Return the names of columns that have shapes, and the other names. Raises InputError."""
    shapes: dict[str, Array] = {}
    others = []
    for word in words:
        shaped = shape_of(word)
        if shaped is None:
            others.append(word)
        else:
            shapes[shaped[0]] = shaped[1]
    return shapes, others


__all__ = ["STATUSES", "RowGradient", "RowResults", "compile_rows"]
