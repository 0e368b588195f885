"""From Python: value and gradients of a program at columns of numbers, prepared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch import STATUSES, Batch
from backprop_cli.engines.engine import choose_engine
from backprop_cli.engines.results import Results
from backprop_cli.errors import InputError
from backprop_cli.naming import listing
from backprop_cli.source import check_names, choose_point, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from backprop_cli.engines.results import Floats


class RowResults(NamedTuple):
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
        arrays = {name: np.asarray(columns[name], np.float64) for name in self.columns if name in columns}
        if len(arrays) < len(self.columns):
            missing = [name for name in self.columns if name not in arrays]
            raise InputError(f"the columns lack {listing(missing)}")
        shapes = {array.shape for array in arrays.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise InputError("the columns are not of one dimension and one length")
        (count,) = next(iter(shapes))
        if out is None:
            results = Results.empty(self._batch, count)
        else:
            results = Results(out.value, list(out.gradients.values()), (), out.status)
        self._engine.compute_in_threads(arrays, results)
        return RowResults(
            results.value, dict(zip(self._batch.wrt, results.gradients, strict=True)), results.status
        )


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
    constants = dict(constants or {})
    source = read_source(program, constants)
    names = [name for name in source.inputs if name not in constants] if columns is None else list(columns)
    check_names(source, names)
    if not names:
        raise InputError("no input is a column")
    start = choose_point(source, {**dict.fromkeys(names, 0.0), **constants})
    wanted = list(source.inputs) if wrt is None else check_names(source, wrt)
    return RowGradient(Batch(source, wanted, float(upstream)), names, start, engine)


__all__ = ["STATUSES", "RowGradient", "RowResults", "compile_rows"]
