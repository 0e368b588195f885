"""A program over data in columns."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.engines.results import Results
from backprop_cli.batch.forms import TEXT, Form
from backprop_cli.batch.frames.frame import Frame, count_rows, evaluate
from backprop_cli.batch.frames.kept import Kept
from backprop_cli.batch.frames.texts import TextWriter
from backprop_cli.batch.frames.write import NpyWriter, NpzWriter, TableWriter
from backprop_cli.batch.tally import STATUSES, RowResult, note_cut
from backprop_cli.system.threads import count_workers, read_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TextIO

    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.frames.write import Writer
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.sample import Sample
    from backprop_cli.batch.sums import Reducer
    from backprop_cli.batch.tally import Tally


def open_writer(
    file: TextIO | BinaryIO,
    form: Form,
    columns: Sequence[str],
    kept: tuple[str, ...] | None,
    points: Points,
    data: Form,
) -> Writer:
    """Return what writes results. kept: the columns of the data to repeat, None for none.  data: its form."""
    inputs = points.inputs_at(kept or ()) if data in TEXT else {}
    if form in TEXT:
        return TextWriter(file, form, columns, kept, inputs)  # type: ignore[arg-type]
    binary: BinaryIO = file  # type: ignore[assignment]
    repeated = Kept(form, kept or (), inputs, Form.csv if data in TEXT else Form.arrow)
    if form is Form.npy:
        return NpyWriter(binary, columns, repeated)
    if form is Form.npz:
        return NpzWriter(binary, columns, repeated)
    return TableWriter(binary, form, columns, repeated)


def run_columns(
    reader: Reader,
    batch: Batch,
    points: Points,
    tally: Tally,
    sample: Sample | None,
    writer: Writer | None,
    flush: Callable[[], None],
    advance: Callable[[int], None],
    *,
    engine: str,
    keep: bool,
    reducer: Reducer | None = None,
    threads: int | None = None,
) -> None:
    """Read, compute, count and write all rows. flush: is called when a frame is written.

    advance: is called with the count of units read, as ``reader.unit`` names them.  reducer: brings all rows
    together to one, which is written alone.  threads: how many compute, None for as many as there are cores.
    """
    start = points.start
    frames = reader.frames(points, advance, keep=keep)
    first = next(frames)
    computing = choose_engine(engine, batch, start, first.columns)
    # What comes as a stream is answered before more is asked for.
    ahead = 0 if reader.total is None else count_workers() if threads is None else threads - 1
    if ahead:
        frames = read_ahead(frames, ahead)
    with ExitStack() as stack:
        if writer is not None:
            stack.callback(writer.let_go)
        for frame, results in evaluate(computing, chain([first], frames), ahead):
            if sample is not None:
                for row in sample.places(frame.count):
                    read = partial(_point, start, frame, row)
                    sample.take(tally.rows + row + 1, read, _result(results, row))
            count_rows(tally, frame, results, lambda point: batch.explain({**start, **point}))
            if isinstance(frame.kept, list):
                note_cut(tally, frame.kept)
            if reducer is not None:
                reducer.add_columns(results.numbers(), results.status)
            elif writer is not None:
                writer.write(frame, results)
                flush()
        if writer is not None:
            if reducer is not None:
                writer.write(Frame(1, {}), _as_columns(reducer.result(len(batch.wrt))))
            writer.close()


def _as_columns(result: RowResult) -> Results:
    """Return the results of one row as those of many."""
    value, gradients, values = (
        [np.array([math.nan if x is None else x]) for x in numbers]
        for numbers in ([result.value], result.gradients, result.values)
    )
    return Results(value[0], gradients, values, np.array([STATUSES.index(result.status)], np.uint8))


def _point(start: Mapping[str, float], frame: Frame, row: int) -> dict[str, float]:
    return {**start, **frame.point(row)}


def _result(results: Results, row: int) -> RowResult:
    value, *others = (None if np.isnan(x[row]) else float(x[row]) for x in results.numbers())
    gradients, values = others[: len(results.gradients)], others[len(results.gradients) :]
    return RowResult(value, gradients, STATUSES[results.status[row]], values=values)
