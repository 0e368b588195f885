"""A program over data in columns."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from backprop_cli.batch.cells import Row
from backprop_cli.batch.engines.engine import choose_engine, settle_engine
from backprop_cli.batch.engines.results import Results
from backprop_cli.batch.forms import TEXT, Form
from backprop_cli.batch.frames.cells import join_columns
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
    from backprop_cli.batch.groups import Groups
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.sample import Sample
    from backprop_cli.batch.tally import Tally
    from backprop_cli.language.arrays.shapes import Shape


def open_writer(
    file: TextIO | BinaryIO,
    form: Form,
    columns: Sequence[str],
    kept: tuple[str, ...] | None,
    points: Points,
    data: Form,
    lists: Mapping[str, Shape],
) -> Writer:
    """Return what writes results. kept: the columns of the data to repeat, None for none.  data: its form.

    lists: what is written as lists in forms that have them, see ``fold``.
    """
    inputs = points.inputs_at(kept or ()) if data in TEXT else {}
    if form in TEXT:
        return TextWriter(file, form, columns, kept, inputs, lists)  # type: ignore[arg-type]
    binary: BinaryIO = file  # type: ignore[assignment]
    repeated = Kept(form, kept or (), inputs, Form.csv if data in TEXT else Form.arrow)
    if form is Form.npy:
        return NpyWriter(binary, columns, repeated)
    if form is Form.npz:
        return NpzWriter(binary, columns, repeated)
    return TableWriter(binary, form, columns, repeated, lists)


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
    groups: Groups | None = None,
    threads: int | None = None,
) -> None:
    """Read, compute, count and write all rows. flush: is called when a frame is written.

    advance: is called with the count of units read, as ``reader.unit`` names them.  groups: brings rows
    together, which are written alone.  threads: how many compute, None for as many as there are cores.
    """
    start = points.start
    with ExitStack() as stack:
        if writer is not None:
            stack.callback(writer.let_go)
        frames = reader.frames(points, advance, keep=keep)
        first = next(frames)
        if groups is not None:  # a sum does not depend on when another engine takes over
            engine = settle_engine(engine, batch, start, first.columns)
        computing = choose_engine(engine, batch, start, first.columns)
        # What comes as a stream is answered before more is asked for.
        ahead = 0 if reader.total is None else count_workers() if threads is None else threads - 1
        if ahead:
            frames = read_ahead(frames, ahead)
        for frame, results in evaluate(computing, chain([first], frames), ahead):
            if sample is not None:
                for row in sample.places(frame.count):
                    read = partial(_point, start, frame, row)
                    sample.take(tally.rows + row + 1, read, _result(results, row))
            count_rows(tally, frame, results, lambda point: batch.explain({**start, **point}))
            if isinstance(frame.kept, list) and groups is None:
                note_cut(tally, frame.kept)
            if groups is not None:
                groups.add_frame(frame, results)
            elif writer is not None:
                writer.write(frame, results)
                flush()
        if writer is not None:
            if groups is not None:
                _write_groups(groups, len(batch.wrt), writer)
            writer.close()


def _write_groups(groups: Groups, gradients: int, writer: Writer) -> None:
    shown, results = [], []
    for what, result in groups.results(gradients):
        shown.append(what)
        results.append(result)
    if results:
        writer.write(Frame(len(results), {}, kept=_as_kept(shown)), _as_columns(results))


def _as_kept(shown: Sequence[Any]) -> tuple[Any, ...] | list[Row]:
    """Return what is shown of groups as data that is kept: a column, or rows where there is one of these."""
    if not any(isinstance(what, Row) for what in shown):
        return (join_columns(shown),)
    names = next(what.names for what in shown if isinstance(what, Row))
    return [what if isinstance(what, Row) else Row(names, what.to_pylist()) for what in shown]


def _as_columns(results: Sequence[RowResult]) -> Results:
    """Return the results of some rows in columns."""
    rows = [(x.value, *x.gradients, *x.values) for x in results]
    value, *others = (
        np.array([math.nan if x is None else x for x in column]) for column in zip(*rows, strict=True)
    )
    count = len(results[0].gradients)
    status = np.array([STATUSES.index(x.status) for x in results], np.uint8)
    return Results(value, others[:count], others[count:], status)


def _point(start: Mapping[str, float], frame: Frame, row: int) -> dict[str, float]:
    return {**start, **frame.point(row)}


def _result(results: Results, row: int) -> RowResult:
    value, *others = (None if np.isnan(x[row]) else float(x[row]) for x in results.numbers())
    gradients, values = others[: len(results.gradients)], others[len(results.gradients) :]
    return RowResult(value, gradients, STATUSES[results.status[row]], values=values)
