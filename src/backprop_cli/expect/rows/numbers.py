"""The rows of a frame beside their results: what columns are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch.tally import FAULTS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats, Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.program import Batch

_FIRST_FAULT = min(map(STATUSES.index, FAULTS))


class Numbers(NamedTuple):
    """The rows of a frame that can be compared.

    rows: their numbers in the data, from 1.  quantities: inputs and steps by name.  idle: those of the rows
    that can't be compared, NaN for what is not known.
    """

    rows: NDArray[np.int64]
    status: NDArray[np.uint8]
    columns: Mapping[str, Floats]
    quantities: Mapping[str, Floats]
    gradients: Mapping[str, Floats]
    values: Mapping[str, Floats]
    idle: Mapping[str, Floats]


def comparable_rows(frame: Frame, results: Results, before: int, points: Points, batch: Batch) -> Numbers:
    """Return the rows of a frame that have results."""
    good = np.flatnonzero(results.status < _FIRST_FAULT)
    bad = np.flatnonzero(results.status >= _FIRST_FAULT)

    def chosen(names: Iterable[str], numbers: Iterable[Floats], rows: NDArray[np.intp]) -> dict[str, Floats]:
        whole = len(rows) == frame.count
        return {name: x if whole else x[rows] for name, x in zip(names, numbers, strict=True)}

    def quantities(rows: NDArray[np.intp]) -> dict[str, Floats]:
        inputs = {name: column for name, column in frame.columns.items() if name in points.inputs}
        constants = {name: np.broadcast_to(x, len(rows)) for name, x in points.start.items()}
        steps = chosen(batch.values, results.values, rows)
        return {**constants, **steps, **chosen(inputs, inputs.values(), rows)}

    return Numbers(
        before + 1 + good.astype(np.int64),
        results.status if not len(bad) else results.status[good],
        chosen(frame.columns, frame.columns.values(), good),
        quantities(good),
        chosen(batch.wrt, results.gradients, good),
        chosen(["", *batch.values], [results.value, *results.values], good),
        quantities(bad),
    )
