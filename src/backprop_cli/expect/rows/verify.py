"""Columns judged: what a user's own program computed at every row, beside what the engines compute."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.frames.frame import count_rows, evaluate
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import Tally
from backprop_cli.errors import InputError
from backprop_cli.expect.columns import RowsVerification
from backprop_cli.expect.expectations import GRADIENT
from backprop_cli.expect.rows.judge import Judge
from backprop_cli.expect.rows.numbers import comparable_rows
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.system.threads import count_workers, read_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.tally import Start
    from backprop_cli.expect.columns import ColumnClaim, Tolerance
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source

_MOST_NODES = 1_000
_MOST_STEPS = 8


def verify_rows(
    source: Source,
    reader: Reader,
    points: Points,
    claims: Sequence[tuple[ColumnClaim, Tolerance]],
    upstream: float,
    advance: Callable[[int], None],
    starts: Sequence[Start] = (),
) -> RowsVerification:
    """Judge columns by the program at every row. advance: is told how much has been read.

    starts: the files that the reader has begun, where it reads several.

    Raises InputError for a step that the program does not have, a column without numbers, data without rows.
    """
    began = time.perf_counter()
    wanted = list(dict.fromkeys(claim.name for claim, _ in claims if claim.of == GRADIENT))
    steps = _telling_steps(lower_source(source))
    named = [claim.name for claim, _ in claims if claim.of != GRADIENT and claim.name]
    values = list(dict.fromkeys([*steps, *named]))
    batch = Batch(source, wanted, upstream, values)
    reader.check(points, None)
    judges = [Judge(claim, tolerance, batch, points, steps, starts) for claim, tolerance in claims]
    inputs = set(source.inputs)

    def explain(point: dict[str, float]) -> str:
        return batch.explain({**points.start, **{name: x for name, x in point.items() if name in inputs}})

    tally = Tally()
    frames = reader.frames(points, advance, keep=False)
    first = next(frames)
    engine = choose_engine("auto", batch, points.start, first.columns)
    ahead = 0 if reader.total is None else count_workers()
    others = read_ahead(frames, ahead) if ahead else frames
    for frame, results in evaluate(engine, chain([first], others), ahead):
        numbers = comparable_rows(frame, results, tally.rows, points, batch)
        count_rows(tally, frame, results, explain)
        for judge in judges:
            judge.add(numbers)
    if not tally.rows:
        raise InputError("the data has no rows to compare")
    return RowsVerification(
        source.text,
        source.read_as,
        dict(points.given),
        upstream,
        tally.rows,
        {str(status): met for status, met in tally.faults().items()},
        tuple(judge.verdict() for judge in judges),
        time.perf_counter() - began,
        tuple(starts),
    )


def _telling_steps(graph: Graph) -> list[str]:
    """Return the steps that may tell rows from others: those with a name, and those that decide a branch."""
    if graph.end > _MOST_NODES:
        return []
    naming = Naming(graph)
    deciding = {
        operand
        for op, operands in zip(graph.ops, graph.operands, strict=True)
        if op is not None and op.kink is not None
        for operand in operands
    }
    inner = [n for n in naming.order if graph.ops[n] is not None and n != graph.output]
    told = [n for n in inner if n in deciding or naming.is_named(n)]
    return [naming.id(n) for n in told if not graph.ops[n].condition][:_MOST_STEPS]  # type: ignore[union-attr]
